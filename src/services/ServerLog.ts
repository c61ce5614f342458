/** Looper's own log file: records and the mirrored output of runs, in order, with one writer. */
import { closeSync, fstatSync, mkdirSync, openSync, write, writeSync } from "node:fs"
import * as path from "node:path"
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import { LooperConfig } from "./LooperConfig.ts"

/** The server log cannot be opened at start. */
export class ServerLogUnwritable extends Schema.TaggedError<ServerLogUnwritable>()("ServerLogUnwritable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot write server log ${this.path}: ${this.reason}`
  }
}

/** What waits for a disk that is full is kept up to this size; older records go first. */
const maxPendingBytes = 1024 * 1024
const retryMillis = 250

export class ServerLog extends Context.Service<
  ServerLog,
  {
    /** Appends one record, newline included, in this turn of the event loop; copied to stdout too. */
    readonly record: (line: string) => void
    /** Appends whole lines; waits while the disk is full. */
    readonly append: (lines: Uint8Array) => Effect.Effect<void>
    /** Closes and opens the file anew, after somebody moved it. */
    readonly reopen: Effect.Effect<void>
  }
>()("looper/services/ServerLog") {
  /**
   * Opens the file, and creates its folder, for the layer's life.
   *
   * **Errors** `ServerLogUnwritable`: nothing is open.
   */
  static readonly layerWith = (options: { readonly isCopiedToStdout: boolean }) =>
    Layer.effect(
      ServerLog,
      Effect.gen(function* () {
        const { serverLogPath } = yield* LooperConfig
        const file = yield* Effect.acquireRelease(
          Effect.try({
            try: () => new LogFile(serverLogPath),
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
          append: (lines) => writer.withPermit(appendAll(file, lines)),
          reopen: Effect.sync(() => file.markMoved())
        })
      })
    )
  static readonly layerNoDeps = ServerLog.layerWith({ isCopiedToStdout: true })
}

/** Appends in as many writes as the disk allows; records wait until the last one is whole. */
const appendAll = (file: LogFile, lines: Uint8Array): Effect.Effect<void> =>
  Effect.gen(function* () {
    let offset = 0
    while (offset < lines.length) {
      const written = yield* Effect.uninterruptible(file.write(lines.subarray(offset)))
      offset += written
      if (written === 0) yield* Effect.sleep(retryMillis)
    }
  }).pipe(Effect.onExit(() => Effect.sync(() => file.release())))

class LogFile {
  private readonly filePath: string
  private fd: number
  private pending: Array<Buffer> = []
  private pendingBytes = 0
  private droppedRecords = 0
  private isArmed = false
  private isHeld = false
  private isMoved = false
  private isClosed = false
  /** The last write ended inside a line. */
  private isLineOpen = false
  /** The first of what is pending is the rest of a record whose beginning is in the file. */
  private hasRest = false
  /** Also beside a batch that is being written: the kernel appends one after the other. */
  private readonly flushAtExit = () => {
    this.isHeld = false
    this.flush()
  }

  constructor(filePath: string) {
    mkdirSync(path.dirname(filePath), { recursive: true, mode: 0o700 })
    this.filePath = filePath
    this.fd = openSync(filePath, "a", 0o600)
    process.on("exit", this.flushAtExit)
  }

  record(line: string): void {
    // Its number may name somebody else's file by now.
    if (this.isClosed) return
    const bytes = Buffer.from(line)
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
    const first = this.hasRest ? 1 : 0
    while (this.pendingBytes > maxPendingBytes && this.pending.length > first) {
      this.pendingBytes -= this.pending.splice(first, 1)[0]?.length ?? 0
      this.droppedRecords += 1
    }
    this.arm(0)
  }

  /**
   * Writes some of `lines`, holding records back until {@link release}; 0 when the disk took nothing, or not yet
   * all records that came before.
   */
  write(lines: Uint8Array): Effect.Effect<number> {
    return Effect.callback<number>((resume) => {
      this.flush()
      if (!this.isHeld && this.pending.length > 0) return resume(Effect.succeed(0))
      this.isHeld = true
      this.reopenIfMoved()
      write(this.fd, lines, 0, lines.length, null, (error, written) => {
        const count = error === null ? written : 0
        if (count > 0) this.isLineOpen = lines[count - 1] !== newline
        resume(Effect.succeed(count))
      })
    })
  }

  release(): void {
    this.isHeld = false
    this.arm(0)
  }

  /** The next write, which may be a repeated one, goes to the file that has the name then. */
  markMoved(): void {
    this.isMoved = true
    this.arm(0)
  }

  /** Never while a write is under way. One that fails is tried again with the next write. */
  private reopenIfMoved(): void {
    try {
      if (!this.isMoved && fstatSync(this.fd).nlink > 0) return
      mkdirSync(path.dirname(this.filePath), { recursive: true, mode: 0o700 })
      const fresh = openSync(this.filePath, "a", 0o600)
      closeSync(this.fd)
      this.fd = fresh
      this.isMoved = false
    } catch {
      // The old descriptor still takes what is written.
    }
  }

  close(): void {
    this.flush()
    this.isClosed = true
    this.pending = []
    process.off("exit", this.flushAtExit)
    closeSync(this.fd)
  }

  private arm(delayMillis: number): void {
    if (this.isArmed || this.isHeld || this.pending.length === 0) return
    this.isArmed = true
    const flush = () => {
      this.isArmed = false
      this.flush()
    }
    if (delayMillis === 0) setImmediate(flush)
    else setTimeout(flush, delayMillis).unref()
  }

  /** A synchronous write for each turn of the event loop: a crash loses one turn's records at most. */
  private flush(): void {
    if (this.isHeld || this.pending.length === 0) return
    const dropped = this.droppedRecords === 0 ? "" : `# ${this.droppedRecords} records were dropped: no space\n`
    const rest = this.hasRest ? this.pending.slice(0, 1) : []
    const whole = this.pending.slice(rest.length)
    const bytes = Buffer.concat([Buffer.from(this.isLineOpen ? "\n" : ""), ...rest, Buffer.from(dropped), ...whole])
    try {
      this.reopenIfMoved()
      const written = writeSync(this.fd, bytes)
      this.droppedRecords = 0
      this.isLineOpen = written > 0 && bytes[written - 1] !== newline
      this.keep(bytes.subarray(written))
    } catch {
      this.arm(retryMillis)
    }
  }

  /** The rest of a short write goes on inside its line; the records behind it are still apart. */
  private keep(rest: Buffer): void {
    this.pending = []
    for (let start = 0, end = 0; start < rest.length; start = end) {
      end = rest.indexOf(newline, start) + 1 || rest.length
      this.pending.push(Buffer.from(rest.subarray(start, end)))
    }
    this.pendingBytes = rest.length
    this.hasRest = this.isLineOpen && rest.length > 0
    if (rest.length === 0) return
    this.isLineOpen = false
    this.arm(retryMillis)
  }
}

const newline = 0x0a

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
