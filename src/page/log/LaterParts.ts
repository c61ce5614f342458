/** Parts of the pane that are loaded when they are asked for: its lines are seen without them. */
import type { LooperApi } from "../api/LooperApi.ts"
import type { Finders, Searched } from "./Finders.ts"
import type { Handout } from "./Handout.ts"
import type { LogView } from "./LogView.ts"

/** One of each, once it was loaded; where loading fails the next call tries again. */
export class LaterParts {
  readonly #api: LooperApi
  readonly #view: LogView
  readonly #onChange: () => void
  #searched: Searched | undefined
  finders: Finders | undefined
  handout: Handout | undefined

  constructor(api: LooperApi, view: LogView, onChange: () => void) {
    this.#api = api
    this.#view = view
    this.#onChange = onChange
  }

  /** Another log is open, or none. */
  reset(searched: Searched | undefined): void {
    this.#searched = searched
    this.finders?.reset(searched)
    if (this.handout !== undefined) this.handout.notice = undefined
  }

  find(then: (finders: Finders) => void): void {
    const use = async () => {
      const { Finders } = await import("./Finders.ts")
      if (this.finders === undefined) {
        this.finders = new Finders(this.#api, this.#view, this.#onChange)
        this.finders.reset(this.#searched)
      }
      then(this.finders)
    }
    use().catch(() => undefined)
  }

  handOut(then: (handout: Handout, searched: Searched) => Promise<void>): void {
    const use = async () => {
      const { Handout } = await import("./Handout.ts")
      this.handout ??= new Handout(this.#api, this.#onChange)
      if (this.#searched !== undefined) await then(this.handout, this.#searched)
    }
    use().catch(() => undefined)
  }
}
