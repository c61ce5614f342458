/** How many lines come a second. */

/** Looks at whole seconds. */
export class Rate {
  #sinceMillis = 0
  #lines = 0
  #perSecond = 0

  add(lines: number): void {
    this.#turn()
    this.#lines += lines
  }

  /** Of the last whole second. */
  get perSecond(): number {
    this.#turn()
    return this.#perSecond
  }

  reset(): void {
    this.#sinceMillis = performance.now()
    this.#lines = 0
    this.#perSecond = 0
  }

  #turn(): void {
    const passed = performance.now() - this.#sinceMillis
    if (passed < 1_000) return
    this.#perSecond = Math.round((this.#lines * 1_000) / passed)
    this.#lines = 0
    this.#sinceMillis = performance.now()
  }
}
