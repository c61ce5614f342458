/** Where the last lines of a run log begin. */
import type { FileHandle } from "node:fs/promises"
import { Effect } from "effect"
import { readBetween } from "./openRunLog.ts"

const blockBytes = 256 * 1024
const newline = 0x0a

/**
 * Where the last `lines` lines before `end` begin; 0 where there are fewer, `end` for none.
 *
 * **Details** A last line without its newline is one. Reads backwards, no more than those lines and a block.
 */
export const tailStart = Effect.fnUntraced(function* (
  handle: FileHandle,
  { lines, end }: { readonly lines: number; readonly end: number }
) {
  if (lines === 0) return end
  let left = lines
  for (let blockEnd = end; blockEnd > 0; blockEnd -= blockBytes) {
    const start = Math.max(0, blockEnd - blockBytes)
    const block = yield* Effect.promise(() => readBetween(handle, start, blockEnd))
    // A newline at the very end begins no line.
    let index = blockEnd === end ? end - start - 1 : block.length
    while (index > 0) {
      index = block.lastIndexOf(newline, index - 1)
      if (index < 0) break
      left -= 1
      if (left === 0) return start + index + 1
    }
  }
  return 0
})
