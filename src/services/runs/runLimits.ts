/** Limits of a run: how long it may last, stay silent and how much it may write. */
import { Effect } from "effect"
import type { LimitName } from "../../domain/RunRecord.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { monotonicMillis } from "../Shutdown.ts"

/** What a run writes or lasts beyond its limit between two looks is not prevented. */
const lookEveryMillis = 250
/** Time between two looks that is longer was not Looper's: it was suspended, and perhaps the run with it. */
const longestGapMillis = 4 * lookEveryMillis

/** How long a run has been silent so far, and when that was looked at, both in milliseconds. */
export interface LimitWatch {
  silentMillis: number
  /** On the monotonic clock. */
  lookedAtMillis: number
}

/** Nothing looked at yet. */
export const makeLimitWatch = (): LimitWatch => ({ silentMillis: 0, lookedAtMillis: 0 })

/** The configured limits of a run that is watched, and how long each leaves it if it goes on as it does. */
export const limitsLeft = Effect.fnUntraced(function* (run: {
  readonly watch: LimitWatch
  /** On the monotonic clock. */
  readonly startedAtMillis: number
}): Effect.fn.Return<
  ReadonlyArray<{ readonly limit: LimitName; readonly value: number; readonly leftMillis: number | undefined }>,
  never,
  LooperConfig
> {
  const { maxSeconds, maxSilentSeconds, maxLogBytes } = yield* LooperConfig
  const now = yield* monotonicMillis
  const { silentMillis, lookedAtMillis } = run.watch
  const silentFor = silentMillis + Math.min(now - lookedAtMillis, longestGapMillis)
  const limits = [
    { limit: "max_seconds", value: maxSeconds, leftMillis: maxSeconds * 1_000 - (now - run.startedAtMillis) },
    { limit: "max_silent_seconds", value: maxSilentSeconds, leftMillis: maxSilentSeconds * 1_000 - silentFor },
    { limit: "max_log_bytes", value: maxLogBytes, leftMillis: undefined }
  ] as const
  return limits.filter(({ value }) => value > 0)
})

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
  readonly watch: LimitWatch
}): Effect.fn.Return<LimitName, never, LooperConfig | RunLogs> {
  const { maxSeconds, maxSilentSeconds, maxLogBytes } = yield* LooperConfig
  if (maxSeconds + maxSilentSeconds + maxLogBytes === 0) return yield* Effect.never
  const { sizeOf } = yield* RunLogs
  const { watch } = run
  watch.lookedAtMillis = yield* monotonicMillis
  watch.silentMillis = 0
  let size: number | undefined
  for (;;) {
    const now = yield* monotonicMillis
    const sizeNow = yield* sizeOf(run.log)
    // A log that somebody deleted tells nothing.
    const isSilent = sizeNow !== undefined && sizeNow === size
    watch.silentMillis = isSilent ? watch.silentMillis + Math.min(now - watch.lookedAtMillis, longestGapMillis) : 0
    watch.lookedAtMillis = now
    size = sizeNow
    if (maxLogBytes > 0 && (size ?? 0) - run.log.headerBytes > maxLogBytes) return "max_log_bytes"
    if (maxSeconds > 0 && now - run.startedAtMillis >= maxSeconds * 1_000) return "max_seconds"
    if (maxSilentSeconds > 0 && watch.silentMillis >= maxSilentSeconds * 1_000) return "max_silent_seconds"
    yield* Effect.sleep(lookEveryMillis)
  }
})
