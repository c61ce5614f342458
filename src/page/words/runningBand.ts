/** The band while a run lives. */
import type { Status } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import { band, type Band, type BandButton, type Part } from "./band.ts"
import { age, clockMinute, clockSince, duration, millisOf, wholeDuration } from "./time.ts"

type LiveRun = NonNullable<Status["run"]>

/** Silent for so long is worth a look, in milliseconds. */
const silentAfterMillis = 300_000
/** So many characters of a command are shown. */
const commandLength = 44

/** A run that works, is silent, or is being stopped. */
export const runningBand = (state: PageState, run: LiveRun): Band => {
  const { stop } = state
  if (stop.kind !== "idle" && stop.runId === run.request_id) {
    if (stop.kind === "armed") return armedBand(state, run)
    if (stop.kind === "stopping") return stoppingBand(state, run, stop)
    return band({ ...workingBand(state, run), tone: "bad", sentence: [{ b: stop.error }], said: stop.error })
  }
  return silence(state, run) === undefined ? workingBand(state, run) : silentBand(state, run)
}

/** How long codex has lived, in milliseconds. */
export const livedMillis = (run: LiveRun, { nowMillis, status }: PageState): number => {
  const toldAt = millisOf(status?.server_time) ?? nowMillis
  const told = run.duration_ms ?? toldAt - (millisOf(run.started_at) ?? toldAt)
  return told + Math.max(0, nowMillis - toldAt)
}

const limitOf = (run: LiveRun, name: LiveRun["limits"][number]["limit"]) =>
  run.limits.find(({ limit }) => limit === name)

/** When it last wrote, where that is worth a look. */
const silence = ({ nowMillis }: PageState, run: LiveRun): number | undefined => {
  const lastMillis = millisOf(run.last_output_at) ?? millisOf(run.started_at)
  if (lastMillis === undefined) return undefined
  const limitMillis = (limitOf(run, "max_silent_seconds")?.value ?? Number.POSITIVE_INFINITY) * 1_000
  return nowMillis - lastMillis > Math.min(silentAfterMillis, limitMillis / 2) ? lastMillis : undefined
}

const buttons = ({ shownRun }: PageState, run: LiveRun): ReadonlyArray<BandButton> =>
  shownRun === undefined || shownRun.request_id === run.request_id ? ["start", "stop"] : ["goTo", "start", "stop"]

/** The command that the log's last lines are in, where the log is this run's. */
const commandOf = ({ log, shownRun }: PageState, run: LiveRun): string | undefined =>
  shownRun?.request_id === run.request_id ? log.command : undefined

/** The band stays as high, whatever the command. */
const short = (command: string): Part => {
  const line = command.replaceAll(/\s+/g, " ").trim()
  return line.length <= commandLength ? { m: line } : { m: `${line.slice(0, commandLength - 1)}…`, title: command }
}

const workingBand = (state: PageState, run: LiveRun): Band => {
  const lastMillis = millisOf(run.last_output_at)
  const fact =
    lastMillis === undefined ? "No output yet." : `Last output ${duration(state.nowMillis - lastMillis)} ago.`
  return band({
    tone: "live",
    mark: "running",
    word: "Running",
    number: duration(livedMillis(run, state)),
    sentence: [{ b: fact }, ...workingDetail(state, run)],
    buttons: buttons(state, run)
  })
}

const workingDetail = (state: PageState, run: LiveRun): ReadonlyArray<Part> => {
  const isShown = state.shownRun?.request_id === run.request_id
  if (isShown && state.log.stream === "broken") {
    return [" The log stream broke off; it goes on at the byte where it stopped."]
  }
  const command = commandOf(state, run)
  return command === undefined ? [] : [" In command ", short(command), ", not ended yet."]
}

const silentBand = (state: PageState, run: LiveRun): Band => {
  const { nowMillis } = state
  const lastMillis = silence(state, run) ?? nowMillis
  const command = commandOf(state, run)
  const fact = `No output since ${clockSince(lastMillis, nowMillis)}`
  const where: ReadonlyArray<Part> =
    command === undefined ? [{ b: `${fact}.` }] : [{ b: `${fact},` }, " in ", short(command), "."]
  return band({
    tone: "warn",
    mark: "silent",
    word: "Running, silent for",
    number: age(nowMillis - lastMillis),
    sentence: [...where, ` ${whatEndsIt(run, nowMillis)}`],
    said: `${fact}.`,
    buttons: buttons(state, run)
  })
}

const whatEndsIt = (run: LiveRun, nowMillis: number): string => {
  const silent = limitOf(run, "max_silent_seconds")
  const silentAt = millisOf(silent?.at)
  if (silentAt !== undefined) return `Looper ends the run if it stays silent until ${clockSince(silentAt, nowMillis)}.`
  const long = limitOf(run, "max_seconds")
  const longAt = millisOf(long?.at)
  return long === undefined || longAt === undefined
    ? "Nothing ends it by itself."
    : `Looper ends the run at ${clockSince(longAt, nowMillis)}, after ${wholeDuration(long.value)}.`
}

const processes = (count: number): string => (count === 1 ? "1 process" : `${count} processes`)

const armedBand = (state: PageState, run: LiveRun): Band => {
  const grace = wholeDuration(state.status?.defaults.kill_grace_seconds ?? 0)
  const count = run.process_count
  const its = count === null ? "processes get" : `${processes(count)} ${count === 1 ? "gets" : "get"}`
  return band({
    ...workingBand(state, run),
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
  const lasted = state.nowMillis - sinceMillis
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
