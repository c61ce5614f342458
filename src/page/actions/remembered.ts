/** What this browser keeps: the start dialog's texts and the page's settings; never a token. */
import type { Settings } from "../state/PageState.ts"
import { keep, kept } from "../storage.ts"
import { emptyTexts, type FormTexts } from "./formState.ts"

const formKey = "looper.form"
const settingsKey = "looper.settings"

const read = (key: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(kept("localStorage", key) ?? "{}")
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

const write = (key: string, value: object): void => keep("localStorage", key, JSON.stringify(value))

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

/** The settings; system's theme and letters as commands where nobody chose. */
export const rememberedSettings = (): Settings => {
  const { theme, hasKeys } = read(settingsKey)
  return { theme: theme === "light" || theme === "dark" ? theme : "system", hasKeys: hasKeys !== false }
}

/** Keeps them for this browser. */
export const rememberSettings = (settings: Settings): void => write(settingsKey, settings)
