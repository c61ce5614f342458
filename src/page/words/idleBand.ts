/** The band while nothing runs: why not, what ran last, and when something will. */
import type { Run, Status } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import { endedBand, notStartedBand } from "./endedBand.ts"
import { band, type Band } from "./band.ts"
import { nextWords } from "./nextWords.ts"
import { shortPath } from "./paths.ts"
import { endedLast, endMillis } from "./runWords.ts"
import { age, clock, clockSince, duration, millisOf, wholeDuration } from "./time.ts"

/** Nothing runs, and nothing is being started. */
export const idleBand = (state: PageState, status: Status): Band => {
  const { idle } = status
  const last = endedLast(state.recent)
  // What needs somebody comes first, then what just happened.
  if (idle?.reason === "misconfigured") return misconfiguredBand(idle.text)
  if (idle !== null && idle.pids.length > 0) return heldUpBand(state, status, idle)
  // Autopoll's own failures are why it waits; another start that failed is told first.
  if (idle?.reason === "backoff" && last?.is_autopoll === true) return backoffBand(state, status)
  if (last?.cause === "not_started" || wasEarly(state, last)) return notStartedBand(state, last as Run)
  if (idle?.reason === "backoff") return backoffBand(state, status)
  if (state.stop.kind === "failed") return stopFailedBand(state.stop.error)
  if (last !== undefined && last.state !== "succeeded") return endedBand(state, status, last)
  if (idle?.reason === "recent_log_activity") return quietBand(state, status, idle)
  if (idle?.reason === "off" || idle?.reason === "paused") return offBand(state, idle.reason, last)
  return waitingBand(state, status, last)
}

/** Did codex end while it was watched? */
const wasEarly = ({ lastDetails }: PageState, last: Run | undefined): boolean =>
  last !== undefined &&
  last.state === "failed" &&
  (last.error === "exited_early" ||
    (lastDetails?.request_id === last.request_id &&
      lastDetails.steps.some(({ step, result }) => step === "startup_check" && result === "exited_early")))

const misconfiguredBand = (text: string): Band =>
  band({
    tone: "warn",
    mark: "idle",
    word: "Idle",
    sentence: [{ b: text }],
    said: text,
    buttons: ["start", "startDefault"]
  })

const stopFailedBand = (error: string): Band =>
  band({ tone: "bad", mark: "failed", word: "Not stopped", sentence: [{ b: error }], said: error, buttons: ["start"] })

const heldUpBand = ({ nowMillis }: PageState, status: Status, idle: NonNullable<Status["idle"]>): Band => {
  const [first] = idle.blocking
  const count = Math.max(idle.pids.length, 1)
  const since = millisOf(first?.started_at)
  const place = first?.cwd == null ? "" : `, in ${shortPath(first.cwd, status.defaults.workspace)}`
  const time = since === undefined ? "" : ` since ${clockSince(since, nowMillis)}`
  const who = count === 1 ? `pid ${idle.pids.join()}${place}${time}` : `pids ${idle.pids.join(", ")}`
  const fact = `${who}, not started by Looper.`
  const tick = millisOf(status.autopoll.next_tick_at)
  const isHeldUp = idle.reason === "alive_tasks"
  const check = tick === undefined ? "" : ` Next check ${clock(tick)}.`
  const next = isHeldUp ? check : ` Autopoll is ${idle.reason}.`
  return band({
    tone: "warn",
    mark: "waiting",
    word: isHeldUp ? "Idle, held up by" : "Idle beside",
    number: count === 1 ? "another codex exec" : `${count} other codex exec`,
    sentence: [{ b: fact }, `${next} A start from here stops ${count === 1 ? "it" : "them"}.`],
    said: fact,
    buttons: idle.reason === "paused" ? ["start", "resume"] : ["start"]
  })
}

