/** One run in words: who started it, how it ended. */
import type { Run } from "../api/answers.ts"
import { millisOf } from "./time.ts"

const signals: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  6: "SIGABRT",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM"
}

/** `exit 1`, `exit 143 (SIGTERM)`. */
export const exitWords = (code: Run["return_code"]): string | undefined => {
  if (code === null) return undefined
  if (code === "unknown") return "exit unknown"
  const signal = code > 128 ? signals[code - 128] : undefined
  return signal === undefined ? `exit ${code}` : `exit ${code} (${signal})`
}

/** Does it live? */
export const isLive = ({ state }: Run): boolean => state === "starting" || state === "running"

/** Did a limit end it? */
export const isLimited = ({ cause }: Run): boolean => cause?.startsWith("max_") === true

const limitWords: Readonly<Record<string, string>> = {
  max_seconds: "ran for too long",
  max_silent_seconds: "silent for too long",
  max_log_bytes: "wrote too much"
}

/** `silent for 30 m`: which limit ended it. */
export const limitReason = (run: Run): string => run.reason ?? limitWords[run.cause ?? ""] ?? "limit"

/** What stands beside a run in the list, and what else there is where it fits; empty where there is nothing to say. */
export const whyWords = (run: Run, isStoppedHere: boolean): { readonly word: string; readonly detail: string } => {
  if (run.state !== "failed" || run.cause === "not_started" || isLimited(run)) {
    return { word: whyWord(run, isStoppedHere), detail: "" }
  }
  const exit = exitWords(run.return_code)
  return { word: exit ?? run.reason ?? "", detail: exit === undefined ? "" : (run.reason ?? "") }
}

const whyWord = (run: Run, isStoppedHere: boolean): string => {
  if (isLimited(run)) return `${limitReason(run).replace(" for ", " ")}, ended`
  if (run.cause === "not_started") return "not launched"
  if (run.state === "interrupted") return "interrupted"
  if (run.state !== "stopped") return run.is_autopoll ? "auto" : ""
  return stopWords(run, isStoppedHere)
}

const stopWords = (run: Run, isStoppedHere: boolean): string => {
  if (isStoppedHere) return "from the page"
  if (run.cause === "replacement") return "by a new run"
  if (run.cause === "shutdown") return "by a shutdown"
  return run.pid === null ? "cancelled" : "by request"
}

/** How it ended, for its facts; `undefined` while it lives. */
export const endWords = (run: Run, isStoppedHere: boolean): string | undefined => {
  if (isLive(run)) return undefined
  if (isLimited(run)) return `${limitReason(run).replace(" for ", " ")}, ended by Looper`
  if (run.cause === "not_started") return "not launched"
  const exit = exitWords(run.return_code)
  if (run.state === "stopped") return [stopWords(run, isStoppedHere), exit].filter(Boolean).join(", ")
  return run.state === "interrupted" ? "interrupted, exit unknown" : exit
}

/** Who asked for it. */
export const byWords = ({ operation }: Run): string | undefined => {
  if (operation === null) return undefined
  return operation === "autopoll" ? "autopoll" : `POST /${operation}`
}

/** How long it has lived, in milliseconds; a live one by the clock. */
export const lifeMillis = (run: Run, nowMillis: number): number | undefined => {
  if (!isLive(run)) return run.duration_ms ?? undefined
  return Math.max(0, nowMillis - (millisOf(run.started_at) ?? nowMillis))
}

/** When it ended, or began where nobody knows. */
export const endMillis = (run: Run): number => millisOf(run.ended_at) ?? millisOf(run.started_at) ?? 0

/** The run that ended last: a start may be refused while an older run lives. */
export const endedLast = (runs: ReadonlyArray<Run>): Run | undefined =>
  runs
    .filter((run) => !isLive(run))
    .reduce<Run | undefined>(
      (last, run) => (last === undefined || endMillis(run) > endMillis(last) ? run : last),
      undefined
    )
