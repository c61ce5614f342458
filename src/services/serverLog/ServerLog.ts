/** Looper's own log file: records and the mirrored output of runs, in order, with one writer. */
import { Clock, Context, Effect, Layer, Schema, Semaphore } from "effect"
import { jsonRecord } from "../../domain/jsonRecord.ts"
import type { LogFormat } from "../../domain/logRecord.ts"
import type { BatchPlace } from "../../domain/mirrorIntent.ts"
import { LogFile, retryMillis } from "./LogFile.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { MirrorRecovery } from "../mirror/MirrorRecovery.ts"
import { toStdout, toStdoutBehindListening } from "./toStdout.ts"

/** The server log cannot be opened at start. */
export class ServerLogUnwritable extends Schema.TaggedError<ServerLogUnwritable>()("ServerLogUnwritable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot write server log ${this.path}: ${this.reason}`
  }
}

/** The server log; whole lines only, so records and batches never mix. */
export class ServerLog extends Context.Service<
  ServerLog,
  {
    /** The form of the records and lines that it is given. */
    readonly format: LogFormat
    /** Appends one record, newline included, in this turn of the event loop; copied to stdout too. */
    readonly record: (line: string) => void
    /**
     * Appends whole lines as one batch, no record inside; waits while the disk is full.
     *
     * **Details** `onBegin` is told where they go right before the first byte, which is when all that came before is
     * in the file, and again when the rest of them goes to another file; while it throws, they wait. Interrupted after
     * that, the rest is still written before anything else. Without lines it waits for all that came before.
     */
    readonly append: (
      lines: Uint8Array,
      options?: { readonly onBegin: (place: BatchPlace) => void }
    ) => Effect.Effect<void>
    /** Closes and opens the file anew, after somebody moved it. */
    readonly reopen: Effect.Effect<void>
    /** Says on stdout, before all else there, where Looper listens; nothing unless `isListeningFirst` and in JSON. */
    readonly sayListening: (listening: { readonly url: string; readonly pid: number }) => void
  }
>()("looper/services/serverLog/ServerLog") {
  /**
   * Opens the file, and creates its folder, for the layer's life.
   *
   * **Details** A batch that an earlier Looper began is finished before anything else is written; a line that was cut
   * for another reason gets its newline. A disk that is full delays both, and not the start. With `isListeningFirst`
   * stdout begins, in the JSON form, with `{"event":"listening",…}`: what is recorded before that is held back there, and
   * written at the layer's end or the process' exit where Looper never listens.
   *
   * **Errors** `ServerLogUnwritable`: nothing is open.
   */
  static readonly layerWith = (options: { readonly isCopiedToStdout: boolean; readonly isListeningFirst?: boolean }) =>
    Layer.effect(
      ServerLog,
      Effect.gen(function* () {
        const { serverLogPath, logFormat: format } = yield* LooperConfig
        const clock = yield* Clock.Clock
        const { left } = yield* MirrorRecovery
        const file = yield* Effect.acquireRelease(
          Effect.try({
            try: () => new LogFile(serverLogPath, left, format === "json" ? droppedRecord(clock) : undefined),
            catch: (error) => new ServerLogUnwritable({ path: serverLogPath, reason: (error as Error).message })
          }),
          (opened) => Effect.sync(() => opened.close())
        )
        const stdout =
          options.isListeningFirst === true && format === "json"
            ? yield* Effect.acquireRelease(Effect.sync(toStdoutBehindListening), ({ release }) => Effect.sync(release))
            : { write: toStdout, sayListening: () => undefined }
        const writer = yield* Semaphore.make(1)
        return ServerLog.of({
          format,
          record: (line) => {
            file.record(line)
            if (options.isCopiedToStdout) stdout.write(line)
          },
          sayListening: stdout.sayListening,
          append: (lines, batch) => writer.withPermit(appendAll(file, lines, batch?.onBegin)),
          reopen: Effect.sync(() => file.markMoved())
        })
      })
    )
  static readonly layerNoDeps = ServerLog.layerWith({ isCopiedToStdout: true })
}

/** Appends in as many writes as the disk allows; records wait until the last one is whole. */
const appendAll = (
  file: LogFile,
  lines: Uint8Array,
  onBegin: ((place: BatchPlace) => void) | undefined
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const isBegun = lines.length === 0 ? () => file.isFlushed() : () => file.begin(lines, onBegin)
    while (!isBegun()) yield* Effect.sleep(retryMillis)
    while (file.hasUnfinished) {
      const written = yield* Effect.uninterruptible(file.writeSome)
      if (written === 0) yield* Effect.sleep(retryMillis)
    }
  }).pipe(Effect.onExit(() => Effect.sync(() => file.release())))

/** Stands for records that found no space. */
const droppedRecord =
  (clock: Clock.Clock) =>
  (records: number): string =>
    jsonRecord({
      date: new Date(clock.currentTimeMillisUnsafe()),
      level: "WARNING",
      event: "server.log.dropped",
      fields: { records }
    })
