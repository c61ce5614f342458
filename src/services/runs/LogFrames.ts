/** Pieces of one followed log, each read and encoded once for all who ask for it. */
import type { FileHandle } from "node:fs/promises"
import { cutCodePointBytes, encodeLogChunk } from "../../domain/logEvents.ts"
import { readBetween } from "./openRunLog.ts"

/** A piece of a log and its event; all followers get the same object. */
export interface LogFrame {
  readonly kind: "chunk"
  readonly start: number
  /** Offset behind it: where the next piece begins. */
  readonly end: number
  readonly bytes: Uint8Array
  readonly sse: Uint8Array
}

const frameBytes = 64 * 1024
/** No piece reaches over a multiple of this: whoever lags behind joins the others' pieces there. */
const alignedBytes = 4 * frameBytes
/** What an object costs besides its bytes. */
const overheadBytes = 512

/** The newest pieces of the log and, apart from them, those that laggards asked for last; each up to the window. */
export class LogFrames {
  private readonly handle: FileHandle
  private readonly newest: Window
  private readonly older: Window
  private readonly reads = new Map<number, Promise<LogFrame | undefined>>()

  constructor(handle: FileHandle, windowBytes: number) {
    this.handle = handle
    this.newest = new Window(windowBytes)
    this.older = new Window(windowBytes)
  }

  /** How many pieces are kept, and what they cost. */
  get kept(): { readonly frames: number; readonly bytes: number } {
    const { newest, older } = this
    return { frames: newest.frames.size + older.frames.size, bytes: newest.bytes + older.bytes }
  }

  /**
   * The piece that begins at `start`, of what lies before `head`; `undefined` where the file ends before.
   *
   * **Details** A code point that is cut by the piece's size begins the next one; at `head` nothing is held back.
   */
  at(start: number, head: number): LogFrame | Promise<LogFrame | undefined> {
    const kept = this.newest.frames.get(start) ?? this.older.frames.get(start) ?? this.reads.get(start)
    if (kept !== undefined) return kept
    const read = this.read(start, head).finally(() => this.reads.delete(start))
    this.reads.set(start, read)
    // Its readers may be gone by then.
    read.catch(() => undefined)
    return read
  }

  private async read(start: number, head: number): Promise<LogFrame | undefined> {
    // A piece of three bytes may be nothing but a cut code point.
    const aligned = Math.ceil((start + 4) / alignedBytes) * alignedBytes
    const limit = Math.min(head, aligned, start + frameBytes)
    const read = await readBetween(this.handle, start, limit)
    if (read.length < limit - start) return undefined
    const bytes = limit < head ? read.subarray(0, read.length - cutCodePointBytes(read)) : read
    const end = start + bytes.length
    const frame: LogFrame = { kind: "chunk", start, end, bytes, sse: encodeLogChunk(bytes, end) }
    this.keep(frame)
    return frame
  }

  private keep(frame: LogFrame): void {
    const { newest, older } = this
    const isNewest = newest.hasRoomFor(frame) || frame.start > newest.lowest()
    if (isNewest) newest.add(frame, () => newest.lowest())
    else older.add(frame, () => older.first())
  }
}

/** Pieces by their offsets; one at least, however large. */
class Window {
  readonly frames = new Map<number, LogFrame>()
  private readonly maxBytes: number
  bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  hasRoomFor(frame: LogFrame): boolean {
    return this.bytes + costOf(frame) <= this.maxBytes
  }

  lowest(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const start of this.frames.keys()) lowest = Math.min(lowest, start)
    return lowest
  }

  first(): number {
    return this.frames.keys().next().value ?? 0
  }

  /** Keeps it, and drops others as long as they are too many. */
  add(frame: LogFrame, victim: () => number): void {
    this.frames.set(frame.start, frame)
    this.bytes += costOf(frame)
    while (this.bytes > this.maxBytes && this.frames.size > 1) {
      const start = victim()
      const dropped = this.frames.get(start)
      this.frames.delete(start)
      this.bytes -= dropped === undefined ? 0 : costOf(dropped)
    }
  }
}

const costOf = ({ bytes, sse }: LogFrame): number => bytes.length + sse.length + overheadBytes
