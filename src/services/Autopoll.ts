/** What autopoll remembers between two ticks: whether it is paused, and how often it failed in a row. */
import { Context, Duration, Effect, Layer } from "effect"
import { LooperConfig } from "./LooperConfig.ts"
import type { RunEnd } from "../domain/RunResult.ts"
import { monotonicMillis } from "./Shutdown.ts"

/** From this many failures in a row on, ticks wait. */
const freeFailures = 3
const longestBackoffMillis = Duration.toMillis("1 hour")

export class Autopoll extends Context.Service<
  Autopoll,
  {
    readonly isPaused: () => boolean
    readonly setPaused: (isPaused: boolean) => Effect.Effect<void>
    /** Milliseconds until a tick may start something again; 0 when it may. */
    readonly backoffMillis: Effect.Effect<number>
    /** A tick could not start its run. */
    readonly failed: Effect.Effect<void>
    /** Waits, beside its caller, for the end of a run that a tick started. */
    readonly watch: (end: Effect.Effect<RunEnd>) => Effect.Effect<void>
  }
>()("looper/services/Autopoll") {
  /**
   * Backoff: after three failures in a row twice the poll interval, then doubling up to an hour (or the interval, if
   * that is longer); a run that ends with 0 resets it.
   */
  static readonly layerNoDeps = Layer.effect(
    Autopoll,
    Effect.gen(function* () {
      const { idlePollSeconds } = yield* LooperConfig
      const scope = yield* Effect.scope
      const intervalMillis = idlePollSeconds * 1_000
      let isPaused = false
      let failures = 0
      let notBeforeMillis = 0

      const failed = Effect.gen(function* () {
        failures += 1
        if (failures < freeFailures) return
        const doubled = intervalMillis * 2 ** (failures - freeFailures + 1)
        const waitMillis = Math.min(doubled, Math.max(longestBackoffMillis, intervalMillis))
        notBeforeMillis = (yield* monotonicMillis) + waitMillis
        yield* Effect.logWarning("codex.exec.autopoll.backoff").pipe(
          Effect.annotateLogs({ failures, seconds: waitMillis / 1_000 })
        )
      })
      const ended = ({ returnCode, wasStopped }: RunEnd) => {
        // Neither a failure nor a success.
        if (wasStopped) return Effect.void
        if (returnCode !== 0) return failed
        return Effect.sync(() => {
          failures = 0
          notBeforeMillis = 0
        })
      }

      return Autopoll.of({
        isPaused: () => isPaused,
        setPaused: (wanted) =>
          Effect.suspend(() => {
            isPaused = wanted
            return Effect.logInfo(wanted ? "codex.exec.autopoll.paused" : "codex.exec.autopoll.resumed")
          }),
        backoffMillis: Effect.map(monotonicMillis, (now) => Math.max(0, notBeforeMillis - now)),
        failed,
        watch: (end) => end.pipe(Effect.flatMap(ended), Effect.forkIn(scope), Effect.asVoid)
      })
    })
  )
}
