/** Light or dark: by `?theme=`, else as chosen here, else as the system has it. */
import type { Settings } from "../state/PageState.ts"

/** The theme to show; `undefined`: the system's. */
export const themeOf = (search: string, chosen: Settings["theme"]): "light" | "dark" | undefined => {
  const asked = new URLSearchParams(search).get("theme")
  if (asked === "light" || asked === "dark") return asked
  return chosen === "system" ? undefined : chosen
}

/** Shows it. */
export const applyTheme = (chosen: Settings["theme"]): void => {
  const theme = themeOf(location.search, chosen)
  if (theme === undefined) delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
