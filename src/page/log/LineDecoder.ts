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
  /** More of it is to be seen than {@link maxLineBytes}: its text is only the beginning. */
  readonly isCut: boolean
  /** Of the rest of it, as they stand in the file. */
  readonly cutCharacters: number
  kind: LineKind
}

const newline = 0x0a
const carriageReturn = 0x0d
const nothing = new Uint8Array()

/** What was written is shown, so that a text can be found as it stands in the file; a BOM is text too. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** Takes the bytes from an offset on, which is the start of a line. */
export class LineDecoder {
  /** Where the line begins that is not whole yet. */
  #lineStart: number
  /** Of the line that is not whole yet, at most `#maxBytes`. */
  #kept: Array<Uint8Array> = []
  #keptBytes = 0
  #pendingBytes = 0
  #cutCharacters = 0
  #partial: LogLine | undefined
  readonly #maxBytes: number
  #number: number | undefined

  /** Of a line `maxBytes` are kept. */
  constructor(offset: number, number: number | undefined, maxBytes = maxLineBytes) {
    this.#maxBytes = maxBytes
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
    if (this.#partial?.start === this.#lineStart && this.#partial.end === this.offset) return this.#partial
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#bytes(), { stream: true })
    this.#partial = this.#line(text, this.offset)
    return this.#partial
  }

  /** At the end of the log: what has no line feed is a line too. */
  finish(): LogLine | undefined {
    return this.#pendingBytes === 0 ? undefined : this.#take(0)
  }

  #keep(bytes: Uint8Array): void {
    this.#pendingBytes += bytes.length
    if (this.#cutCharacters > 0 && lastOverwrite(bytes) < 0) {
      this.#cutCharacters += charactersOf(bytes)
      return
    }
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    if (this.#keptBytes <= this.#maxBytes) return
    const all = this.#bytes()
    // What is overwritten makes room first: a progress bar goes on.
    const shown = all.subarray(Math.max(0, lastOverwrite(all)))
    this.#cutCharacters = charactersOf(shown.subarray(this.#maxBytes))
    this.#kept = [shown.slice(0, this.#maxBytes)]
    this.#keptBytes = Math.min(shown.length, this.#maxBytes)
  }

  #take(newlineBytes: 0 | 1): LogLine {
    const line = this.#line(decoder.decode(this.#bytes()), this.offset + newlineBytes)
    this.#lineStart = line.end
    this.#kept = []
    this.#keptBytes = 0
    this.#pendingBytes = 0
    this.#cutCharacters = 0
    this.#partial = undefined
    if (this.#number !== undefined) this.#number += 1
    return line
  }

  #line(text: string, end: number): LogLine {
    const cutCharacters = this.#cutCharacters
    return {
      start: this.#lineStart,
      end,
      number: this.#number,
      text: cleanLine(text),
      isCut: cutCharacters > 0,
      cutCharacters,
      kind: "plain"
    }
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

/** Where the last carriage return stands that something follows: one at the end overwrites nothing yet; -1 for none. */
const lastOverwrite = (bytes: Uint8Array): number => bytes.subarray(0, -1).lastIndexOf(carriageReturn)

/** Code points of UTF-8, of which none but the first byte looks so. */
const charactersOf = (bytes: Uint8Array): number => {
  let count = 0
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) count += 1
  return count
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
