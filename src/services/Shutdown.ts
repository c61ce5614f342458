/** Looper's stopping: when it began, how long a tree may still take to obey SIGTERM, and whether to skip that. */
import { Clock, Context, Effect, Layer } from "effect"
import type { ShutdownNotice } from "../domain/shutdownNotice.ts"
import { LooperConfig } from "./config/LooperConfig.ts"

/** Times of one shutdown on the monotonic clock, in milliseconds. */
export interface ShutdownTimes {
  /** From here on SIGKILL. */
  readonly graceEndsMillis: number
  /** From here on the mirror is drained no more. */
  readonly drainEndsMillis: number
  /** At this time Looper exits, whatever is left. */
  readonly deadlineMillis: number
}

/** Milliseconds on the monotonic clock: they do not move when somebody sets the wall clock. */
export const monotonicMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanos) => Number(nanos) / 1e6
)

/** The one shutdown of a process; all times are on the monotonic clock. */
export class Shutdown extends Context.Service<
  Shutdown,
  {
    /** Begins it; a second call changes nothing. */
    readonly begin: Effect.Effect<ShutdownTimes>
    /** Ends the grace now. */
    readonly force: Effect.Effect<void>
    /** A start that failed: what it adopted is left to the next Looper, whatever the configuration says. */
    readonly leaveRuns: Effect.Effect<void>
    /** Do runs outlive this Looper? */
    readonly isLeaving: () => boolean
    /** `undefined` as long as Looper is not stopping. */
    readonly times: () => ShutdownTimes | undefined
    /** What is told to whoever is sent away; `undefined` as long as Looper is not stopping. */
    readonly notice: () => ShutdownNotice | undefined
    /** Names what outlived the shutdown, for the last line. */
    readonly report: (leftover: string) => void
    readonly leftovers: () => ReadonlyArray<string>
  }
>()("looper/services/Shutdown") {
  static readonly layerNoDeps = Layer.effect(
    Shutdown,
    Effect.gen(function* () {
      const { shutdownGraceSeconds, onShutdown } = yield* LooperConfig
      const leftovers: Array<string> = []
      let times: ShutdownTimes | undefined
      let deadlineAtMillis = 0
      let isLeaving = onShutdown === "leave"
      const begin = Effect.zipWith(monotonicMillis, Clock.currentTimeMillis, (now, atMillis) => {
        if (times !== undefined) return times
        times = timesFrom(now, shutdownGraceSeconds * 1_000)
        deadlineAtMillis = Math.round(atMillis + times.deadlineMillis - now)
        return times
      })
      return Shutdown.of({
        begin,
        force: Effect.gen(function* () {
          const begun = yield* begin
          times = { ...begun, graceEndsMillis: yield* monotonicMillis }
        }),
        leaveRuns: Effect.sync(() => {
          isLeaving = true
        }),
        isLeaving: () => isLeaving,
        times: () => times,
        notice: () => times && { deadlineAtMillis, onShutdown: isLeaving ? "leave" : "stop" },
        report: (leftover) => void leftovers.push(leftover),
        leftovers: () => leftovers
      })
    })
  )
}

/** How long SIGTERM may take at most, in milliseconds. */
const longestGraceMillis = 5_000

const timesFrom = (now: number, budgetMillis: number): ShutdownTimes => {
  const reserveMillis = Math.min(3_000, 0.4 * budgetMillis)
  return {
    graceEndsMillis: now + Math.min(longestGraceMillis, budgetMillis - reserveMillis),
    drainEndsMillis: now + Math.max(0, budgetMillis - 500),
    deadlineMillis: now + Math.max(0, budgetMillis - 200)
  }
}
