/** Draws once for many changes, also where the page is hidden. */

/** Draws at the next frame, or, as a hidden page has none, soon. */
export class Redraw {
  readonly #draw: () => void
  readonly #hiddenMillis: number
  #isWanted = false

  /** A hidden page is drawn after so long. */
  constructor(draw: () => void, hiddenMillis: number) {
    this.#draw = draw
    this.#hiddenMillis = hiddenMillis
    // The frame that was asked for comes when the page is seen again.
    document.addEventListener("visibilitychange", () => this.#isWanted && document.hidden && this.#arm())
  }

  schedule(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#arm()
  }

  #arm(): void {
    const draw = () => {
      if (!this.#isWanted) return
      this.#isWanted = false
      this.#draw()
    }
    if (document.hidden) setTimeout(draw, this.#hiddenMillis)
    else requestAnimationFrame(draw)
  }
}
