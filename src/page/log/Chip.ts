/** The button over the lines that tells how many have come since the reader paused. */
import { html, nothing, render } from "lit-html"
import { chipWords } from "./logWords.ts"

/** Where it only counts on, it is drawn so seldom, in milliseconds. */
const countMillis = 250

/** Owns its element. */
export class Chip {
  readonly element = document.createElement("div")
  readonly #press: () => void
  #words = ""
  #drawnAtMillis = 0

  constructor(press: () => void) {
    this.#press = press
  }

  /** 0: nothing to tell. */
  show(newLines: number, nowMillis: number): void {
    const words = newLines === 0 ? "" : chipWords(newLines)
    if (words === this.#words) return
    if (words !== "" && this.#words !== "" && nowMillis - this.#drawnAtMillis < countMillis) return
    this.#words = words
    this.#drawnAtMillis = nowMillis
    render(
      words === "" ? nothing : html`<button type="button" class="chip" @click=${this.#press}>${words}</button>`,
      this.element
    )
  }
}