const quietBand = (state: PageState, { autopoll }: Status, idle: NonNullable<Status["idle"]>): Band => {
  const tick = millisOf(autopoll.next_tick_at)
  const changed = millisOf(idle.log_changed_at) ?? state.nowMillis
  return band({
    tone: "calm",
    mark: "waiting",
    word: "Idle, next check in",
    number: tick === undefined ? "" : duration(tick - state.nowMillis),
    sentence: [
      { b: `The newest log changed ${duration(state.nowMillis - changed)} ago;` },
      ` autopoll waits until it is ${wholeDuration(autopoll.log_stale_seconds)} old.`
    ],
    said: "The newest log has just changed.",
    buttons: ["start", "startDefault"]
  })
}

const offBand = (state: PageState, reason: "off" | "paused", last: Run | undefined): Band => {
  const since = last === undefined ? "" : `since ${clockSince(endMillis(last), state.nowMillis)}`
  if (last === undefined && state.history.nextCursor !== undefined) {
    const fact = "Nothing has run yet, and nothing will start by itself:"
    return band({
      tone: "calm",
      mark: "idle",
      word: "Idle",
      sentence: [{ b: fact }, ` autopoll is ${reason}.`],
      said: fact,
      buttons: reason === "off" ? ["start", "startDefault"] : ["start", "resume"]
    })
  }
  const fact = `Nothing will start by itself: autopoll is ${reason}`
  return band({
    tone: "calm",
    mark: "idle",
    word: "Idle",
    number: since,
    sentence: reason === "off" ? [{ b: fact }, " (LOOPER_AUTO_START_WHEN_IDLE=0)."] : [{ b: `${fact}.` }],
    said: `${fact}.`,
    buttons: reason === "off" ? ["start", "startDefault"] : ["start", "resume"]
  })
}

const waitingBand = (state: PageState, status: Status, last: Run | undefined): Band => {
  const next = millisOf(status.next_start_at)
  const fact = (ended: string) =>
    last === undefined ? "Nothing has run yet." : `Run ${last.request_id} succeeded${ended}.`
  return band({
    tone: "calm",
    mark: "waiting",
    word: next === undefined ? "Idle" : "Idle, next start in",
    number: next === undefined ? "" : duration(next - state.nowMillis),
    sentence: [
      { b: fact(last === undefined ? "" : ` ${duration(state.nowMillis - endMillis(last))} ago`) },
      ` ${nextWords(status)}`
    ],
    said: fact(""),
    buttons: ["start", "startDefault"]
  })
}

const backoffBand = (state: PageState, status: Status): Band => {
  const { autopoll } = status
  const until = millisOf(status.next_start_at) ?? millisOf(autopoll.backoff_until) ?? state.nowMillis
  const fact = failuresWords(state, autopoll.failures_in_a_row)
  const wait = autopoll.backoff_seconds
  const grows = wait !== null && wait >= 3_600 ? ", the longest" : " now, then doubles, to 1 h at most"
  const waits = wait === null ? "" : ` Autopoll waits ${wholeDuration(wait)}${grows}.`
  return band({
    tone: "warn",
    mark: "waiting",
    word: "Backing off, next try in",
    number: duration(until - state.nowMillis),
    sentence: [{ b: fact }, `${waits} A success resets it.`],
    said: fact,
    isAlert: true,
    buttons: ["start", "tryTick"]
  })
}

/** Round times that a failure is called quick by, in seconds. */
const roundSeconds = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600]

const failuresWords = ({ recent }: PageState, count: number): string => {
  const failed = recent.filter((run) => run.is_autopoll && run.state === "failed").slice(0, count)
  const reason = failed[0]?.reason
  const lives = failed.map((run) => run.duration_ms ?? 0)
  const within =
    failed.length === count ? roundSeconds.find((seconds) => Math.max(...lives) <= seconds * 1_000) : undefined
  const runs = count === 1 ? "1 run failed" : `${count} runs failed in a row`
  const quick = within === undefined ? "" : `, ${count === 1 ? "" : "each "}within ${age(within * 1_000)}`
  return `${runs}${quick}${reason == null ? "." : `: “${reason}”.`}`
}
