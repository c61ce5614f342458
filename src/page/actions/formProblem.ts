/** What went wrong with a start, in words, and at which field. */
import { ApiError, isUnanswered } from "../api/ApiError.ts"
import { holderWords, pidWords, sentence, survivorWords, themOf } from "./failureParts.ts"
import type { FormField, FormProblem } from "./formState.ts"

/** The fields' own names, as the dialog has them. */
export const fieldNames: { readonly [Field in FormField]: string } = {
  prompt: "Prompt",
  message: "Message",
  workspace: "Workspace",
  delay: "Delay before launch"
}

/** A field of a body. */
const fieldOfBody: Readonly<Record<string, FormField>> = {
  codex_prompt: "prompt",
  prompt: "prompt",
  zulip_message: "message",
  workspace: "workspace",
  codex_exec_delay_seconds: "delay"
}

/** Fields that an error is about which names none. */
const fieldOfCode: Readonly<Record<string, FormField>> = {
  prompt_unusable: "prompt",
  workspace_not_directory: "workspace"
}

/** What was on its way when it failed. */
export interface Attempt {
  readonly kind: "announce" | "run" | "spawn" | "kill"
  /** What lived was stopped before this request. */
  readonly hasStopped: boolean
  /** Something lives that it would stop. */
  readonly hasVictim: boolean
}

/** An answer that is an error, or none, as the dialog says it. */
export const problemOf = (error: unknown, attempt: Attempt, nowMillis: number): FormProblem => {
  if (isUnanswered(error)) return { field: undefined, text: unanswered[attempt.kind] }
  if (!(error instanceof ApiError)) return { field: undefined, text: sentence(String(error)) }
  const problem = ofField(error) ?? { field: undefined, text: wordsOf(error, attempt, nowMillis) }
  return attempt.hasStopped && error.code !== "run_busy" && error.code !== "run_alive"
    ? { ...problem, text: `What ran was stopped, but nothing was started. ${problem.text}` }
    : problem
}

const unanswered: { readonly [Kind in Attempt["kind"]]: string } = {
  run: "Looper did not answer. Send it again: if it was taken, it is not done twice. Your text is kept.",
  spawn:
    "Looper did not answer, so whether it started a run is unknown; look at the state above before you start again.",
  kill: "Looper did not answer, so whether it stopped the run is unknown; nothing was started.",
  announce: "Looper did not answer, so whether the message was sent is unknown."
}

const ofField = ({ status, code, message }: ApiError): FormProblem | undefined => {
  const byCode = fieldOfCode[code ?? ""]
  if (byCode !== undefined) return { field: byCode, text: sentence(message) }
  const name = status === 400 ? /'(\w+)'/.exec(message)?.[1] : undefined
  const field = fieldOfBody[name ?? ""]
  if (field === undefined) return undefined
  const text = message.startsWith("missing ")
    ? `${fieldNames[field]} is missing.`
    : sentence(message.replace(`'${name}'`, fieldNames[field]))
  return { field, text }
}

const wordsOf = ({ code, message, body }: ApiError, attempt: Attempt, nowMillis: number): string => {
  switch (code) {
    case "run_busy":
      return busyWords(body.holder, attempt, nowMillis)
    case "run_alive":
      return `Another codex exec lives (${pidWords(body.pids)}). ${changedWords(attempt)} Your text is kept; starting again stops ${themOf(body.pids)} too.`
    case "survivors_left":
      return `${survivorWords(body.remaining_codex_exec_pids)}, so nothing was launched. End ${themOf(body.remaining_codex_exec_pids)} by hand, then start again.`
    case "shutting_down":
      return "Looper is stopping and accepts nothing new. Your text is kept."
    default:
      return sentence(message)
  }
}

const busyWords = (holder: unknown, attempt: Attempt, nowMillis: number): string => {
  return `Another start is under way (${holderWords(holder, nowMillis)}). ${changedWords(attempt)} Your text is kept.`
}

const changedWords = ({ hasStopped }: Attempt): string =>
  hasStopped ? "What ran was stopped before that, by this page." : "Nothing was changed."

/** The band tells these from the run's record. */
const recorded = new Set(["notify_failed", "survivors_left", "spawn_failed", "exited_early", "cancelled"])

/** Does the band tell this failure? Not beside a run that lives on, because nothing was stopped yet. */
export const isToldByBand = (error: unknown, { kind, hasVictim }: Attempt): boolean =>
  error instanceof ApiError &&
  kind !== "kill" &&
  recorded.has(error.code ?? "") &&
  !(hasVictim && error.code === "notify_failed")

/** Who lives, of a start that was refused because of them. */
export const alivePids = (error: unknown): ReadonlyArray<number> =>
  error instanceof ApiError && error.code === "run_alive" && Array.isArray(error.body.pids)
    ? error.body.pids.filter((pid) => typeof pid === "number")
    : []
