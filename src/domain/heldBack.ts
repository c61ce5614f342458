/** What the mirror must not take yet: bytes that may turn out to be the beginning of a run's trailer. */
import { trailerStart } from "./runLog.ts"

const start = Buffer.from(trailerStart)
const newline = 0x0a

/**
 * How many bytes at the end of `chunk` wait for what follows them.
 *
 * **Details** A lone newline that ends a line is taken: whether the trailer's or the output's own, the line ends
 * there. One that would make an empty line waits, and so does any longer beginning of a trailer.
 */
export const heldBack = (chunk: Uint8Array, isLineStart: boolean): number => {
  for (let length = Math.min(chunk.length, start.length - 1); length > 1; length--) {
    if (start.subarray(0, length).equals(chunk.subarray(chunk.length - length))) return length
  }
  const before = chunk.length - 2
  const isEmptyLine = before < 0 ? isLineStart : chunk[before] === newline
  return chunk.at(-1) === newline && isEmptyLine ? 1 : 0
}
