/** Links that are handed out. */
import type { LogPlace } from "./LogPane.ts"
import { fragmentOf } from "./place.ts"

/** The address of a run's log, or of a place in it, below the page's own; it carries nothing else. */
export const linkOf = (page: string, runId: string, place: LogPlace | undefined): string => {
  const url = new URL(page)
  url.search = `?run=${encodeURIComponent(runId)}`
  url.hash = place === undefined ? "" : fragmentOf(place)
  return url.href
}
