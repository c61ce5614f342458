/** The text of mirrored run output: whole lines of clean UTF-8 that cannot be mistaken for server records. */
import { isUtf8 } from "node:buffer"
import { jsonLines } from "./jsonRecord.ts"
import type { LogFormat } from "./logRecord.ts"

/** What a mirror is told; `maxLineBytes` is 1 MiB unless a test makes it smaller. */
export interface MirrorTextOptions {
  readonly format: LogFormat
  /** Where a reader finds the whole of a line that is cut. */
  readonly logPath: string
  readonly maxLineBytes?: number
}

/** A run log's bytes go in, the server log's come out; both as they are read and written. */
export interface MirrorText {
  /**
   * Takes the next raw bytes and gives the lines complete by now, newlines included.
   *
   * **Details** What it gives may lie in the chunk's memory: use it before that is written again.
   */
  readonly push: (chunk: Uint8Array) => Uint8Array
  /** Ends the text: an unterminated last line with a newline; empty where there is none. */
  readonly end: () => Uint8Array
  /** Raw bytes taken and not given back yet: the length of the unfinished line. */
  readonly pendingBytes: number
}

const mebibyte = 1024 * 1024
const empty = Buffer.alloc(0)
const tab = 0x09
const newline = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const doubleQuote = 0x22
const hyphen = 0x2d
const digit0 = 0x30
const digit9 = 0x39
const questionMark = 0x3f
const openingBrace = 0x7b
const del = 0x7f

/** C1 controls are this byte and one below {@link c1End}. */
const c1Lead = 0xc2
const c1End = 0xa0

const recordTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} $/
const recordTimeBytes = "YYYY-MM-DD HH:MM:SS,mmm ".length

const isRecordTime = (bytes: Buffer, start: number): boolean =>
  recordTime.test(bytes.toString("latin1", start, start + recordTimeBytes))

/** Whether a line begins like a server record, in the text or the JSON form; cleaning never changes the answer. */
const isRecordLike = (bytes: Buffer, start: number): boolean => {
  const first = bytes[start] as number
  if (first === openingBrace) return bytes[start + 1] === doubleQuote
  return first >= digit0 && first <= digit9 && bytes[start + 4] === hyphen && isRecordTime(bytes, start)
}

/** Whether the byte must change, or, of a newline, the line behind it. */
const isUnclean = (lines: Buffer, at: number, isSpaced: boolean): boolean => {
  const byte = lines[at] as number
  if (byte === newline) return isSpaced && isRecordLike(lines, at + 1)
  return byte < space ? byte !== tab : byte === del || byte === c1Lead
}

/** Where the first byte may be that must change; looks at four at once, because all that a run prints passes here. */
const firstUnclean = (lines: Buffer, isSpaced: boolean): number => {
  const { buffer, byteOffset, length } = lines
  if (byteOffset % 4 !== 0 || (isSpaced && isRecordLike(lines, 0))) return 0
  const words = new Int32Array(buffer, byteOffset, length >> 2)
  for (let word = 0; word < words.length; word++) {
    const four = words[word] as number
    // The highest bit of a byte is set where one is below space, above ASCII, or DEL.
    if ((((four - 0x20202020) | four | (four + 0x01010101)) & 0x80808080) === 0) continue
    for (let at = 4 * word; at < 4 * word + 4; at++) if (isUnclean(lines, at, isSpaced)) return at
  }
  for (let at = 4 * words.length; at < length; at++) if (isUnclean(lines, at, isSpaced)) return at
  return length
}

/** Cleans valid UTF-8 that is empty or ends in a newline; gives the same memory where it is clean. */
const cleanLines = (lines: Buffer, isSpaced: boolean): Buffer => {
  const unclean = firstUnclean(lines, isSpaced)
  if (unclean === lines.length) return lines
  // Each record-like line grows by a space; the shortest, `{"` and its newline, has three bytes.
  const clean = Buffer.allocUnsafe(lines.length + Math.floor(lines.length / 3))
  let read = unclean === 0 ? 0 : lines.lastIndexOf(newline, unclean - 1) + 1
  let written = lines.copy(clean, 0, 0, read)
  while (read < lines.length) {
    if (isSpaced && isRecordLike(lines, read)) clean[written++] = space
    let byte: number
    do {
      byte = lines[read++] as number
      if ((byte >= space && byte < del) || byte === newline || byte === tab) {
        clean[written++] = byte
      } else if (byte > del) {
        const isC1 = byte === c1Lead && (lines[read] as number) < c1End
        if (isC1) read++
        clean[written++] = isC1 ? questionMark : byte
      } else if (byte !== carriageReturn || lines[read] !== newline) {
        clean[written++] = questionMark
      }
    } while (byte !== newline)
  }
  return clean.subarray(0, written)
}

