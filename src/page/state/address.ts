/** What the page's address says: which run, which bytes of its log. */
import type { LogPlace } from "../log/LogPane.ts"

/** An address in parts. */
export interface Address {
  /** `undefined`: the newest. */
  readonly runId: string | undefined
  readonly place: LogPlace | undefined
}

/** Reads `?run=3f9c21ab#b1240118-1240377`. */
export const addressOf = ({ search, hash }: { readonly search: string; readonly hash: string }): Address => {
  const runId = new URLSearchParams(search).get("run") ?? ""
  const place = /^#b(\d{1,15})(?:-(\d{1,15}))?$/.exec(hash)
  return {
    runId: /^(?:auto)?[0-9a-f]{8}$/.test(runId) ? runId : undefined,
    place:
      place === null
        ? undefined
        : { start: Number(place[1]), end: place[2] === undefined ? undefined : Number(place[2]) }
  }
}

/** The query that shows a run; what else stands there, such as the theme, stays. */
export const searchFor = (runId: string | undefined, search: string): string => {
  const query = new URLSearchParams(search)
  query.delete("run")
  if (runId !== undefined) query.set("run", runId)
  const text = query.toString()
  return text === "" ? "" : `?${text}`
}
