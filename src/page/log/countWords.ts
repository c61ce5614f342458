/** How many matches a search has found, and which of them is gone to. */
import { grouped } from "../words/time.ts"
import type { SearchCount } from "./Search.ts"

/** "2 of 31", "of 31 so far, 40 %". */
export const countWords = (count: SearchCount, ordinal: number | undefined): string => {
  if (count.isFailed) return `${grouped(count.count)}, then the log could not be read`
  const isDone = count.progress >= 1
  if (count.count === 0) return isDone ? "none" : `none so far, ${percent(count.progress)}`
  if (!isDone)
    return `${ordinal === undefined ? "" : `${grouped(ordinal)} `}of ${grouped(count.count)} so far, ${percent(count.progress)}`
  return ordinal === undefined ? grouped(count.count) : `${grouped(ordinal)} of ${grouped(count.count)}`
}

const percent = (part: number): string => `${Math.floor(part * 100)} %`
