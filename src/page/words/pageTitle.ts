/** The tab's title and its icon's shape. */
import type { PageState } from "../state/PageState.ts"
import { type Band, wordAlone } from "./band.ts"
import { livedMillis } from "./runningBand.ts"
import { age } from "./time.ts"

/** `Running 1 h 12 m · Looper`: the time of a live run, nothing that ticks each second. */
export const titleOf = (band: Band | undefined, state: PageState): string => {
  if (band === undefined) return "Looper"
  const run = state.status?.run
  const number = band.word === "Running" && run != null ? ` ${age(livedMillis(run, state))}` : ""
  return `${wordAlone(band.word)}${number} · Looper`
}

/** The icon's shape. */
export type Icon = "running" | "silent" | "waiting" | "failed" | "gone"

/** The icon for a band: lives, silent, waits, broken, nobody there. */
export const iconOf = (band: Band | undefined): Icon => {
  if (band === undefined) return "waiting"
  if (band.mark === "gone" || band.mark === "lock") return "gone"
  if (band.mark === "silent") return "silent"
  if (band.mark === "waiting") return "waiting"
  if (band.tone === "bad" || band.tone === "warn") return "failed"
  return band.tone === "live" ? "running" : "waiting"
}
