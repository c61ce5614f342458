/** The writer of the server log: records in the turn in which they come, batches of mirrored lines between them. */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, type Stats, write, writeSync } from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import type { BatchPlace } from "../../domain/mirrorIntent.ts"

const newline = 0x0a

/** What waits for a disk that is full is kept up to this size; older records go first. */
const maxPendingBytes = 1024 * 1024
/** A disk that took nothing is tried again after this. */
export const retryMillis = 250

/** Whole lines that are being written; nothing else is until they are. */
export interface Unfinished {
  readonly text: Uint8Array
  /** Bytes of it that are in the file. */
  offset: number
  /** Its beginning is in the file that is open, or its place there is noted. */
  isPlaced: boolean
  /** Told where it goes before its first byte, and again when the rest of it goes elsewhere; throws: not now. */
  readonly onBegin?: ((place: BatchPlace) => void) | undefined
}

/** A batch that an earlier Looper did not finish. */
export interface LeftBatch extends Unfinished {
  /** The file that holds its beginning: the server log, whatever its name is by now. */
  readonly filePath: string
}

/** What stands in the text form for records that found no space. */
const droppedText = (records: number): string => `# ${records} records were dropped: no space\n`

/** The one descriptor of the server log; no method but the constructor throws. */
export class LogFile {
  private readonly filePath: string
  private readonly droppedLine: (records: number) => string
  private fd: number
  private pending: Array<string> = []
  private pendingBytes = 0
  private droppedRecords = 0
  /** A batch, or a record that was cut. */
  private unfinished: Unfinished | undefined
  /** Bytes of a batch in an asynchronous write, and the file's size before it. */
  private inFlight: { readonly from: number } | undefined
  private isArmed = false
  /** A batch is written asynchronously: records wait. */
  private isHeld = false
  private isMoved = false
  private isClosed = false
  /** The file ends inside a line. */
  private isLineOpen: boolean

  constructor(filePath: string, left?: LeftBatch, droppedLine = droppedText) {
    mkdirSync(path.dirname(filePath), { recursive: true, mode: 0o700 })
    this.filePath = filePath
    this.droppedLine = droppedLine
    this.fd = openSync(filePath, "a", 0o600)
    const file = left?.filePath ?? filePath
    if (file !== filePath) {
      closeSync(this.fd)
      this.fd = openSync(file, "a")
      this.isMoved = true
    }
    this.isLineOpen = endsInsideLine(file)
    this.unfinished = left
    process.on("exit", this.flushAtExit)
    this.arm(0)
  }

  record(line: string): void {
    // Its number may name somebody else's file by now.
    if (this.isClosed) return
    this.pending.push(line)
    this.pendingBytes += Buffer.byteLength(line)
    while (this.pendingBytes > maxPendingBytes && this.pending.length > 0) {
      this.pendingBytes -= Buffer.byteLength(this.pending.shift() ?? "")
      this.droppedRecords += 1
    }
    this.arm(0)
  }

  /**
   * Takes a batch, holding records back until {@link release}; false while what came before it is not written or its
   * place cannot be noted.
   */
  begin(text: Uint8Array, onBegin: Unfinished["onBegin"]): boolean {
    if (!this.isFlushed()) return false
    const batch: Unfinished = { text, offset: 0, isPlaced: false, onBegin }
    try {
      this.prepare(batch)
    } catch {
      return false
    }
    this.unfinished = batch
    this.isHeld = true
    return true
  }

  /** Writes all that waits; false while some of it is left. */
  isFlushed(): boolean {
    this.flush()
    return this.unfinished === undefined && this.pending.length === 0
  }

  get hasUnfinished(): boolean {
    return this.unfinished !== undefined
  }

  /** Writes some of the batch; 0 when the disk took nothing. */
  readonly writeSome: Effect.Effect<number> = Effect.callback<number>((resume) => {
    const batch = this.unfinished
    if (batch === undefined) return resume(Effect.succeed(0))
    try {
      this.inFlight = { from: this.prepare(batch).size }
    } catch {
      return resume(Effect.succeed(0))
    }
    write(this.fd, batch.text, batch.offset, batch.text.length - batch.offset, null, (error, written) => {
      this.inFlight = undefined
      const count = error === null ? written : 0
      this.advance(batch, count)
      resume(Effect.succeed(count))
    })
  })

  /** Lets records go on; what is left of an interrupted batch goes before them. */
  release(): void {
    this.isHeld = false
    this.arm(0)
  }

  /** The next write, which may be a repeated one, goes to the file that has the name then. */
  markMoved(): void {
    this.isMoved = true
    this.arm(0)
  }

  close(): void {
    this.flush()
    this.isClosed = true
    this.pending = []
    process.off("exit", this.flushAtExit)
    closeSync(this.fd)
  }

