/** The band while a sequence holds the lock. */
import type { Status } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import { band, type Band } from "./band.ts"
import { clock, duration, millisOf, wholeDuration } from "./time.ts"

/** Who holds the lock. */
export type Holder = NonNullable<Status["holder"]>

/** `3.4 s`: what goes by quickly has tenths. */
export const tenths = (millis: number): string =>
  millis < 60_000 ? `${(Math.max(0, millis) / 1_000).toFixed(1)} s` : duration(millis)

/** A start, or somebody's stop, in progress. */
export const startingBand = (state: PageState, holder: Holder): Band => {
  const sinceMillis = millisOf(holder.since) ?? state.nowMillis
  return holder.operation === "kill" || holder.operation === "stop"
    ? stoppingBand(state, holder, sinceMillis)
    : launchBand(state, holder, sinceMillis)
}

/** A stop of this page's: the run is gone, and the answer is not there yet. */
export const goneBand = (state: PageState, stop: Extract<PageState["stop"], { kind: "stopping" }>): Band =>
  band({
    tone: "live",
    mark: "stopped",
    word: "Stopping",
    number: duration(state.nowMillis - stop.sinceMillis),
    sentence: [{ b: stop.processCount > 1 ? `All ${stop.processCount} processes are gone.` : "codex is gone." }],
    buttons: []
  })

const stoppingBand = (state: PageState, holder: Holder, sinceMillis: number): Band => {
  const fact = "codex exec is being stopped."
  const by = holder.operation === "kill" ? "POST /kill" : "POST /runs/:id/stop"
  return band({
    tone: "live",
    mark: "stopped",
    word: "Stopping",
    number: duration(state.nowMillis - sinceMillis),
    sentence: [{ b: fact }, ` Asked for by ${by} at ${clock(sinceMillis)}.`],
    said: fact,
    buttons: []
  })
}

const launchBand = (state: PageState, holder: Holder, sinceMillis: number): Band => {
  const fact = `${doingWords(holder, state)}.`
  const by = holder.operation === "autopoll" ? "autopoll" : `POST /${holder.operation}`
  return band({
    tone: "live",
    mark: "starting",
    word: "Starting",
    number: tenths(state.nowMillis - sinceMillis),
    sentence: [{ b: fact }, ` Run ${holder.request_id}, asked for by ${by} at ${clock(sinceMillis)}.`],
    said: fact,
    buttons: ["cancel"]
  })
}

const doingWords = ({ step, delay_seconds: delay }: Holder, { status }: PageState): string => {
  switch (step) {
    case "preflight":
      return "Checking the request"
    case "notify":
      return status?.defaults.announces_to?.startsWith("stream ") === true ? "Announcing it on Zulip" : "Announcing it"
    case "kill":
      return "Stopping what runs"
    case "delay":
      return delay === null ? "Waiting before launch" : `Waiting ${wholeDuration(delay)} before launch`
    case "spawn":
      return "Launching codex"
    case "startup_check":
      return "Watching codex start"
  }
}
