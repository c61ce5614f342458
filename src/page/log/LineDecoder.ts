/** A log's bytes, however they were cut, as its lines with their places. */
import { cleanLine } from "./cleanLine.ts"
import { maxLineBytes } from "./limits.ts"
import type { LineKind } from "./lineKind.ts"

/** A line of a log; offsets are bytes of the file. */
export interface LogLine {
  readonly start: number
  /** Behind its line feed. */
  readonly end: number
  /** From 1; `undefined` where nobody said. */
  readonly number: number | undefined
  /** As {@link cleanLine} leaves it. */
  readonly text: string
  /** More of it than {@link maxLineBytes}: its text is only the beginning. */
  readonly isCut: boolean
  kind: LineKind
}

const newline = 0x0a
const nothing = new Uint8Array()

/** What was written is shown, so that a text can be found as it stands in the file; a BOM is text too. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** Takes the bytes from an offset on, which is the start of a line. */
export class LineDecoder {
  /** Where the line begins that is not whole yet. */
  #lineStart: number
  /** Of the line that is not whole yet, at most {@link maxLineBytes}. */
  #kept: Array<Uint8Array> = []
  #keptBytes = 0
  #pendingBytes = 0
  #number: number | undefined

  constructor(offset: number, number: number | undefined) {
    this.#lineStart = offset
    this.#number = number
  }

  /** Where the line begins that is not whole yet: every byte before it was given out. */
  get lineStart(): number {
    return this.#lineStart
  }

  /** Behind the last byte that came. */
  get offset(): number {
    return this.#lineStart + this.#pendingBytes
  }

  /** The number of the line that is not whole yet. */
  get number(): number | undefined {
    return this.#number
  }

  /** The lines that are whole now. */
  push(bytes: Uint8Array): Array<LogLine> {
    const lines: Array<LogLine> = []
    let from = 0
    for (;;) {
      const index = bytes.indexOf(newline, from)
      if (index < 0) break
      this.#keep(bytes.subarray(from, index))
      lines.push(this.#take(1))
      from = index + 1
    }
    // The caller may use the bytes again.
    if (from < bytes.length) this.#keep(bytes.slice(from))
    return lines
  }

  /** The line that is not whole yet, as far as it came; without a code point that is cut. */
  get partial(): LogLine | undefined {
    if (this.#pendingBytes === 0) return undefined
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#bytes(), { stream: true })
    return this.#line(text, this.offset)
  }

  /** At the end of the log: what has no line feed is a line too. */
  finish(): LogLine | undefined {
    return this.#pendingBytes === 0 ? undefined : this.#take(0)
  }

  #keep(bytes: Uint8Array): void {
    this.#pendingBytes += bytes.length
    const room = Math.min(bytes.length, maxLineBytes - this.#keptBytes)
    if (room <= 0) return
    this.#kept.push(bytes.subarray(0, room))
    this.#keptBytes += room
  }

  #take(newlineBytes: 0 | 1): LogLine {
    const line = this.#line(decoder.decode(this.#bytes()), this.offset + newlineBytes)
    this.#lineStart = line.end
    this.#kept = []
    this.#keptBytes = 0
    this.#pendingBytes = 0
    if (this.#number !== undefined) this.#number += 1
    return line
  }

  #line(text: string, end: number): LogLine {
    const isCut = this.#pendingBytes > this.#keptBytes
    return { start: this.#lineStart, end, number: this.#number, text: cleanLine(text), isCut, kind: "plain" }
  }

  #bytes(): Uint8Array {
    const [first = nothing, second] = this.#kept
    if (second === undefined) return first
    const joined = new Uint8Array(this.#keptBytes)
    let at = 0
    for (const piece of this.#kept) {
      joined.set(piece, at)
      at += piece.length
    }
    this.#kept = [joined]
    return joined
  }
}

/** The whole lines of a piece of a log that begins at `offset`; its first line is left out unless it is whole. */
export const linesOf = (
  bytes: Uint8Array,
  piece: { readonly offset: number; readonly number: number | undefined; readonly isLineStart: boolean }
): { readonly lines: Array<LogLine>; readonly decoder: LineDecoder } => {
  const skipped = piece.isLineStart ? 0 : bytes.indexOf(newline) + 1
  const isNone = !piece.isLineStart && skipped === 0
  const number = piece.number === undefined ? undefined : piece.number + (skipped > 0 ? 1 : 0)
  const lineDecoder = new LineDecoder(piece.offset + (isNone ? bytes.length : skipped), number)
  return { lines: isNone ? [] : lineDecoder.push(bytes.subarray(skipped)), decoder: lineDecoder }
}
