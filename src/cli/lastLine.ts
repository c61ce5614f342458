/** The last line of a log that grows. */
import { plainLine } from "./terminalText.ts"

/** A longer line is known by its beginning; terminals are narrower. */
const maxLineBytes = 4_096

const newline = 0x0a
const carriageReturn = 0x0d

/** A program that counts up writes its line again and again behind a CR. */
const lastOverwrite = (line: Buffer): Buffer => {
  let end = line.length
  while (line[end - 1] === carriageReturn) end -= 1
  return line.subarray(end === 0 ? 0 : line.lastIndexOf(carriageReturn, end - 1) + 1, end)
}

/** Remembers the last line with something in it, without control characters. */
export const makeLastLine = () => {
  let shown = ""
  let open: Buffer = Buffer.alloc(0)

  /** Is there something in it? */
  const look = (line: Buffer): boolean => {
    const text = plainLine(lastOverwrite(line).subarray(0, maxLineBytes)).trim()
    if (text !== "") shown = text
    return text !== ""
  }

  return {
    /** Takes the next bytes, and gives the line; one that is not ended yet counts. */
    push: (chunk: Uint8Array): string => {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const last = bytes.lastIndexOf(newline)
      for (let end = last; end >= 0; ) {
        const start = end === 0 ? -1 : bytes.lastIndexOf(newline, end - 1)
        const line = bytes.subarray(start + 1, end)
        end = look(start < 0 ? Buffer.concat([open, line]) : line) ? -1 : start
      }
      if (last >= 0) open = Buffer.alloc(0)
      if (open.length < maxLineBytes) open = Buffer.concat([open, bytes.subarray(last + 1)])
      look(open)
      return shown
    }
  }
}
