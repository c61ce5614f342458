/** Stops single runs: says so in their records first, ends their trees, keeps their limits. */
import { Cause, Effect } from "effect"
import type { StopCause } from "../../domain/RunRecord.ts"
import type { LooperConfig } from "../config/LooperConfig.ts"
import { mayLive, ProcessTable } from "../processes/ProcessTable.ts"
import { ProcessTrees } from "../processes/ProcessTrees.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { exceededLimit } from "./runLimits.ts"
import type { RunLogs } from "./RunLogs.ts"
import type { TrackedRun } from "./TrackedRun.ts"

/** A limit that could not be kept is tried again after this. */
const limitAgainMillis = 1_000

/** How the runs of one supervisor are stopped. */
export interface RunStops {
  /** Records that these runs are about to be stopped: their ends are not their own. */
  readonly markStopping: (runs: ReadonlyArray<TrackedRun>, cause: StopCause) => Effect.Effect<void>
  /** Stops a run's tree, recorded before; gives the pids that outlived it, ascending. */
  readonly terminateRun: (run: TrackedRun, cause: StopCause) => Effect.Effect<ReadonlyArray<number>>
  /** Stops a run that lasts too long, is silent too long or writes too much; what kept it from that may pass. */
  readonly keepLimits: (run: TrackedRun) => Effect.Effect<void, never, LooperConfig | RunLogs>
}

export const makeRunStops = Effect.gen(function* () {
  const table = yield* ProcessTable
  const trees = yield* ProcessTrees
  const records = yield* RunRecords

  const markStopping: RunStops["markStopping"] = Effect.fnUntraced(function* (runs, cause) {
    // One whose codex is gone has ended by itself, though that may not be known yet.
    const fresh = yield* Effect.filter(
      runs.filter(({ stoppedBy }) => stoppedBy === undefined),
      ({ identity }) => mayLive(table, identity.codex)
    )
    for (const run of fresh) run.stoppedBy = cause
    if (fresh.length > 0) {
      yield* records.stopping(
        fresh.map(({ identity }) => identity.requestId),
        cause
      )
    }
  })

  const terminateRun: RunStops["terminateRun"] = Effect.fnUntraced(function* (run, cause) {
    const { requestId, codex, supervisor } = run.identity
    yield* markStopping([run], cause)
    return (yield* trees.terminate({ targets: [codex], leaders: [supervisor], markers: new Set([requestId]) }))
      .survivors
  })

  const keepLimitsOnce = Effect.fnUntraced(function* (run: TrackedRun) {
    const { identity, log, watch } = run
    const { startedAtMillis } = identity
    const cause = yield* Effect.interruptible(exceededLimit({ log, startedAtMillis, watch }))
    yield* Effect.logWarning("codex.exec.limit").pipe(
      Effect.annotateLogs({ request_id: identity.requestId, pid: identity.codex.pid, limit: cause })
    )
    const survivors = yield* terminateRun(run, cause)
    if (survivors.length === 0) return
    yield* Effect.logError("codex.exec.limit.fail").pipe(
      Effect.annotateLogs({ request_id: identity.requestId, remaining: survivors })
    )
  })
  const keepLimits: RunStops["keepLimits"] = (run) =>
    keepLimitsOnce(run).pipe(
      Effect.tapDefect((defect) => Effect.logError("codex.exec.limit.fail", Cause.die(defect))),
      Effect.catchDefect(() =>
        Effect.interruptible(Effect.sleep(limitAgainMillis)).pipe(Effect.andThen(keepLimits(run)))
      )
    )

  return { markStopping, terminateRun, keepLimits } satisfies RunStops
})
