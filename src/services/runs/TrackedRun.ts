/** One run that was let go, from its start or its adoption to its recorded end. */
import { Cause, Clock, Deferred, Effect } from "effect"
import type { RunEnding as RunEnd, StopCause } from "../../domain/RunRecord.ts"
import type { ReturnCode, RunIdentity } from "../../domain/runLog.ts"
import { Autopoll } from "../Autopoll.ts"
import type { LooperConfig } from "../config/LooperConfig.ts"
import { Notices } from "../Notices.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { readReason } from "./endReason.ts"
import { type LimitWatch, makeLimitWatch } from "./runLimits.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { mirrorRun, type RunEnding } from "../mirror/RunMirror.ts"
import { ServerLog } from "../serverLog/ServerLog.ts"
import { monotonicMillis, Shutdown } from "../Shutdown.ts"

/** A run as its keeper knows it. */
export interface TrackedRun {
  readonly identity: RunIdentity
  readonly log: RunLog
  /** Waits for codex' end and learns its code: from its supervisor, its side file, or not at all. */
  readonly learnCode: Effect.Effect<ReturnCode>
  readonly ending: RunEnding
  /** All that will be known of it stands in log, mirror and record. */
  readonly recorded: Deferred.Deferred<void>
  /** An earlier Looper began its mirror. */
  readonly isAdopted: boolean
  /** Otherwise it ended while no Looper watched, and nobody knows when. */
  readonly isSeenEnding: boolean
  /** What is known of its silence. */
  readonly watch: LimitWatch
  /** Who is stopping it: its end is not its own. */
  stoppedBy: StopCause | undefined
}

/** A run of which no end is known yet. */
export const makeTrackedRun = (options: {
  readonly identity: RunIdentity
  readonly log: RunLog
  readonly learnCode: Effect.Effect<ReturnCode>
  readonly isAdopted: boolean
  readonly isSeenEnding: boolean
  readonly stoppedBy: StopCause | undefined
}): TrackedRun => ({
  ...options,
  watch: makeLimitWatch(),
  ending: { code: Deferred.makeUnsafe(), trailerWritten: Deferred.makeUnsafe() },
  recorded: Deferred.makeUnsafe()
})

/** How it ended, as soon as codex has. */
export const endOf = (run: TrackedRun): Effect.Effect<RunEnd> =>
  Effect.map(Deferred.await(run.ending.code), (returnCode) => ({ returnCode, stoppedBy: run.stoppedBy }))

/** Has its trailer been written, or given up for now? Mirror and record may still be incomplete. */
export const hasEnded = ({ ending }: TrackedRun): boolean => Deferred.isDoneUnsafe(ending.trailerWritten)

/** How often a trailer is tried again that a full disk did not take. */
const trailerEveryMillis = 1_000

/** Completes its log and its mirror, and records its end. */
export const keepRun = Effect.fnUntraced(function* (
  run: TrackedRun
): Effect.fn.Return<void, never, Autopoll | LooperConfig | Notices | RunLogs | RunRecords | ServerLog | Shutdown> {
  const runLogs = yield* RunLogs
  const shutdown = yield* Shutdown
  const { identity, log, ending } = run
  const { requestId } = identity

  const writeTrailer = Effect.gen(function* () {
    const code = yield* Deferred.await(ending.code)
    if ((yield* runLogs.readSide(log.sidePath))?.hasTrailer === true) return true
    return yield* runLogs.ensureTrailer(log.path, code)
  })
  const learnEnd = Effect.gen(function* () {
    yield* Deferred.succeed(ending.code, yield* run.learnCode)
    // Now, because trailer and mirror may need longer than codex did.
    const endedAtMillis = yield* run.isSeenEnding ? Clock.currentTimeMillis : runLogs.changedMillis(log)
    const ranMillis = (yield* monotonicMillis) - identity.startedAtMillis
    return { endedAtMillis, durationMillis: run.isSeenEnding ? Math.round(ranMillis) : undefined }
  })
  // The log of one that had ended may hold a trailer that an earlier Looper wrote; the side file knows nothing of it.
  const earlierEnd = run.isSeenEnding ? undefined : yield* learnEnd
  const watch = Effect.gen(function* () {
    const times = earlierEnd ?? (yield* learnEnd)
    const hasTrailer = yield* writeTrailer
    yield* Deferred.succeed(ending.trailerWritten, undefined)
    return { ...times, hasTrailer }
  })
  // The log of a live run can be read there also when it was deleted.
  const codexPid = run.isSeenEnding ? { codexPid: identity.codex.pid } : {}
  const { isAdopted } = run
  const mirror = Effect.scoped(
    mirrorRun({ log, ending, runLogs, serverLog: yield* ServerLog, isAdopted, ...codexPid })
  ).pipe(Effect.catchDefect((defect) => Effect.logError("codex.exec.mirror.fail", Cause.die(defect))))
  const [watched] = yield* Effect.all([watch, mirror], { concurrency: "unbounded" })
  const { endedAtMillis, durationMillis } = watched
  const end = yield* endOf(run)
  yield* Effect.logInfo("codex.exec.ended").pipe(
    Effect.annotateLogs({
      request_id: requestId,
      pid: identity.codex.pid,
      return_code: end.returnCode,
      stopped_by: end.stoppedBy,
      duration_ms: durationMillis
    })
  )
  // Without its trailer the end is not recorded; the next Looper writes it by the code in the side file.
  for (let { hasTrailer } = watched; !hasTrailer; hasTrailer = yield* writeTrailer) {
    if (shutdown.times() !== undefined) return
    yield* Effect.sleep(trailerEveryMillis)
  }
  const records = yield* RunRecords
  const logBytes = yield* runLogs.sizeOf(log)
  const reason = yield* readReason(run, end)
  // A Looper that died right after it recorded this end had told it.
  const isNews = (yield* records.find(requestId))?.endedAtMillis === undefined
  yield* records.end(requestId, { ...end, logBytes, durationMillis, endedAtMillis, reason })
  if (isNews) yield* (yield* Notices).ended({ requestId, end, durationMillis, log })
  if (requestId.startsWith("auto")) yield* (yield* Autopoll).ended(requestId, end)
  yield* runLogs.removeState(log.path)
})
