/** When something starts by itself. */
import type { Status } from "../api/answers.ts"
import { clock, millisOf } from "./time.ts"

/** What autopoll will do next, as a sentence. */
export const nextWords = ({ autopoll, idle, next_start_at }: Status, verb = "starts the default prompt"): string => {
  if (!autopoll.is_on) return "Nothing will start by itself: autopoll is off."
  if (autopoll.is_paused) return "Nothing will start by itself: autopoll is paused."
  const startMillis = millisOf(next_start_at)
  if (startMillis !== undefined) return `Autopoll ${verb} at ${clock(startMillis)}.`
  const tickMillis = millisOf(autopoll.next_tick_at)
  if (tickMillis === undefined) return ""
  return `Autopoll ${idle?.reason === "waiting" ? verb : "checks again"} at ${clock(tickMillis)}.`
}
