/** What the band says of the page's state; every word of it is here and beside this file. */
import type { StillBands } from "../loadBands.ts"
import type { PageState } from "../state/PageState.ts"
import { band, type Band } from "./band.ts"
import { runningBand } from "./runningBand.ts"
import { clock, duration } from "./time.ts"

/** Of states without a working run there are words only once these are loaded, which this asks for. */
export type Still = () => StillBands | undefined

/** The band; `undefined` before anything is known, or is there to be said. */
export const bandOf = (state: PageState, still: Still): Band | undefined => {
  const { connection, status, stop } = state
  switch (connection.kind) {
    case "connecting":
    case "online":
      if (status === undefined) return undefined
      if (stop.kind === "stopping" && status.run === null) return still()?.goneBand(state, stop)
      // The stop holds the lock, too.
      if (stop.kind === "stopping" && status.run?.request_id === stop.runId) return runningBand(state, status.run)
      if (status.holder !== null) return still()?.startingBand(state, status.holder)
      if (status.run !== null) return runningBand(state, status.run)
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
