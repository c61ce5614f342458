/** The start dialog's texts, and what they ask of Looper. */
import type { Status } from "../api/answers.ts"
import type { FormField, FormProblem, FormTexts, StartForm } from "./formState.ts"

type Defaults = Status["defaults"]

/** What the fields show. */
export const shownTexts = (form: FormTexts, defaults: Defaults): { readonly [Field in FormField]: string } => ({
  prompt: form.prompt ?? defaults.prompt ?? "",
  message: form.message,
  workspace: form.workspace ?? defaults.workspace,
  delay: form.delay ?? String(defaults.delay_seconds)
})

/** Typed texts, where one that reads as its default is the default: it moves with it and is not remembered. */
export const edited = (form: FormTexts, texts: Partial<FormTexts>, defaults: Defaults): FormTexts => {
  const { prompt, message, workspace, delay } = { ...form, ...texts }
  return {
    prompt: unlessDefault(prompt, defaults.prompt),
    message,
    workspace: unlessDefault(workspace, defaults.workspace),
    delay: unlessDefault(delay, String(defaults.delay_seconds))
  }
}

const unlessDefault = (text: string | undefined, byDefault: string | null) => (text === byDefault ? undefined : text)

/** What a form asks for. */
export type Submission =
  | { readonly kind: "refused"; readonly problem: FormProblem }
  | { readonly kind: "announce"; readonly body: object }
  /** The whole sequence, which stops what lives. */
  | { readonly kind: "run"; readonly body: object }
  | { readonly kind: "spawn"; readonly body: object; readonly stopsFirst: Victim | undefined }

/** What a start would stop: Looper's own run, or else others' codex exec. */
export interface Victim {
  readonly runId: string | undefined
  readonly pids: ReadonlyArray<number>
}

/** Does a codex exec live that a start would stop? */
export const hasVictim = (status: Status): boolean => victimOf(status) !== undefined

const victimOf = ({ run, idle }: Status): Victim | undefined => {
  const pids = idle?.pids ?? []
  return run === null && pids.length === 0 ? undefined : { runId: run?.request_id, pids }
}

/** What the announcing tab asks for. */
export const announcement = ({ message }: FormTexts): Submission =>
  message.trim() === ""
    ? { kind: "refused", problem: { field: "message", text: "There is nothing to announce: the message is empty." } }
    : { kind: "announce", body: { zulip_message: message } }

/** What the starting tab asks for: with a message all in one, without one a stop, where something lives, and a launch. */
export const start = (form: FormTexts, status: Status): Submission => {
  if (shownTexts(form, status.defaults).prompt.trim() === "") {
    const text = status.defaults.prompt_error ?? "Without a prompt there is nothing to start."
    return { kind: "refused", problem: { field: "prompt", text: form.prompt === undefined ? text : emptyPrompt } }
  }
  const body = launchBody(form)
  return form.message.trim() === ""
    ? { kind: "spawn", body, stopsFirst: victimOf(status) }
    : { kind: "run", body: { zulip_message: form.message, ...body } }
}

const emptyPrompt = "Without a prompt there is nothing to start."

/** What differs from the defaults, which Looper knows best; a blank workspace or delay is the default, too. */
const launchBody = ({ prompt, workspace, delay }: FormTexts): object => ({
  ...(prompt !== undefined && { codex_prompt: prompt }),
  ...(workspace !== undefined && workspace.trim() !== "" && { workspace }),
  ...(delay !== undefined && delay.trim() !== "" && { codex_exec_delay_seconds: delay })
})

/** The key of a request with this body: kept where the same was sent before and got no answer. */
export const keyFor = (body: string, unanswered: StartForm["unanswered"], drawKey: () => string): string =>
  unanswered?.body === body ? unanswered.key : drawKey()
