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

/** The pieces that were asked for last. */
export class LogFrames {
  private readonly handle: FileHandle
  private readonly windowBytes: number
  private readonly frames = new Map<number, LogFrame>()
  private readonly reads = new Map<number, Promise<LogFrame | undefined>>()
  private keptBytes = 0

  constructor(handle: FileHandle, windowBytes: number) {
    this.handle = handle
    this.windowBytes = windowBytes
  }

  /** How many pieces are kept, and what they cost. */
  get kept(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.frames.size, bytes: this.keptBytes }
  }

  /**
   * The piece that begins at `start`, of what lies before `head`; `undefined` where the file ends before.
   *
   * **Details** A code point that is cut by the piece's size begins the next one; at `head` nothing is held back.
   */
  at(start: number, head: number): LogFrame | Promise<LogFrame | undefined> {
    const kept = this.frames.get(start) ?? this.reads.get(start)
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
    this.frames.set(frame.start, frame)
    this.keptBytes += costOf(frame)
    for (const oldest of this.frames.values()) {
      if (this.keptBytes <= this.windowBytes || oldest === frame) break
      this.frames.delete(oldest.start)
      this.keptBytes -= costOf(oldest)
    }
  }
}

const costOf = ({ bytes, sse }: LogFrame): number => bytes.length + sse.length + overheadBytes
