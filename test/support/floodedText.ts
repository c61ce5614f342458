/** What the stand-in's floods write, compared with files of any size as they are read. */
import { createReadStream } from "node:fs"

const lineBytes = 100
const linesInPiece = 10_000
const newline = 0x0a
/** A record begins with its year, a line of a flood does not. */
const recordStart = "2".charCodeAt(0)

/** The text of floods of so many bytes each, one after the other, and what follows, in pieces. */
export const floodedText = function* (floods: ReadonlyArray<number>, last: string): Generator<Buffer> {
  for (const bytes of floods) {
    let left = bytes
    for (let line = 0; left > 0; line += linesInPiece) {
      const lines = Array.from({ length: linesInPiece }, (_, n) => `line ${line + n} `.padEnd(lineBytes - 1, "x"))
      const piece = Buffer.from(`${lines.join("\n")}\n`).subarray(0, left)
      yield piece
      left -= piece.length
    }
  }
  if (last !== "") yield Buffer.from(last)
}

/** A file's bytes from one on. */
export const bytesFrom = (path: string, start: number): AsyncIterable<Buffer> =>
  createReadStream(path, { start, highWaterMark: 1_048_576 })

/** The lines of a server log, from a byte on, that are no records. */
export const mirroredFrom = async function* (path: string, start: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of bytesFrom(path, start)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const end = bytes.lastIndexOf(newline) + 1
    yield* withoutRecords(bytes.subarray(0, end))
    rest = bytes.subarray(end)
  }
  yield rest
}

const withoutRecords = function* (lines: Buffer): Generator<Buffer> {
  for (let from = 0; from < lines.length; ) {
    const isRecord = lines[from] === recordStart
    const next = isRecord ? lines.indexOf(newline, from) : lines.indexOf("\n2", from)
    const to = next < 0 ? lines.length : next + 1
    if (!isRecord) yield lines.subarray(from, to)
    from = to
  }
}

/** Where bytes differ first from those that are right; empty where they do not. */
export const firstDifference = async (actual: AsyncIterable<Buffer>, expected: Iterable<Buffer>): Promise<string> => {
  const pieces = expected[Symbol.iterator]()
  let wanted: Buffer = Buffer.alloc(0)
  let offset = 0
  for await (const chunk of actual) {
    let bytes = chunk
    while (bytes.length > 0) {
      if (wanted.length === 0) wanted = pieces.next().value ?? Buffer.alloc(0)
      const count = Math.min(bytes.length, wanted.length)
      if (count === 0 || bytes.compare(wanted, 0, count, 0, count) !== 0) {
        return `from byte ${offset} on: ${shown(bytes)} instead of ${shown(wanted)}`
      }
      bytes = bytes.subarray(count)
      wanted = wanted.subarray(count)
      offset += count
    }
  }
  if (wanted.length === 0) wanted = pieces.next().value ?? Buffer.alloc(0)
  return wanted.length === 0 ? "" : `it ends at byte ${offset} instead of going on with ${shown(wanted)}`
}

const shown = (bytes: Buffer) => JSON.stringify(bytes.subarray(0, 210).toString("latin1"))
