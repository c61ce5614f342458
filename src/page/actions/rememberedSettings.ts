/** The page's settings, as this browser keeps them. */
import type { Settings } from "../state/PageState.ts"
import { read } from "./stored.ts"

/** Where they are. */
export const settingsKey = "looper.settings"

/** System's theme and letters as commands where nobody chose. */
export const rememberedSettings = (): Settings => {
  const { theme, hasKeys } = read(settingsKey)
  return { theme: theme === "light" || theme === "dark" ? theme : "system", hasKeys: hasKeys !== false }
}
