/** What a screen reader is told: the band's word and fact when they change, never what ticks. */
import type { Band } from "../words/band.ts"

const region = (role: "status" | "alert"): HTMLElement => {
  const element = document.createElement("div")
  element.className = "aloud"
  element.setAttribute("role", role)
  return element
}

/** Two regions that are not seen; loss and failure are told at once, and once. */
export class Announcer {
  readonly #status = region("status")
  readonly #alert = region("alert")
  #said = ""
  #isFirst = true

  /** To be placed in the page before anything is said. */
  readonly elements: ReadonlyArray<HTMLElement> = [this.#status, this.#alert]

  say(band: Band | undefined): void {
    if (band === undefined || band.said === this.#said) return
    this.#said = band.said
    // What was so when the page was opened is no news.
    const isAlert = band.isAlert && !this.#isFirst
    this.#isFirst = false
    this.#status.textContent = isAlert ? "" : band.said
    this.#alert.textContent = isAlert ? band.said : ""
  }
}
