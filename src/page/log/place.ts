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

/** The address of a run's log, or of a place in it, below the page's own; it carries nothing else. */
export const addressOf = (page: string, runId: string, place: LogPlace | undefined): string => {
  const url = new URL(page)
  url.search = `?run=${encodeURIComponent(runId)}`
  url.hash = place === undefined ? "" : fragmentOf(place)
  return url.href
}

/** The bytes of a line; with others that are marked already, all between them too. */
export const marksOf = (
  line: { readonly start: number; readonly end: number },
  marked: LogPlace | undefined
): LogPlace =>
  marked === undefined
    ? { start: line.start, end: line.end }
    : { start: Math.min(marked.start, line.start), end: Math.max(marked.end ?? marked.start + 1, line.end) }

/** Writes a place into the page's own address, without a step of its history. */
export const writeAddress = (runId: string, place: LogPlace): void => {
  const url = new URL(location.href)
  url.searchParams.set("run", runId)
  url.hash = fragmentOf(place)
  history.replaceState(history.state, "", url)
}

/** A line of which something is marked. */
export const isMarked = (
  line: { readonly start: number; readonly end: number },
  place: LogPlace | undefined
): boolean => place !== undefined && line.end > place.start && line.start < (place.end ?? place.start + 1)
