/** Operation: stop one run and no other, or the sequence that is about to start it. */
import { Effect } from "effect"
import {
  type HistoryUnavailable,
  type RunBusy,
  type RunNotFound,
  type ShuttingDown,
  SurvivorsLeft
} from "../src/domain/errors.ts"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { StopResult } from "../src/domain/RunResult.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"

/** Every way {@link stopRun} can fail. */
export type StopRunError = HistoryUnavailable | RunBusy | RunNotFound | ShuttingDown | SurvivorsLeft

/** Every service {@link stopRun} needs. */
export type StopRunServices = RequestIds | RunLock | RunRecords | RunSupervisor

/**
 * Stops the run of this id with its tree, under the run lock; one that has ended is left as it is.
 *
 * **Details** With the id of the sequence in progress it takes no lock: it cuts that sequence's wait, whose caller
 * gets `Cancelled`, and a codex that was started already is stopped before the sequence ends.
 *
 * **Errors**
 * - `RunNotFound`, `HistoryUnavailable`, `RunBusy` (another sequence is in progress), `ShuttingDown`: nothing was done.
 * - `SurvivorsLeft`: these still live.
 */
export const stopRun = Effect.fn("stopRun")(function* (options: {
  readonly id: string
  readonly requestId?: RequestId | undefined
}): Effect.fn.Return<StopResult, StopRunError, StopRunServices> {
  const { id } = options
  const lock = yield* RunLock
  const supervisor = yield* RunSupervisor
  const isCancelled = yield* lock.cancel(id)
  if (!isCancelled) yield* (yield* RunRecords).get(id)
  const started = yield* pidOf(id)
  const isLive = supervisor.live().some(({ requestId }) => requestId === id)
  if (!isLive) {
    const killedPids = isCancelled && started !== undefined ? [started] : []
    return { id, outcome: isCancelled ? "cancelled" : "already_ended", killedPids }
  }
  const requestId = options.requestId ?? (yield* RequestIds).draw()
  // It has no wait that could be cut.
  const sequence = lock
    .tryRun({ requestId, operation: "stop", step: "kill", sequence: stopLive(id) })
    .pipe(Effect.catchTag("Cancelled", Effect.die))
  return { id, outcome: isCancelled ? "cancelled" : "stopped", killedPids: yield* sequence }
})

/** codex' pid, where it was started. */
const pidOf = Effect.fnUntraced(function* (id: string) {
  return (yield* (yield* RunRecords).find(id))?.identity?.codex.pid
})

const stopLive = Effect.fnUntraced(function* (id: string) {
  const stopped = yield* (yield* RunSupervisor).stopRun(id, "request")
  if (stopped === undefined) return []
  const { pid, survivors } = stopped
  const killedPids = survivors.includes(pid) ? [] : [pid]
  return survivors.length === 0 ? killedPids : yield* new SurvivorsLeft({ killedPids, remainingPids: survivors })
})
