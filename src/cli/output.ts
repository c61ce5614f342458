/** What a command writes: to stdout what was asked for, to stderr all else. */
import { Effect, Schema } from "effect"

/** Whoever read stdout is gone, as after `| head`. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {}

let isClosed = false

/** A reader that is gone is an `error` event, too; without a listener it would end the process. */
const listen = () => {
  if (process.stdout.listenerCount("error") > 0) return
  process.stdout.on("error", () => {
    isClosed = true
  })
  process.stderr.on("error", () => undefined)
}

/** Writes to stdout, and waits until that took it. */
export const write = (text: string | Uint8Array): Effect.Effect<void, OutputClosed> =>
  Effect.callback((resume) => {
    listen()
    if (isClosed) return resume(Effect.fail(new OutputClosed()))
    process.stdout.write(text, (error) => resume(error ? Effect.fail(new OutputClosed()) : Effect.void))
  })

/** Writes lines to stdout; nobody may be there to read them. */
export const print = (...lines: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.ignore(write(lines.map((line) => `${line}\n`).join("")))

/** One JSON document on one line. */
export const printJson = (value: unknown): Effect.Effect<void> => print(JSON.stringify(value))

/** Writes to stderr as it stands. */
export const note = (text: string): Effect.Effect<void> =>
  Effect.sync(() => {
    listen()
    process.stderr.write(text)
  })
