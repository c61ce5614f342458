/** Text that a command is told by an argument, on stdin or in a file. */
import { readFile } from "node:fs/promises"
import { buffer } from "node:stream/consumers"
import { Effect, Option } from "effect"
import { type CommandFailed, exitCodes, failed } from "./exitCodes.ts"

const wrong = (sentence: string) => failed(exitCodes.usage, sentence)

const decoded = (bytes: Uint8Array, source: string): Effect.Effect<string, CommandFailed> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => wrong(`${source} is not UTF-8`)
  })

const stdinText: Effect.Effect<string, CommandFailed> = Effect.flatMap(
  Effect.tryPromise({
    try: () => buffer(process.stdin),
    catch: (error) => wrong(`cannot read stdin: ${(error as Error).message}`)
  }),
  (bytes) => decoded(bytes, "stdin")
)

/** An argument, which as `-` stands for all of stdin. */
export const argumentText = (argument: Option.Option<string>): Effect.Effect<string | undefined, CommandFailed> => {
  if (Option.isNone(argument)) return Effect.undefined
  return argument.value === "-" ? stdinText : Effect.succeed(argument.value)
}

/** A file's text. */
export const fileText = (flag: string, file: string): Effect.Effect<string, CommandFailed> =>
  Effect.flatMap(
    Effect.tryPromise({
      try: () => readFile(file),
      catch: (error) => wrong(`${flag} cannot be read: ${(error as Error).message}`)
    }),
    (bytes) => decoded(bytes, `${flag} ${file}`)
  )
