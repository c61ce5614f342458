/** How much of a log is in the page; the file is the truth. */

/** Lines of a block, which is laid out only where it is seen. */
export const blockLines = 100
/** Blocks at most. */
export const maxBlocks = 200
/** Lines at most. */
export const maxLines = blockLines * maxBlocks
/** If more come at once, only the newest of them are drawn at once. */
export const burstLines = 2_000
/** Text at most, in bytes of the file. */
export const maxBytes = 20_000_000
/** Of a block: it is dropped as a whole. */
export const blockBytes = 1_000_000
/** Of a longer line only so many bytes are kept. */
export const maxLineBytes = 1_000_000
/** Of a longer line the rest is not searched, in bytes. */
export const maxSearchedBytes = 64_000_000
/** Of a longer line only so many characters are drawn, until somebody asks for the rest. */
export const drawnCharacters = 2_000
/** Lines that one press of a button loads. */
export const loadedLines = 500
/** Lines before the end that are loaded by going there. */
export const tailLines = 2_000

/** How many of the first lines are more than the page holds; lines follow each other in the file. */
export const surplusOf = (lines: ReadonlyArray<{ readonly start: number }>, atMost = maxLines): number => {
  const last = lines.at(-1)?.start ?? 0
  return lines.findIndex(({ start }, index) => lines.length - index <= atMost && last - start <= maxBytes)
}
