/** What Looper tells beside a run's own message, and in which words. */
import type { RunEnding } from "./RunRecord.ts"
import type { SkipReason } from "./RunResult.ts"
import { fencedEnd, inlineCode } from "./quietText.ts"

/** What may be told; each is off unless it is asked for. */
export const noticeKinds = ["autopoll", "finish", "failure", "skip"] as const
/** One of {@link noticeKinds}. */
export type NoticeKind = (typeof noticeKinds)[number]

/** A run that a tick started. */
export interface StartedNotice {
  readonly requestId: string
  readonly workspace: string
}

/** A run that ended; `tail` is the end of what it wrote, trailer and all. */
export interface EndedNotice {
  readonly requestId: string
  readonly end: RunEnding
  /** `undefined` where nobody saw it end. */
  readonly durationMillis: number | undefined
  readonly logPath: string
  readonly tail: string
}

/** A run that was not started, and why. */
export interface UnstartedNotice {
  readonly requestId: string
  readonly error: string
}

/** A tick that started nothing. */
export interface SkipNotice {
  readonly reason: SkipReason
  /** The reason as a sentence. */
  readonly text: string
  /** With `backoff`: milliseconds since the epoch. */
  readonly untilMillis?: number | undefined
}

/** Discord takes 2,000 characters in all. */
const maxTailLength = 1_000
const maxLineLength = 250

const code = (text: string): string => inlineCode(text, maxLineLength)

/** Which notice an end is worth; none where somebody asked for it. */
export const kindOfEnd = ({ returnCode, stoppedBy }: RunEnding): "finish" | "failure" | undefined => {
  if (stoppedBy === "request" || stoppedBy === "replacement" || stoppedBy === "shutdown") return undefined
  return returnCode === 0 && stoppedBy === undefined ? "finish" : "failure"
}

/** `2 h 5 min`, `41 min 12 s` or `3.2 s`. */
const durationText = (millis: number): string => {
  const seconds = millis / 1_000
  if (seconds < 60) return `${Math.floor(seconds * 10) / 10} s`
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)]
  return hours === 0 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${hours} h ${minutes % 60} min`
}

/** A tick started a run. */
export const startedText = ({ requestId, workspace }: StartedNotice): string =>
  `Looper: autopoll started run ${code(requestId)} in ${code(workspace)}`

/** A run ended; one that failed shows the end of its log, in a block of this language. */
export const endedText = (notice: EndedNotice, language: string): string => {
  const { requestId, end, durationMillis, logPath, tail } = notice
  const after = durationMillis === undefined ? ", at a time unknown" : ` after ${durationText(durationMillis)}`
  const log = `log: ${code(logPath)}`
  const run = `Looper: run ${code(requestId)}`
  if (kindOfEnd(end) === "finish") return `${run} finished with exit 0${after}\n${log}`
  const exit = `exit ${end.returnCode}`
  const how =
    end.stoppedBy === undefined ? `failed with ${exit}` : `was stopped by its limit ${end.stoppedBy} (${exit})`
  const output = tail.replace(/\n# codex_exec_return_code=(?:\d{1,3}|unknown)\n$/, "")
  return [`${run} ${how}${after}`, log, fencedEnd(output, { maxLength: maxTailLength, language })]
    .filter(Boolean)
    .join("\n")
}

/** A tick could not start its run. */
export const tickFailedText = ({ requestId, error }: UnstartedNotice): string =>
  `Looper: autopoll could not start run ${code(requestId)}: ${code(error)}`

/** A run that somebody asked for failed before codex was started. */
export const unstartedText = ({ requestId, error }: UnstartedNotice): string =>
  `Looper: run ${code(requestId)} could not be started: ${code(error)}`

/** A tick started nothing, for another reason than the one before. */
export const skipText = ({ reason, text, untilMillis }: SkipNotice): string => {
  const until = untilMillis === undefined ? "" : ` until ${new Date(untilMillis).toISOString()}`
  return `Looper: autopoll starts nothing (${reason}): ${code(text)}${until}`
}
