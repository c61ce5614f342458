/** `looper status` for people. */
import type { StatusAnswer } from "../domain/status.ts"
import { clockText, comingText, durationText, sizeText } from "./words.ts"

/** What runs, or why nothing does and when something will, a fact a line. */
export const statusText = (status: StatusAnswer): ReadonlyArray<string> => {
  const now = Date.parse(status.server_time)
  return [
    ...runLines(status, now),
    ...holderLines(status, now),
    ...idleLines(status, now),
    ...autopollLines(status, now)
  ]
}

const runLines = ({ run }: StatusAnswer, now: number): ReadonlyArray<string> => {
  if (run === null) return []
  const size = run.log_bytes === null ? "" : ` (${sizeText(run.log_bytes)})`
  const by = run.is_autopoll ? ", started by autopoll" : ""
  return [
    `${run.state === "starting" ? "Starting" : "Running"}: ${run.request_id} for ${ageText(run.started_at, now)}${by}`,
    ...(run.pid === null ? [] : [`Pid: ${run.pid}${processesText(run.process_count)}`]),
    `Workspace: ${run.workspace}`,
    ...(run.log_path === null ? [] : [`Log: ${run.log_path}${size}`]),
    ...(run.last_output_at === null ? [] : [`Last output: ${ageText(run.last_output_at, now)} ago`]),
    ...(run.limits.length === 0 ? [] : [`Limits: ${run.limits.map((limit) => limitText(limit, now)).join("; ")}`])
  ]
}

const processesText = (count: number | null): string =>
  count === null ? "" : count === 1 ? ", 1 process" : `, ${count} processes`

type Limit = NonNullable<StatusAnswer["run"]>["limits"][number]

const limitText = ({ limit, value, at }: Limit, now: number): string => {
  if (at === null) return `stopped beyond ${sizeText(value)} of output`
  return `stopped ${comingText(at, now)}${limit === "max_silent_seconds" ? " if it stays silent" : ""}`
}

const holderLines = ({ holder }: StatusAnswer, now: number): ReadonlyArray<string> => {
  if (holder === null) return []
  const begun = holder.steps.at(-1)?.started_at
  const since = begun === undefined ? "" : ` for ${ageText(begun, now)}`
  return [
    `In progress: ${holder.request_id} (${holder.operation}), step ${holder.step}${since}; holds the lock for ${ageText(holder.since, now)}`
  ]
}

const idleLines = ({ idle, next_start_at: nextStart }: StatusAnswer, now: number): ReadonlyArray<string> => {
  if (idle === null) return []
  const pids = idle.pids.length === 0 ? "" : ` (pid ${idle.pids.join(", ")})`
  return [
    `Idle: ${idle.text}${pids}`,
    ...idle.blocking.map((process) => blockingText(process, now)),
    nextStart === null ? "Next start: nothing starts by itself now" : `Next start: ${comingText(nextStart, now)}`
  ]
}

type Blocking = NonNullable<StatusAnswer["idle"]>["blocking"][number]

const blockingText = ({ pid, cwd, started_at: since }: Blocking, now: number): string =>
  `Pid ${pid}: in ${cwd ?? "an unknown folder"}${since === null ? "" : ` for ${ageText(since, now)}`}`

const autopollLines = ({ autopoll }: StatusAnswer, now: number): ReadonlyArray<string> => {
  const { last_tick: last, next_tick_at: next, failures_in_a_row: failures, backoff_until: backoff } = autopoll
  const facts = [
    autopoll.is_paused ? "paused" : autopoll.is_on ? "on" : "off",
    ...(next === null ? [] : [`next tick ${comingText(next, now)}`]),
    ...(last === null ? [] : [`last tick at ${clockText(last.at, now)} ${last.outcome}${reasonText(last.reason)}`]),
    ...(failures === 0 ? [] : [`${failures} failures in a row`]),
    ...(backoff === null ? [] : [`backs off until ${clockText(backoff, now)}`])
  ]
  return [`Autopoll: ${facts.join("; ")}`]
}

const ageText = (at: string, now: number): string => durationText(now - Date.parse(at))
const reasonText = (reason: string | null): string => (reason === null ? "" : ` (${reason})`)
