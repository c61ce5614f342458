/** What the page's address says: which run, which bytes of its log. */
import type { LogPlace } from "../log/LogPane.ts"
import { placeOf } from "../log/place.ts"

/** An address in parts. */
export interface Address {
  /** `undefined`: the newest. */
  readonly runId: string | undefined
  readonly place: LogPlace | undefined
}

/** Reads `?run=3f9c21ab#b1240118-1240377`. */
export const addressOf = ({ search, hash }: { readonly search: string; readonly hash: string }): Address => {
  const runId = new URLSearchParams(search).get("run") ?? ""
  return { runId: /^(?:auto)?[0-9a-f]{8}$/.test(runId) ? runId : undefined, place: placeOf(hash) }
}

/** The query that shows a run; what else stands there, such as the theme, stays. */
export const searchFor = (runId: string | undefined, search: string): string => {
  const query = new URLSearchParams(search)
  query.delete("run")
  if (runId !== undefined) query.set("run", runId)
  const text = query.toString()
  return text === "" ? "" : `?${text}`
}
