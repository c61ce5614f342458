/** What autopoll remembers between two ticks: whether it is paused, and how often it failed in a row. */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { RequestId } from "../domain/RequestId.ts"
import type { RunEnding } from "../domain/RunRecord.ts"
import type { TickOutcome } from "../domain/RunResult.ts"
import { LooperConfig } from "./config/LooperConfig.ts"
import { Metrics, tickLabels } from "./metrics/Metrics.ts"
import { ProcessTable } from "./processes/ProcessTable.ts"
import { type AutopollState, loadAutopoll, saveAutopoll } from "./records/autopollState.ts"
import { Database } from "./records/Database.ts"
import { monotonicMillis } from "./Shutdown.ts"

/** From this many failures in a row on, ticks wait. */
const freeFailures = 3
const longestBackoffMillis = Duration.toMillis("1 hour")

/** Autopoll's pause and backoff, in memory and in the database. */
export class Autopoll extends Context.Service<
  Autopoll,
  {
    readonly isPaused: () => boolean
    readonly setPaused: (isPaused: boolean) => Effect.Effect<void>
    /** Milliseconds until a tick may start something again; 0 when it may. */
    readonly backoffMillis: Effect.Effect<number>
    /** How long the backoff in effect is as a whole, in milliseconds; 0 without one. */
    readonly wholeBackoffMillis: () => number
    /** In a row, as far as the backoff counts them. */
    readonly failures: () => number
    /** A tick is over. */
    readonly ticked: (outcome: TickOutcome) => Effect.Effect<void>
    /** This Looper's last tick. */
    readonly lastTick: () => (TickOutcome & { readonly atMillis: number }) | undefined
    /** The next tick comes at this time, in milliseconds since the epoch. */
    readonly expectTick: (atMillis: number) => void
    /** `undefined` where none comes by itself. */
    readonly nextTickMillis: () => number | undefined
    /** A tick could not start its run. */
    readonly failed: Effect.Effect<void>
    /** A run that a tick started, an earlier Looper's too, has ended; told again of the same one it changes nothing. */
    readonly ended: (requestId: RequestId, end: RunEnding) => Effect.Effect<void>
  }
>()("looper/services/Autopoll") {
  /**
   * Backoff: after three failures in a row twice the poll interval, then doubling up to an hour (or the interval, if
   * that is longer); a run that ends with 0 resets it.
   *
   * **Details** Both are remembered over a restart. Of another boot's backoff nobody knows how much is over: it
   * begins anew. While the database cannot be read autopoll is not paused; what it knows counts as soon as it can,
   * unless somebody said otherwise meanwhile.
   */
  static readonly layerNoDeps = Layer.effect(
    Autopoll,
    Effect.gen(function* () {
      const { idlePollSeconds } = yield* LooperConfig
      const { bootId } = yield* ProcessTable
      const database = yield* Database
      const metrics = yield* Metrics
      const waitMillis = waitAfter(idlePollSeconds * 1_000)
      let lastTick: (TickOutcome & { readonly atMillis: number }) | undefined
      let nextTickMillis: number | undefined
      const changed = { pause: false, failures: false }
      let state: AutopollState = { isPaused: false, failures: 0, notBeforeMillis: 0, bootId, countedRun: "" }

      const change = (what: "pause" | "failures", values: Partial<AutopollState>) =>
        Effect.suspend(() => {
          changed[what] = true
          state = { ...state, ...values }
          return saveAutopoll(database, what, state)
        })
      const load = Effect.gen(function* () {
        const stored = yield* loadAutopoll(database)
        if (stored === "unreadable") return false
        if (stored === undefined) return true
        const { isPaused, failures } = changed.pause ? { ...stored, isPaused: state.isPaused } : stored
        const latest = (yield* monotonicMillis) + waitMillis(failures)
        const notBeforeMillis = stored.bootId === bootId ? Math.min(stored.notBeforeMillis, latest) : latest
        const { countedRun } = stored
        state = changed.failures ? { ...state, isPaused } : { isPaused, failures, notBeforeMillis, bootId, countedRun }
        if (isPaused && !changed.pause) yield* Effect.logInfo("codex.exec.autopoll.paused")
        return true
      })
      yield* database.onCreated(
        Effect.suspend(() =>
          Effect.andThen(saveAutopoll(database, "pause", state), saveAutopoll(database, "failures", state))
        )
      )
      if (!(yield* load)) {
        const again = Effect.andThen(Effect.sleep("1 second"), load)
        yield* Effect.forkScoped(Effect.repeat(again, { until: (isLoaded) => isLoaded }))
      }

      const failedAs = Effect.fnUntraced(function* (countedRun: string) {
        const failures = state.failures + 1
        const millis = waitMillis(failures)
        const notBeforeMillis = millis === 0 ? 0 : (yield* monotonicMillis) + millis
        yield* change("failures", { failures, notBeforeMillis, countedRun })
        if (millis === 0) return
        yield* Effect.logWarning("codex.exec.autopoll.backoff").pipe(
          Effect.annotateLogs({ failures, seconds: millis / 1_000 })
        )
      })
      const ended = Effect.fnUntraced(function* (requestId: RequestId, { returnCode, stoppedBy }: RunEnding) {
        // A Looper that died right after it counted leaves the end to the next one.
        if (requestId === state.countedRun) return
        // Neither a failure nor a success.
        if (stoppedBy === "request" || stoppedBy === "replacement" || stoppedBy === "shutdown") return
        if (returnCode !== 0 || stoppedBy !== undefined) return yield* failedAs(requestId)
        yield* change("failures", { failures: 0, notBeforeMillis: 0, countedRun: requestId })
      })

      return Autopoll.of({
        isPaused: () => state.isPaused,
        setPaused: (isPaused) =>
          Effect.andThen(
            change("pause", { isPaused }),
            Effect.logInfo(isPaused ? "codex.exec.autopoll.paused" : "codex.exec.autopoll.resumed")
          ),
        backoffMillis: Effect.map(monotonicMillis, (now) => Math.max(0, state.notBeforeMillis - now)),
        wholeBackoffMillis: () => waitMillis(state.failures),
        failures: () => state.failures,
        ticked: (outcome) =>
          Effect.map(Clock.currentTimeMillis, (atMillis) => {
            lastTick = { ...outcome, atMillis }
            metrics.count("autopollTicks", tickLabels(outcome))
          }),
        lastTick: () => lastTick,
        expectTick: (atMillis) => void (nextTickMillis = atMillis),
        nextTickMillis: () => nextTickMillis,
        failed: Effect.suspend(() => failedAs(state.countedRun)),
        ended
      })
    })
  )
}

/** How long ticks wait after so many failures in a row. */
const waitAfter =
  (intervalMillis: number) =>
  (failures: number): number => {
    if (failures < freeFailures) return 0
    const doubled = intervalMillis * 2 ** (failures - freeFailures + 1)
    return Math.min(doubled, Math.max(longestBackoffMillis, intervalMillis))
  }
