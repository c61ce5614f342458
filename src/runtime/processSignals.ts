/** This process' signals and uncaught failures; the only place that listens to them. */
import { Cause, Effect, Layer } from "effect"
import { ServerLog } from "../services/serverLog/ServerLog.ts"
import { monotonicMillis, Shutdown } from "../services/Shutdown.ts"

/** npm delivers Ctrl-C twice: signals this close to the first are the same one. */
const sameSignalMillis = 1_000

let current: Shutdown["Service"] | undefined

/** 0 when everything ended in time; otherwise 1, and one line names the rest. */
export const exitCodeOf = (hasFailed: boolean): number => {
  const leftovers = current?.leftovers() ?? []
  if (leftovers.length > 0) process.stderr.write(`looper: not stopped in time: ${leftovers.join(", ")}\n`)
  return hasFailed || leftovers.length > 0 ? 1 : 0
}

/**
 * Lets the first SIGTERM or SIGINT begin the shutdown (interrupting the main program is the runtime's part), a
 * later one end the grace, and SIGHUP reopen the server log. At the deadline Looper exits, whatever is left.
 *
 * **Details** The listeners stay for the life of the process: finalizers still run when the later signal comes.
 */
export const layerSignals = Layer.effectDiscard(
  Effect.gen(function* () {
    const shutdown = yield* Shutdown
    const serverLog = yield* ServerLog
    const run = Effect.runForkWith(yield* Effect.context())
    current = shutdown
    let firstAt: number | undefined

    const onStop = (signal: NodeJS.Signals) => {
      const now = performance.now()
      firstAt ??= now
      const isLater = now - firstAt > sameSignalMillis
      const event = Effect.logInfo("server.stop").pipe(Effect.annotateLogs({ signal, is_forced: isLater }))
      run(Effect.andThen(event, isLater ? shutdown.force : exitAtDeadline(shutdown)))
    }
    const onCrash = (error: unknown) => void run(Effect.logFatal("server.crash", Cause.die(error)))
    const onReopen = () => void run(Effect.andThen(serverLog.reopen, Effect.logInfo("server.log.reopened")))
    process.on("SIGTERM", onStop).on("SIGINT", onStop).on("SIGHUP", onReopen)
    process.on("uncaughtException", onCrash).on("unhandledRejection", onCrash)
    yield* Effect.addFinalizer(() => exitAtDeadline(shutdown))
  })
)

/** Begins the shutdown and sets its end; nothing inside Looper can hold that up but a blocked event loop. */
const exitAtDeadline = Effect.fnUntraced(function* (shutdown: Shutdown["Service"]) {
  const { deadlineMillis } = yield* shutdown.begin
  const exit = () => {
    shutdown.report("Looper itself")
    process.exit(exitCodeOf(true))
  }
  setTimeout(exit, Math.max(0, deadlineMillis - (yield* monotonicMillis))).unref()
})

/** Fails with the first exception or rejection that nobody caught, so that finalizers run. */
export const awaitFailure: Effect.Effect<never> = Effect.callback((resume) => {
  const onFailure = (error: unknown) => resume(Effect.die(error))
  process.on("uncaughtException", onFailure).on("unhandledRejection", onFailure)
})
