/** The last line of a log that grows. */
import { plainLine } from "./terminalText.ts"

/** A longer line is known by its beginning; terminals are narrower. */
const maxLineBytes = 4_096

const newline = 0x0a

/** Remembers the last line with something in it, without control characters. */
export const makeLastLine = () => {
  let shown = ""
  let open: Buffer = Buffer.alloc(0)

  const look = (line: Uint8Array) => {
    const text = plainLine(line.subarray(0, maxLineBytes)).trim()
    if (text !== "") shown = text
  }

  return {
    /** Takes the next bytes, and gives the line; one that is not ended yet counts. */
    push: (bytes: Uint8Array): string => {
      const end = bytes.lastIndexOf(newline)
      if (end >= 0) {
        const start = end === 0 ? -1 : bytes.lastIndexOf(newline, end - 1)
        look(start < 0 ? Buffer.concat([open, bytes.subarray(0, end)]) : bytes.subarray(start + 1, end))
        open = Buffer.alloc(0)
      }
      if (open.length < maxLineBytes) open = Buffer.concat([open, bytes.subarray(end + 1)])
      look(open)
      return shown
    }
  }
}
