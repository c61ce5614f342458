/** `looper serve`: configuration → layers → the server, until a signal or a failure ends it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Layer } from "effect"
import { type HandlerServices, handlers } from "../handlers/index.ts"
import { layerParts, layerWith } from "./layers.ts"
import { platformProblem } from "./platformProblem.ts"
import { root } from "./root.ts"
import { layerAutopoll } from "./runtime/autopoll.ts"
import { awaitFailure, exitCodeOf, layerSignals } from "./runtime/processSignals.ts"
import { HttpServer } from "./runtime/server.ts"
import { layerStartWarnings } from "./runtime/startWarnings.ts"
import { LooperConfig } from "./services/config/LooperConfig.ts"
import { ServerLog } from "./services/serverLog/ServerLog.ts"

const layerLooper = layerWith(LooperConfig.layer({ root, environment: process.env }), {
  ...layerParts,
  serverLog: ServerLog.layerWith({ isCopiedToStdout: true, isListeningFirst: true })
})

const looper = Layer.mergeAll(layerAutopoll, layerStartWarnings).pipe(
  Layer.provide(HttpServer.layer<HandlerServices>(handlers)),
  Layer.provide(layerSignals),
  Layer.provide(layerLooper)
)

/** One line for an operator, whatever the start failed with. */
const sayWhy = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    process.stderr.write(`looper: ${error instanceof Error ? error.message : String(error)}\n`)
  })

const untilStopped = Effect.gen(function* () {
  const problem = platformProblem()
  if (problem !== undefined) return yield* Effect.fail(new Error(problem))
  return yield* Effect.raceFirst(Layer.launch(looper), awaitFailure)
}).pipe(Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : sayWhy(cause))))

/** Serves until a signal or a failure, and ends the process: 0 when all ended in time, otherwise 1. */
export const serve = () =>
  NodeRuntime.runMain(untilStopped, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCodeOf(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)))
  })
