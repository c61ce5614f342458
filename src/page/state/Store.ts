/** The page's one state, and who wants to hear of it. */

/** Holds a value; listeners hear at most once a frame, however often it changed. */
export class Store<State> {
  #state: State
  readonly #listeners = new Set<(state: State) => void>()
  #isScheduled = false

  constructor(state: State) {
    this.#state = state
    // The frame that was waited for does not come to a tab that was hidden meanwhile.
    document.addEventListener("visibilitychange", () => document.hidden && setTimeout(this.#tell))
  }

  get state(): State {
    return this.#state
  }

  /** Replaces some fields. */
  update(fields: Partial<State>): void {
    this.#state = { ...this.#state, ...fields }
    if (this.#isScheduled) return
    this.#isScheduled = true
    // A hidden tab has no frames, but a title that is read.
    if (document.hidden) setTimeout(this.#tell)
    else requestAnimationFrame(this.#tell)
  }

  readonly #tell = (): void => {
    if (!this.#isScheduled) return
    this.#isScheduled = false
    for (const listener of this.#listeners) listener(this.#state)
  }

  subscribe(listener: (state: State) => void): void {
    this.#listeners.add(listener)
  }
}
