/** How much of a log is in the page; the file is the truth. */

/** Lines of a block, which is laid out only where it is seen. */
export const blockLines = 100
/** Blocks at most. */
export const maxBlocks = 200
/** Lines at most. */
export const maxLines = blockLines * maxBlocks
/** Text at most, in bytes of the file. */
export const maxBytes = 20_000_000
/** Of a longer line only so many bytes are kept. */
export const maxLineBytes = 1_000_000
/** Of a longer line only so many characters are drawn, until somebody asks for the rest. */
export const drawnCharacters = 2_000
/** Lines that one press of a button loads. */
export const loadedLines = 500
/** Lines before the end that are loaded by going there. */
export const tailLines = 2_000
