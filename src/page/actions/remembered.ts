/** What the browser keeps: the start dialog's texts, a request that got no answer, and settings; never a token. */
import type { Settings } from "../state/PageState.ts"
import { keep, type StorageName } from "../storage.ts"
import { emptyTexts, type FormTexts, type StartForm } from "./formState.ts"
import { settingsKey } from "./rememberedSettings.ts"
import { read } from "./stored.ts"

const formKey = "looper.form"
const unansweredKey = "looper.unanswered"
/** Who sends the same later means another start, in milliseconds. */
const retryMillis = 600_000

const write = (key: string, value: object, storage: StorageName = "localStorage"): void =>
  keep(storage, key, JSON.stringify(value))

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** The texts that were typed last, here or in another tab. */
export const rememberedTexts = (): FormTexts => {
  const { prompt, message, workspace, delay } = read(formKey)
  return {
    prompt: text(prompt),
    message: text(message) ?? emptyTexts.message,
    workspace: text(workspace),
    delay: text(delay)
  }
}

/** Texts that are the default's are left out. */
export const rememberTexts = ({ prompt, message, workspace, delay }: FormTexts): void =>
  write(formKey, { prompt, message, workspace, delay })

/** The request of this tab that got no answer. */
export const rememberedUnanswered = (): StartForm["unanswered"] => {
  const { body, key, atMillis } = read(unansweredKey, "sessionStorage")
  const isFresh = typeof atMillis === "number" && Date.now() - atMillis < retryMillis
  return isFresh && typeof body === "string" && typeof key === "string" ? { body, key } : undefined
}

/** Until it is answered; another tab's is another request. */
export const rememberUnanswered = (unanswered: StartForm["unanswered"]): void =>
  write(unansweredKey, unanswered === undefined ? {} : { ...unanswered, atMillis: Date.now() }, "sessionStorage")

/** Keeps the settings for this browser. */
export const rememberSettings = (settings: Settings): void => write(settingsKey, settings)
