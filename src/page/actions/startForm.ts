/** The start dialog's texts, and what they ask of Looper. */
import type { Status } from "../api/answers.ts"
import type { FormField, FormProblem, FormTexts, StartForm } from "./formState.ts"

/** What a start is made of. */
type Typed = FormTexts & Pick<StartForm, "alsoAlive">

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
  | { readonly kind: "run"; readonly body: object; readonly victim: Victim | undefined }
  /** A launch, behind a stop of what lives. */
  | { readonly kind: "spawn"; readonly body: object; readonly victim: Victim | undefined }

/** What a start would stop, as far as the page has shown it: Looper's own run, and others' codex exec. */
export interface Victim {
  readonly run: { readonly id: string; readonly pid: number | null } | undefined
  readonly others: ReadonlyArray<number>
}

/** What a start would stop; `undefined` where nothing lives. */
export const victimOf = ({ run, idle }: Status, { alsoAlive }: Pick<StartForm, "alsoAlive">): Victim | undefined => {
  // A run that began meanwhile was named by its pid before the status had it.
  const others = [...new Set([...(idle?.pids ?? []), ...alsoAlive])].filter((pid) => pid !== run?.pid)
  if (run === null && others.length === 0) return undefined
  return { run: run === null ? undefined : { id: run.request_id, pid: run.pid }, others }
}

/** Pids that live and that nobody was shown. */
export const unseenOf = ({ run, others }: Victim, pids: ReadonlyArray<number>): ReadonlyArray<number> =>
  pids.filter((pid) => pid !== run?.pid && !others.includes(pid))

/** What the announcing tab asks for. */
export const announcement = ({ message }: FormTexts): Submission =>
  message.trim() === ""
    ? { kind: "refused", problem: { field: "message", text: "There is nothing to announce: the message is empty." } }
    : { kind: "announce", body: { zulip_message: message } }

/** What the starting tab asks for: with a message all in one, without one a stop, where something lives, and a launch. */
export const start = (form: Typed, status: Status): Submission => {
  if (shownTexts(form, status.defaults).prompt.trim() === "") {
    const text = status.defaults.prompt_error ?? "Without a prompt there is nothing to start."
    return { kind: "refused", problem: { field: "prompt", text: form.prompt === undefined ? text : emptyPrompt } }
  }
  const body = launchBody(form)
  const victim = victimOf(status, form)
  return form.message.trim() === ""
    ? { kind: "spawn", body, victim }
    : { kind: "run", body: { zulip_message: form.message, ...body }, victim }
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
