/** `looper logs`: a run's log as it is, and as it grows. */
import { Effect, Option, Stream } from "effect"
import type { LooperClient } from "../client/index.ts"
import { hasColor } from "./environment.ts"
import { type CommandFailed, exitCodes, failed } from "./exitCodes.ts"
import { type OutputClosed, write } from "./output.ts"
import { connect, orFail } from "./remote.ts"
import { makeTerminalText } from "./terminalText.ts"

interface LogsOptions {
  readonly id: Option.Option<string>
  readonly follow: boolean
  readonly lines: Option.Option<string>
}

const plain = { json: false }

/** `looper logs`; the bytes of the file, of which a terminal gets what cannot drive it. */
export const logs = (options: LogsOptions): Effect.Effect<void, CommandFailed | OutputClosed> =>
  Effect.gen(function* () {
    const tail = Option.isSome(options.lines) ? { tail: yield* lineCount(options.lines.value) } : {}
    const looper = yield* connect
    const id = Option.isSome(options.id) ? options.id.value : yield* newestLog(looper)
    // A Looper that is not there is waited for only once it was.
    if (options.follow) yield* orFail(plain, looper.getRun({ id }))
    const bytes = options.follow
      ? Stream.flatMap(looper.followLog({ id, ...tail }), (event) =>
          event.kind === "bytes" ? Stream.succeed(event.bytes) : Stream.empty
        )
      : looper.runLog({ id, ...tail })
    yield* process.stdout.isTTY ? toTerminal(bytes) : Stream.runForEach(failing(bytes), write)
  })

/** As many lines as `GET /runs/:id/log` gives at most. */
const maxLines = 1_000_000

/** How many lines a text says; another text is a mistake. */
export const lineCount = (text: string): Effect.Effect<number, CommandFailed> => {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (count <= maxLines) return Effect.succeed(count)
  return Effect.fail(failed(exitCodes.usage, `--lines must be a whole number from 0 to ${maxLines}`))
}

const failing = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, CommandFailed> =>
  bytes.pipe(Stream.catch((error) => Stream.fromEffect(orFail(plain, Effect.fail(error)))))

/** However it ends, colours are off behind it. */
const toTerminal = <E>(bytes: Stream.Stream<Uint8Array, E>): Effect.Effect<void, CommandFailed | OutputClosed> => {
  const text = makeTerminalText({ isColored: hasColor(process.stdout) })
  return Stream.runForEach(failing(bytes), (chunk) => write(text.push(chunk))).pipe(
    Effect.ensuring(Effect.ignore(Effect.suspend(() => write(text.end()))))
  )
}

/** The run that lives, else the newest that has a log. */
const newestLog = (looper: LooperClient): Effect.Effect<string, CommandFailed> =>
  Effect.gen(function* () {
    const { run } = yield* orFail(plain, looper.status())
    if (run !== null) return run.request_id
    const { runs } = yield* orFail(plain, looper.runs())
    const newest = runs.find(({ log_path: path, is_log_pruned: isPruned }) => path !== null && !isPruned)
    return newest?.request_id ?? (yield* failed(exitCodes.failed, "no run has a log yet"))
  })
