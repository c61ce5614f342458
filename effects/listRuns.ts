/** Operation: a page of the history. */
import { Effect } from "effect"
import type { HistoryUnavailable } from "../src/domain/errors.ts"
import type { RunCounts, RunsQuery } from "../src/domain/RunRecord.ts"
import type { RunView } from "../src/domain/RunResult.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { type HistoryServices, viewRun } from "./viewRun.ts"

/**
 * A page of the history, newest first, and how many runs there are where that is asked for.
 *
 * **Errors** `HistoryUnavailable`: the database cannot be read.
 */
export const listRuns = Effect.fn("listRuns")(function* (
  query: RunsQuery & { readonly isCounted?: boolean | undefined }
): Effect.fn.Return<
  {
    readonly runs: ReadonlyArray<RunView>
    readonly hasMore: boolean
    /** Of the whole history. */
    readonly counts: RunCounts | undefined
  },
  HistoryUnavailable,
  HistoryServices
> {
  const records = yield* RunRecords
  const found = yield* records.list({ ...query, limit: query.limit + 1 })
  const counts = query.isCounted === true ? yield* records.counts : undefined
  const runs = yield* Effect.forEach(found.slice(0, query.limit), viewRun)
  return { runs, hasMore: found.length > query.limit, counts }
})
