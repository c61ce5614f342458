/** The tab's icon. */
import failed from "../icons/failed.svg"
import gone from "../icons/gone.svg"
import running from "../icons/running.svg"
import silent from "../icons/silent.svg"
import waiting from "../icons/waiting.svg"
import type { Icon } from "../words/pageTitle.ts"

const addresses: Readonly<Record<Icon, string>> = { failed, gone, running, silent, waiting }

const link = document.createElement("link")
link.rel = "icon"
let shown: Icon | undefined

/** Shows an icon by its state's shape. */
export const showIcon = (icon: Icon): void => {
  if (icon === shown) return
  shown = icon
  link.href = new URL(addresses[icon], import.meta.url).href
  document.head.append(link)
}
