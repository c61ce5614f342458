/** Operation: a page of the history. */
import { Effect } from "effect"
import type { HistoryUnavailable } from "../src/domain/errors.ts"
import type { RunsQuery } from "../src/domain/RunRecord.ts"
import type { RunView } from "../src/domain/RunResult.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { type HistoryServices, viewRun } from "./viewRun.ts"

/**
 * A page of the history, newest first.
 *
 * **Errors** `HistoryUnavailable`: the database cannot be read.
 */
export const listRuns = Effect.fn("listRuns")(function* (
  query: RunsQuery
): Effect.fn.Return<
  { readonly runs: ReadonlyArray<RunView>; readonly hasMore: boolean },
  HistoryUnavailable,
  HistoryServices
> {
  const found = yield* (yield* RunRecords).list({ ...query, limit: query.limit + 1 })
  const runs = yield* Effect.forEach(found.slice(0, query.limit), viewRun)
  return { runs, hasMore: found.length > query.limit }
})
