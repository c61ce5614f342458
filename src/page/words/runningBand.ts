/** The band while a run lives. */
import type { Status } from "../api/answers.ts"
import type { StillBands } from "../loadBands.ts"
import type { PageState } from "../state/PageState.ts"
import { band, type Band, type BandButton, type Part } from "./band.ts"
import { age, clockSince, duration, millisOf, wholeDuration } from "./time.ts"

/** Of states without a working run there are words only once these are loaded, which this asks for. */
export type Still = () => StillBands | undefined

type LiveRun = NonNullable<Status["run"]>

/** Silent for so long is worth a look, in milliseconds. */
const silentAfterMillis = 300_000
/** So many characters of a command are shown. */
const commandLength = 44

/** A run that works, is silent, or is being stopped; `news` is told beside its output. */
export const runningBand = (state: PageState, run: LiveRun, still: Still, news?: string): Band => {
  const { stop } = state
  if (stop.kind !== "idle" && stop.runId === run.request_id) {
    // Until its words are there the band stays as it was.
    return still()?.stopBand(state, run, stop, workingBand(state, run)) ?? workingBand(state, run)
  }
  return silence(state, run) === undefined ? workingBand(state, run, news) : silentBand(state, run, news)
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

const buttons: ReadonlyArray<BandButton> = ["start", "stop"]

/** The command that the log's last lines are in, where the log is this run's. */
const commandOf = ({ log, shownRun }: PageState, run: LiveRun): string | undefined =>
  shownRun?.request_id === run.request_id ? log.command : undefined

/** The band stays as high, whatever the command. */
const short = (command: string): Part => {
  const line = command.replaceAll(/\s+/g, " ").trim()
  return line.length <= commandLength ? { m: line } : { m: `${line.slice(0, commandLength - 1)}…`, title: command }
}

const workingBand = (state: PageState, run: LiveRun, news?: string): Band => {
  const lastMillis = millisOf(run.last_output_at)
  const fact =
    lastMillis === undefined ? "No output yet." : `Last output ${duration(state.nowMillis - lastMillis)} ago.`
  return band({
    tone: "live",
    mark: "running",
    word: "Running",
    number: duration(livedMillis(run, state)),
    sentence: [{ b: fact }, ...(news === undefined ? workingDetail(state, run) : [news])],
    buttons
  })
}

const workingDetail = (state: PageState, run: LiveRun): ReadonlyArray<Part> => {
  if (isBroken(state, run)) return [brokenWords]
  const command = commandOf(state, run)
  return command === undefined ? [] : [" In command ", short(command), ", not ended yet."]
}

const brokenWords = " The log stream broke off; it goes on at the byte where it stopped."

const isBroken = ({ shownRun, log }: PageState, run: LiveRun): boolean =>
  shownRun?.request_id === run.request_id && log.stream === "broken"

const silentBand = (state: PageState, run: LiveRun, news = ""): Band => {
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
    sentence: [...where, ` ${whatEndsIt(run, nowMillis)}`, isBroken(state, run) ? brokenWords : "", news],
    said: `${fact}.`,
    buttons
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
