/** The `Range` of a request: one range of bytes. */

/** From `start` up to, not with, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The bytes that a `Range` asks for of `size`.
 *
 * **Details** `undefined` where it is to be ignored, and all is answered: another unit, several ranges, or no range at
 * all. `beyondEnd` where it is one, and none of its bytes is there.
 *
 * **Source** RFC 9110, sections 14.1.2 and 14.2.
 */
export const byteRange = (text: string | undefined, size: number): ByteRange | "beyondEnd" | undefined => {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(text ?? "")
  if (match === null) return undefined
  const [, first = "", last = ""] = match
  if (first === "" && last === "") return undefined
  if (first === "") {
    const length = Math.min(Number(last), size)
    return length === 0 ? "beyondEnd" : { start: size - length, end: size }
  }
  const start = Number(first)
  if (last !== "" && Number(last) < start) return undefined
  return start >= size ? "beyondEnd" : { start, end: last === "" ? size : Math.min(Number(last) + 1, size) }
}
