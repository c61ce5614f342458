/** Limits of a run: how long it may last, stay silent and how much it may write. */
import { Effect } from "effect"
import type { StopCause } from "../../domain/RunRecord.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { monotonicMillis } from "../Shutdown.ts"

/** What a run writes or lasts beyond its limit between two looks is not prevented. */
const lookEveryMillis = 250
/** Time between two looks that is longer was not Looper's: it was suspended, and perhaps the run with it. */
const longestGapMillis = 4 * lookEveryMillis

/**
 * Waits until a run lasts too long, is silent too long or has written too much; for ever where nothing is limited.
 *
 * **Details** Only the monotonic clock counts, so setting the wall clock changes nothing. Silence is what Looper saw
 * itself: it begins anew when Looper adopts a run, and a time in which Looper was suspended is no silence.
 */
export const exceededLimit = Effect.fnUntraced(function* (run: {
  readonly log: RunLog
  /** On the monotonic clock. */
  readonly startedAtMillis: number
}): Effect.fn.Return<StopCause, never, LooperConfig | RunLogs> {
  const { maxSeconds, maxSilentSeconds, maxLogBytes } = yield* LooperConfig
  if (maxSeconds + maxSilentSeconds + maxLogBytes === 0) return yield* Effect.never
  const { sizeOf } = yield* RunLogs
  let lookedAt = yield* monotonicMillis
  let size: number | undefined
  let silentMillis = 0
  for (;;) {
    const now = yield* monotonicMillis
    const sizeNow = yield* sizeOf(run.log)
    // A log that somebody deleted tells nothing.
    const isSilent = sizeNow !== undefined && sizeNow === size
    silentMillis = isSilent ? silentMillis + Math.min(now - lookedAt, longestGapMillis) : 0
    lookedAt = now
    size = sizeNow
    if (maxLogBytes > 0 && (size ?? 0) - run.log.headerBytes > maxLogBytes) return "max_log_bytes"
    if (maxSeconds > 0 && now - run.startedAtMillis >= maxSeconds * 1_000) return "max_seconds"
    if (maxSilentSeconds > 0 && silentMillis >= maxSilentSeconds * 1_000) return "max_silent_seconds"
    yield* Effect.sleep(lookEveryMillis)
  }
})
