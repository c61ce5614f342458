/** Lines of a run log by their offsets, read block by block. */
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

/** The number, from 1, of the line that `offset` lies in or begins. */
export const lineNumberAt = Effect.fnUntraced(function* (handle: FileHandle, offset: number) {
  let count = 1
  for (let start = 0; start < offset; start += blockBytes) {
    const block = yield* Effect.promise(() => readBetween(handle, start, Math.min(offset, start + blockBytes)))
    if (block.length === 0) break
    for (let index = block.indexOf(newline); index >= 0; index = block.indexOf(newline, index + 1)) count += 1
  }
  return count
})
