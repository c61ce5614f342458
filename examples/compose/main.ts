/**
 * Looper's operations in a program of your own, without its HTTP server: messages go to the console, a run is started,
 * watched for two seconds, and stopped.
 *
 *     LOOPER_DEFAULT_WORKSPACE=/path/to/a/git/work/tree CODEX_EXEC_KILL_SCOPE=own node main.ts "Do the next step"
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import { killCodex, layerParts, layerWith, LooperConfig, Notifier, run, ServerLog } from "looper"

// A notifier is one function: it answers with a line about what it did, or fails with `NotifyFailed`.
const layerConsole = Layer.succeed(Notifier, {
  send: (message) => Effect.as(Console.log(`message: ${message}`), "OK notifier=console")
})

// Every service of the operations, over one configuration. The notifier is replaced, and records go to
// logs/looper-server.log only. When this layer ends, the runs that it started are stopped: also at Ctrl-C.
const layerLooper = layerWith(LooperConfig.layer({ root: process.cwd(), environment: process.env }), {
  ...layerParts,
  notifier: layerConsole,
  serverLog: ServerLog.layerWith({ isCopiedToStdout: false })
})

const program = Effect.gen(function* () {
  const { started } = yield* run({ message: "The next step begins.", prompt: process.argv[2] })
  if (started === undefined) return yield* Console.log("an empty prompt starts nothing")
  yield* Console.log(`started: ${started.logPath}`)

  // `end` is how the run ends; whichever comes first.
  const end = yield* Effect.timeoutOption(started.end, "2 seconds")
  if (end._tag === "Some") return yield* Console.log(`ended by itself: ${end.value.returnCode}`)

  const { killedPids } = yield* killCodex()
  yield* Console.log(`stopped: ${killedPids.length}`)
}).pipe(
  // Every failure has a tag and says what is then true; here nothing was done.
  Effect.catchTag(["ToolMissing", "WorkspaceNotDirectory", "PromptUnusable"], (error) =>
    Console.log(`cannot start: ${error.message}`)
  )
)

NodeRuntime.runMain(Effect.provide(program, layerLooper))
