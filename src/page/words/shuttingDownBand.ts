/** The band while Looper stops. */
import type { PageState } from "../state/PageState.ts"
import { band, type Band } from "./band.ts"
import { duration } from "./time.ts"

/** Looper said that it stops, and what becomes of its run. */
export const shuttingDownBand = (
  { nowMillis, status }: PageState,
  { deadlineMillis, leavesRun }: Extract<PageState["connection"], { kind: "shuttingDown" }>
): Band => {
  const isLive = status === undefined || status.run !== null || status.holder !== null
  const ending = leavesRun ? " and leaves the run alive" : " and ends the run first"
  const fact = `Looper is stopping${isLive ? ending : ""}.`
  const left = deadlineMillis === undefined ? 0 : deadlineMillis - nowMillis
  return band({
    tone: "warn",
    mark: "stopped",
    word: "Shutting down",
    number: left > 0 ? `${duration(left + 999)} left` : "",
    sentence: [{ b: fact }, " It accepts nothing new. This page reconnects when it is back."],
    said: fact,
    buttons: ["start"]
  })
}
