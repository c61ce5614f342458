/** What the band says of the page's state; every word of it is here and beside this file. */
import type { PageState } from "../state/PageState.ts"
import { newestRun } from "../state/newestRun.ts"
import { band, type Band } from "./band.ts"
import { endedLast, endMillis } from "./runWords.ts"
import { runningBand, type Still } from "./runningBand.ts"
import { clock, duration } from "./time.ts"

/** The band; `undefined` before anything is known, or is there to be said. */
export const bandOf = (state: PageState, still: Still): Band | undefined => {
  const band = wordsOf(state, still)
  const open = state.pinnedRunId ?? state.shownRun?.request_id
  const isElsewhere = open !== undefined && open !== newestRun(state)?.request_id
  // A question has its own buttons, and who does not answer nothing to go to.
  const isCalm = band?.buttons.includes("start") === true || band?.buttons.includes("cancel") === true
  return band !== undefined && isElsewhere && isCalm ? { ...band, buttons: ["goTo", ...band.buttons] } : band
}

const wordsOf = (state: PageState, still: Still): Band | undefined => {
  const { connection, status, stop } = state
  switch (connection.kind) {
    case "connecting":
    case "online":
      if (status === undefined) return undefined
      if (stop.kind === "stopping" && status.run === null) return still()?.goneBand(state, stop)
      // The stop holds the lock, too.
      if (stop.kind === "stopping" && status.run?.request_id === stop.runId)
        return runningBand(state, status.run, still)
      if (status.holder !== null) return still()?.startingBand(state, status.holder)
      if (status.run !== null) {
        const last = endedLast(state.recent)
        const isBeside = last?.cause === "not_started" && endMillis(last) > Date.parse(status.run.started_at)
        return runningBand(state, status.run, still, isBeside ? still()?.refusedStart(state, last) : undefined)
      }
      // What ran last is not known yet.
      if (state.recent.length === 0 && state.history.nextCursor === undefined && state.history.error === undefined) {
        return undefined
      }
      return still()?.idleBand(state, status)
    case "unreachable":
      return unreachableBand(state, connection)
    case "shuttingDown":
      return still()?.shuttingDownBand(state, connection)
    case "unauthorized":
      return band({
        tone: "calm",
        mark: "lock",
        word: "Token needed",
        sentence: ["Without it this page shows nothing and does nothing."],
        buttons: []
      })
    case "forbidden":
      return band({
        tone: "bad",
        mark: "lock",
        word: "Not allowed from here",
        sentence: [connection.error],
        said: connection.error,
        buttons: []
      })
  }
}

const unreachableBand = (
  { nowMillis, status, statusAtMillis }: PageState,
  { sinceMillis, nextTryMillis, hasEndedRun = false }: Extract<PageState["connection"], { kind: "unreachable" }>
): Band => {
  const left = nextTryMillis - nowMillis
  const next = left > 0 ? `Next try in ${duration(left + 999)}` : "Trying now"
  const old = `This is ${duration(nowMillis - statusAtMillis)} old. ${next}`
  const isLive = status !== undefined && (status.run !== null || status.holder !== null)
  const fact = !isLive
    ? "Nothing ran when it last answered."
    : hasEndedRun
      ? "It was stopped, and was to end its run first."
      : "Its run may go on: a run does not need Looper."
  return band({
    tone: "bad",
    mark: "gone",
    word: "Looper does not answer",
    number: `since ${clock(sinceMillis)}`,
    sentence:
      status === undefined
        ? [{ b: "This page has not heard of it yet." }, ` ${next}.`]
        : [{ b: fact }, ` ${old}${isLive && !hasEndedRun ? "; the log goes on where it broke off." : "."}`],
    said: status === undefined ? "" : fact,
    isAlert: true,
    buttons: ["tryNow"]
  })
}
