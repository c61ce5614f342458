/** What the mirror must not take yet: bytes that may turn out to be the beginning of a run's trailer. */
import { trailerStart } from "./runLog.ts"

const start = Buffer.from(trailerStart)
/** The same behind a newline that was taken: it ended a line. */
const startOfLine = start.subarray(1)
const newline = 0x0a
/** In {@link start}: a byte is found much faster than a text. */
const hash = 0x23

/** May a trailer begin in `chunk`, or with the newline before it? */
export const mayHoldTrailer = (chunk: Buffer, isLineStart: boolean): boolean =>
  (chunk.includes(hash) && chunk.includes(start)) ||
  (isLineStart && startOfLine.equals(chunk.subarray(0, startOfLine.length)))

/**
 * How many bytes at the end of `chunk` wait for what follows them.
 *
 * **Details** A lone newline that ends a line is taken: whether the trailer's or the output's own, the line ends
 * there. One that would make an empty line waits, and so does any longer beginning of a trailer, also one whose
 * newline was taken.
 */
export const heldBack = (chunk: Buffer, isLineStart: boolean): number => {
  const isStartOfLine = isLineStart && chunk.length < startOfLine.length
  if (isStartOfLine && startOfLine.subarray(0, chunk.length).equals(chunk)) return chunk.length
  // A trailer's only newline is its first byte.
  const last = chunk.lastIndexOf(newline)
  const length = chunk.length - last
  if (last < 0 || length >= start.length) return 0
  if (length > 1) return start.subarray(0, length).equals(chunk.subarray(last)) ? length : 0
  const isEmptyLine = last === 0 ? isLineStart : chunk[last - 1] === newline
  return isEmptyLine ? 1 : 0
}