  /** Finds the batch's place and says it; gives the state of the file that is open. Throws where that cannot be. */
  private prepare(batch: Unfinished): Stats {
    const stat = this.reopenIfMoved(batch)
    if (batch.isPlaced) return stat
    const size = this.isLineOpen ? stat.size + writeSync(this.fd, "\n") : stat.size
    this.isLineOpen = false
    batch.onBegin?.({ inode: stat.ino, size, skip: batch.offset })
    batch.isPlaced = true
    return Object.assign(stat, { size })
  }

  private advance(batch: Unfinished, written: number): void {
    if (written === 0) return
    batch.offset += written
    this.isLineOpen = batch.text[batch.offset - 1] !== newline
    if (batch.offset === batch.text.length) this.unfinished = undefined
  }

  /**
   * Opens the file that has the name now. Never while a write is under way; one that fails is tried again with the
   * next write.
   *
   * **Details** A moved file gets the rest of the line it ends in first. A deleted one does not: no one would see it.
   */
  private reopenIfMoved(unfinished?: Unfinished): Stats {
    const stat = fstatSync(this.fd)
    if (stat.nlink > 0 && (!this.isMoved || this.isLineOpen)) return stat
    try {
      mkdirSync(path.dirname(this.filePath), { recursive: true, mode: 0o700 })
      const fresh = openSync(this.filePath, "a", 0o600)
      closeSync(this.fd)
      this.fd = fresh
      this.isMoved = false
      this.isLineOpen = endsInsideLine(this.filePath)
      if (unfinished !== undefined) {
        unfinished.offset = lineStart(unfinished.text, unfinished.offset)
        unfinished.isPlaced = false
      }
      return fstatSync(fresh)
    } catch {
      // The old descriptor still takes what is written.
      return stat
    }
  }

  private arm(delayMillis: number): void {
    if (this.isArmed || this.isHeld || (this.pending.length === 0 && this.unfinished === undefined)) return
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
    if (this.isHeld || this.isClosed) return
    try {
      this.finish()
      this.flushRecords()
    } catch {
      // The disk is full.
    }
    this.arm(retryMillis)
  }

  /** Writes the rest of what was begun. */
  private finish(): void {
    for (let batch = this.unfinished; batch !== undefined; batch = this.unfinished) {
      this.prepare(batch)
      this.advance(batch, writeSync(this.fd, batch.text.subarray(batch.offset)))
    }
  }

  private flushRecords(): void {
    if (this.pending.length === 0) return
    this.reopenIfMoved()
    const dropped = this.droppedRecords === 0 ? "" : this.droppedLine(this.droppedRecords)
    const bytes = Buffer.from((this.isLineOpen ? "\n" : "") + dropped + this.pending.join(""))
    const written = writeSync(this.fd, bytes)
    this.droppedRecords = 0
    this.keep(bytes, written)
  }

  /** What a short write left: the line that it cut, and the records behind that. */
  private keep(bytes: Buffer, written: number): void {
    const cut = lineStart(bytes, written)
    this.isLineOpen = cut < written
    if (this.isLineOpen) {
      const text = Buffer.from(bytes.subarray(cut, lineEnd(bytes, cut)))
      this.unfinished = { text, offset: written - cut, isPlaced: true }
    }
    this.pending = []
    const first = this.isLineOpen ? lineEnd(bytes, cut) : written
    this.pendingBytes = bytes.length - first
    for (let start = first, end = 0; start < bytes.length; start = end) {
      end = lineEnd(bytes, start)
      this.pending.push(bytes.toString("utf8", start, end))
    }
  }

  private readonly flushAtExit = () => {
    if (this.inFlight !== undefined) return this.flushBesideWrite(this.inFlight.from)
    this.isHeld = false
    return this.flush()
  }

  /**
   * Writes the records beside a batch that the kernel appends before or after them, or no more: what the file has
   * grown by tells how much of it came before.
   */
  private flushBesideWrite(sizeBefore: number): void {
    const batch = this.unfinished
    if (batch === undefined || this.isLineOpen || this.pending.length === 0) return
    try {
      const written = writeSync(this.fd, Buffer.from(this.pending.join("")))
      const { ino, size } = fstatSync(this.fd)
      batch.onBegin?.({ inode: ino, size, skip: batch.offset + size - sizeBefore - written })
    } catch {
      // The disk is full.
    }
  }
}

/** Where the line begins that a write up to `offset` ended in. */
const lineStart = (text: Uint8Array, offset: number): number =>
  offset === 0 ? 0 : text.lastIndexOf(newline, offset - 1) + 1

const lineEnd = (text: Uint8Array, start: number): number => text.indexOf(newline, start) + 1 || text.length

/** Whoever wrote it last was ended inside a line. */
const endsInsideLine = (filePath: string): boolean => {
  let fd: number | undefined
  try {
    // A pipe would wait for a writer.
    fd = openSync(filePath, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(fd)
    const last = Buffer.alloc(1)
    return stat.isFile() && readSync(fd, last, 0, 1, stat.size - 1) === 1 && last[0] !== newline
  } catch {
    return false
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
