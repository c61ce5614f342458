/** Operations: look at runs, those that live and those that ended. */
import { Effect } from "effect"
import type { HistoryUnavailable, RunNotFound } from "../src/domain/errors.ts"
import type { RunRecord, RunsQuery, RunStep } from "../src/domain/RunRecord.ts"
import type { RunView } from "../src/domain/RunResult.ts"
import { ProcessTable } from "../src/services/processes/ProcessTable.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import { monotonicMillis } from "../src/services/Shutdown.ts"

/** Every service that a look at runs needs. */
export type HistoryServices = ProcessTable | RunLogs | RunRecords

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

/**
 * One run with the steps of its sequence.
 *
 * **Errors** `RunNotFound`; `HistoryUnavailable`: it is none of those that live, and the database cannot be read.
 */
export const getRun = Effect.fn("getRun")(function* (
  id: string
): Effect.fn.Return<
  RunView & { readonly steps: ReadonlyArray<RunStep> },
  HistoryUnavailable | RunNotFound,
  HistoryServices
> {
  const records = yield* RunRecords
  return { ...(yield* viewRun(yield* records.get(id))), steps: yield* records.steps(id) }
})

/** A run with what only the machine knows of it while it lives. */
export const viewRun = Effect.fnUntraced(function* (record: RunRecord) {
  const { identity, state, logPath } = record
  if (state !== "running" || identity === undefined) return { record, durationMillis: undefined, logBytes: undefined }
  const { bootId } = yield* ProcessTable
  const isThisBoot = identity.bootId === bootId
  const durationMillis = isThisBoot ? Math.round((yield* monotonicMillis) - identity.startedAtMillis) : undefined
  return { record, durationMillis, logBytes: yield* (yield* RunLogs).sizeOf({ path: logPath }) }
})
