/** The band while somebody stops the run from this page. */
import type { Status } from "../api/answers.ts"
import type { PageState, StopState } from "../state/PageState.ts"
import { band, type Band } from "./band.ts"
import { clockMinute, duration, millisOf, wholeDuration } from "./time.ts"

type LiveRun = NonNullable<Status["run"]>

/** A stop that is asked for, under way, or has failed; `working` is the run's band without it. */
export const stopBand = (
  state: PageState,
  run: LiveRun,
  stop: Exclude<StopState, { kind: "idle" }>,
  working: Band
): Band => {
  if (stop.kind === "armed") return armedBand(state, run, working)
  if (stop.kind === "stopping") return stoppingBand(state, run, stop)
  return band({ ...working, tone: "bad", sentence: [{ b: stop.error }], said: stop.error })
}

const processes = (count: number): string => (count === 1 ? "1 process" : `${count} processes`)

const armedBand = (state: PageState, run: LiveRun, working: Band): Band => {
  const grace = wholeDuration(state.status?.defaults.kill_grace_seconds ?? 0)
  const count = run.process_count
  const its = count === null ? "processes get" : `${processes(count)} ${count === 1 ? "gets" : "get"}`
  return band({
    ...working,
    sentence: [{ b: "Stop this run?" }, ` Its ${its} SIGTERM, after ${grace} SIGKILL. ${whatComesNext(state)}`],
    said: "Stop this run?",
    buttons: ["keep", "confirmStop"]
  })
}

const whatComesNext = ({ status }: PageState): string => {
  const autopoll = status?.autopoll
  const nextMillis = millisOf(autopoll?.next_tick_at)
  // As long as the other sentence, so that the band stays as high.
  if (autopoll?.is_on !== true) return "Autopoll is off: nothing follows."
  if (autopoll.is_paused) return "Autopoll is paused: nothing follows."
  const backoffMillis = millisOf(autopoll.backoff_until) ?? 0
  if (backoffMillis > (nextMillis ?? 0)) return `Autopoll backs off until ${roundedUp(backoffMillis)}.`
  return nextMillis === undefined ? "Autopoll starts another." : `Autopoll starts another by ${roundedUp(nextMillis)}.`
}

/** To the minute, and not before it is so. */
const roundedUp = (millis: number): string => clockMinute(Math.ceil(millis / 60_000) * 60_000)

const stoppingBand = (
  state: PageState,
  run: LiveRun,
  { sinceMillis, processCount }: Extract<PageState["stop"], { kind: "stopping" }>
): Band => {
  const lasted = Math.max(0, state.nowMillis - sinceMillis)
  const left = (state.status?.defaults.kill_grace_seconds ?? 0) * 1_000 - lasted
  const gone = Math.max(0, processCount - (run.process_count ?? processCount))
  return band({
    tone: "live",
    mark: "stopped",
    word: "Stopping",
    number: duration(lasted),
    sentence: [
      { b: `${gone} of ${processes(processCount)} ${gone === 1 ? "is" : "are"} gone.` },
      left > 0 ? ` SIGKILL in ${duration(left + 999)}.` : " SIGKILL was sent."
    ],
    buttons: []
  })
}
