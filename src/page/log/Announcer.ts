/** Reads the agent's words out, for who listens to the page. */
import { plainText } from "./cleanLine.ts"
import type { LogLine } from "./LineDecoder.ts"
import { LineKinds } from "./lineKind.ts"

/** Nobody listens to more at once, in characters. */
const maxCharacters = 1_000

/** Owns a live region, which is not seen. */
export class Announcer {
  readonly element = document.createElement("div")
  #isOn = false
  #kinds = new LineKinds(false)

  constructor() {
    this.element.className = "aloud"
    this.element.setAttribute("aria-live", "polite")
  }

  get isOn(): boolean {
    return this.#isOn
  }

  toggle(): void {
    this.#isOn = !this.#isOn
    this.#kinds = new LineKinds(false)
    this.element.replaceChildren()
  }

  reset(): void {
    this.#kinds = new LineKinds(false)
    this.element.replaceChildren()
  }

  /** Lines at the live end. */
  take(lines: ReadonlyArray<LogLine>): void {
    if (!this.#isOn) return
    const words: Array<string> = []
    for (const { text } of lines) {
      const kind = this.#kinds.next(text)
      if (kind === "plain" && this.#kinds.isAgent && text !== "") words.push(plainText(text))
    }
    if (words.length === 0) return
    const said = document.createElement("p")
    said.textContent = words.join(" ").slice(-maxCharacters)
    this.element.replaceChildren(said)
  }
}