/** Inside a JSON object no line can be mistaken: there it is as the run wrote it. */
const formatted = (lines: Buffer, format: LogFormat): Buffer =>
  format === "text" ? cleanLines(lines, true) : jsonLines(cleanLines(lines, false))

const validUtf8 = (lines: Buffer): Buffer => (isUtf8(lines) ? lines : Buffer.from(lines.toString("utf8")))

/**
 * Makes the mirror of one run log, which is pushed in any pieces with the same result.
 *
 * **Details** Invalid UTF-8 becomes U+FFFD, each control character but tab `?`; one CR before a newline is dropped. A
 * longer line than 1 MiB is its first 1 MiB (without a sequence cut there), its length and the log's path. A line that
 * begins like a server record gets a leading space in the text form; in the JSON form each line is an object. Of an
 * unfinished line at most 1 MiB is kept in memory.
 * **Units** A line's length counts raw bytes without its newline, a CR before that included.
 */
export const makeMirrorText = ({ logPath, format, maxLineBytes = mebibyte }: MirrorTextOptions): MirrorText => {
  const cleanBytes = (lines: Buffer): Buffer => formatted(validUtf8(lines), format)
  let pendingBytes = 0
  let kept: Buffer = empty

  const keep = (bytes: Buffer) => {
    const from = Math.min(pendingBytes, maxLineBytes)
    const to = Math.min(pendingBytes + bytes.length, maxLineBytes)
    if (to > kept.length) {
      const grown = Buffer.allocUnsafe(Math.min(2 * to, maxLineBytes))
      kept.copy(grown, 0, 0, from)
      kept = grown
    }
    bytes.copy(kept, from, 0, to - from)
    pendingBytes += bytes.length
  }

  const cutLine = (line: Buffer, lineBytes: number): Buffer => {
    // `stream` holds back a sequence that the cut leaves incomplete.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(line.subarray(0, maxLineBytes), { stream: true })
    return formatted(Buffer.from(`${text}… [${lineBytes} bytes, see ${logPath.replaceAll("\n", "?")}]\n`), format)
  }

  const cleanBlock = (block: Buffer): Buffer => {
    if (block.length <= maxLineBytes) return cleanBytes(block)
    const lines: Array<Buffer> = []
    for (let start = 0, end = 0; start < block.length; start = end) {
      end = block.indexOf(newline, start) + 1
      const line = block.subarray(start, end)
      lines.push(line.length - 1 > maxLineBytes ? cutLine(line, line.length - 1) : cleanBytes(line))
    }
    return Buffer.concat(lines)
  }

  /** Gives whole lines, of which the first continues what is kept. */
  const finish = (bytes: Buffer): Buffer => {
    const beginning = kept.subarray(0, pendingBytes)
    const beginningBytes = pendingBytes
    pendingBytes = 0
    if (beginningBytes === 0) return cleanBlock(bytes)
    if (beginningBytes <= maxLineBytes) return cleanBlock(Buffer.concat([beginning, bytes]))
    const firstEnd = bytes.indexOf(newline)
    return Buffer.concat([cutLine(beginning, beginningBytes + firstEnd), cleanBlock(bytes.subarray(firstEnd + 1))])
  }

  return {
    push: (chunk) => {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const end = bytes.lastIndexOf(newline) + 1
      const lines = end === 0 ? empty : finish(bytes.subarray(0, end))
      keep(bytes.subarray(end))
      return lines
    },
    end: () => (pendingBytes === 0 ? empty : finish(Buffer.from("\n"))),
    get pendingBytes() {
      return pendingBytes
    }
  }
}
