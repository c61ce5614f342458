/** Runs the command line and ends the process with its exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Layer, Logger, Option } from "effect"
import { CliError, Command } from "effect/cli"
import { version } from "../version.ts"
import { looper } from "./commands.ts"
import { hasColor } from "./environment.ts"
import { CommandFailed, exitCodes } from "./exitCodes.ts"
import { note, OutputClosed } from "./output.ts"
import { layerPlatform } from "./platform.ts"
import { layerUsage } from "./usage.ts"

/** Does what the arguments say; the process then ends with one of the documented codes. */
export const main = (args: ReadonlyArray<string>): void => {
  let isTerminated = false
  process.once("SIGTERM", () => {
    isTerminated = true
  })
  const layer = Layer.mergeAll(layerPlatform, layerUsage({ isColored: hasColor(process.stdout) }), Logger.layer([]))
  const program = Command.runWith(looper, { version })(args).pipe(Effect.provide(layer), Effect.tapCause(sayWhy))
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      const code = exitCodeOf(exit)
      process.exitCode = isTerminated && code === exitCodes.interrupted ? exitCodes.terminated : code
      onExit(Number(process.exitCode))
    }
  })
}

/** One line; of a mistake the usage has said all. */
const sayWhy = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  if (error instanceof OutputClosed || CliError.isCliError(error)) return Effect.void
  if (error instanceof CommandFailed) return error.message === "" ? Effect.void : note(`looper: ${error.message}\n`)
  return note(`looper: internal error: ${error instanceof Error ? error.message : String(error)}\n`)
}

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.interrupted
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof CommandFailed) return error.exitCode
  if (error instanceof OutputClosed) return exitCodes.ok
  if (!CliError.isCliError(error)) return exitCodes.failed
  return error._tag === "ShowHelp" && error.errors.length === 0 ? exitCodes.ok : exitCodes.usage
}
