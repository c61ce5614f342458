/** Addresses of lines: `/?run=3f9c21ab#b1240118-1240377`, bytes of the log. */
import type { LogPlace } from "./LogPane.ts"

/** `#b<start>` or `#b<start>-<end>`; `undefined` for any other fragment. */
export const placeOf = (fragment: string): LogPlace | undefined => {
  const [, start, end] = /^#?b(\d{1,15})(?:-(\d{1,15}))?$/.exec(fragment) ?? []
  if (start === undefined) return undefined
  const from = Number(start)
  const to = end === undefined ? undefined : Number(end)
  return { start: from, end: to !== undefined && to > from ? to : undefined }
}

/** The fragment of a place. */
export const fragmentOf = ({ start, end }: LogPlace): string => (end === undefined ? `#b${start}` : `#b${start}-${end}`)

/** The bytes of a line; with others that are marked already, all between them too. */
export const marksOf = (
  line: { readonly start: number; readonly end: number },
  marked: LogPlace | undefined
): LogPlace =>
  marked === undefined
    ? { start: line.start, end: line.end }
    : { start: Math.min(marked.start, line.start), end: Math.max(marked.end ?? marked.start + 1, line.end) }

/** A line of which something is marked. */
export const isMarked = (
  line: { readonly start: number; readonly end: number },
  place: LogPlace | undefined
): boolean => place !== undefined && line.end > place.start && line.start < (place.end ?? place.start + 1)
