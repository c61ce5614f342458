/** What the view reads of the file: one stretch at a time. */
import type { Stretch } from "./pieces.ts"

/** The last reading alone is wanted. */
export class Loading {
  readonly #onChange: () => void
  #readings = 0
  isOn = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** What is being read is of no use any more. */
  leave(): void {
    this.#readings += 1
    this.isOn = false
  }

  /** Answers whether lines were read, which `then` got; `undefined` where they are not wanted any more. */
  async read(read: () => Promise<Stretch>, then: (stretch: Stretch) => void): Promise<boolean | undefined> {
    this.leave()
    const reading = this.#readings
    this.isOn = true
    this.#onChange()
    let isThere = false
    try {
      const stretch = await read()
      isThere = this.#readings === reading && stretch.lines.length > 0
      if (isThere) then(stretch)
    } catch {
      // The stream tells that Looper does not answer; the button stays.
    }
    if (this.#readings !== reading) return undefined
    this.isOn = false
    this.#onChange()
    return isThere
  }
}
