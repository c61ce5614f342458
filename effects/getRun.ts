/** Operation: one run with the steps of its sequence. */
import { Effect } from "effect"
import type { HistoryUnavailable, RunNotFound } from "../src/domain/errors.ts"
import type { RunStep } from "../src/domain/RunRecord.ts"
import type { RunView } from "../src/domain/RunResult.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { type HistoryServices, viewRun } from "./viewRun.ts"

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
