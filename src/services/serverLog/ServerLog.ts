/** Looper's own log file: records and the mirrored output of runs, in order, with one writer. */
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import type { BatchPlace } from "../../domain/mirrorIntent.ts"
import { LogFile, retryMillis } from "./LogFile.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { MirrorRecovery } from "../mirror/MirrorRecovery.ts"

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
  }
>()("looper/services/serverLog/ServerLog") {
  /**
   * Opens the file, and creates its folder, for the layer's life.
   *
   * **Details** A batch that an earlier Looper began is finished before anything else is written; a line that was cut
   * for another reason gets its newline. A disk that is full delays both, and not the start.
   *
   * **Errors** `ServerLogUnwritable`: nothing is open.
   */
  static readonly layerWith = (options: { readonly isCopiedToStdout: boolean }) =>
    Layer.effect(
      ServerLog,
      Effect.gen(function* () {
        const { serverLogPath } = yield* LooperConfig
        const { left } = yield* MirrorRecovery
        const file = yield* Effect.acquireRelease(
          Effect.try({
            try: () => new LogFile(serverLogPath, left),
            catch: (error) => new ServerLogUnwritable({ path: serverLogPath, reason: (error as Error).message })
          }),
          (opened) => Effect.sync(() => opened.close())
        )
        const writer = yield* Semaphore.make(1)
        return ServerLog.of({
          record: (line) => {
            file.record(line)
            if (options.isCopiedToStdout) toStdout(line)
          },
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

/** A reader of stdout that does not read costs this much memory, then records. */
const maxStdoutBytes = 1024 * 1024

/** A pipe's end that is gone is an `error` event; without a listener it would end Looper. */
let hasStdoutListener = false

const toStdout = (line: string): void => {
  if (!hasStdoutListener) {
    hasStdoutListener = true
    process.stdout.on("error", () => undefined)
    // Node makes writes to a terminal block (lib/tty.js): one that Ctrl-S or a stalled ssh holds up would stop Looper.
    ;(process.stdout as { _handle?: { setBlocking?(isBlocking: boolean): void } })._handle?.setBlocking?.(false)
  }
  if (process.stdout.writableLength < maxStdoutBytes) process.stdout.write(line)
}
