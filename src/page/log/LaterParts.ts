/** Parts of the pane that are loaded when they are asked for: its lines are seen without them. */
import type { LooperApi } from "../api/LooperApi.ts"
import type { Announcer } from "./Announcer.ts"
import type { Finders, Searched } from "./Finders.ts"
import type { Handout } from "./Handout.ts"
import type { LogView } from "./LogView.ts"

const files = {
  announcer: () => import("./Announcer.ts"),
  finders: () => import("./Finders.ts"),
  handout: () => import("./Handout.ts")
}

/** One of each, once it was loaded; where loading fails the next call tries again. */
export class LaterParts {
  readonly #api: LooperApi
  readonly #view: LogView
  readonly #onChange: () => void
  readonly #files: typeof files
  #searched: Searched | undefined
  #isCounting = false
  announcer: Announcer | undefined
  finders: Finders | undefined
  handout: Handout | undefined
  /** What somebody asked for last could not be loaded. */
  isMissing = false

  constructor(api: LooperApi, view: LogView, onChange: () => void, from = files) {
    this.#api = api
    this.#view = view
    this.#onChange = onChange
    this.#files = from
  }

  /** Another log is open, or none. */
  reset(searched: Searched | undefined): void {
    this.#searched = searched
    this.#isCounting = false
    this.isMissing = false
    this.announcer?.reset()
    this.finders?.reset(searched)
    if (this.handout !== undefined) this.handout.notice = undefined
  }

  /** Has the errors counted; nobody asked for it. */
  count(): void {
    if (this.#isCounting) return
    this.#isCounting = true
    this.#find((finders) => finders.take([])).catch(() => undefined)
  }

  announce(then: (announcer: Announcer) => void): void {
    const use = async () => {
      const { Announcer } = await this.#files.announcer()
      this.announcer ??= new Announcer()
      then(this.announcer)
    }
    this.#tell(use())
  }

  find(then: (finders: Finders) => void): void {
    this.#tell(this.#find(then))
  }

  handOut(then: (handout: Handout, searched: Searched) => Promise<void>): void {
    const use = async () => {
      const { Handout } = await this.#files.handout()
      this.handout ??= new Handout(this.#api, this.#onChange)
      if (this.#searched !== undefined) void then(this.handout, this.#searched)
    }
    this.#tell(use())
  }

  async #find(then: (finders: Finders) => void): Promise<void> {
    const { Finders } = await this.#files.finders()
    if (this.finders === undefined) {
      this.finders = new Finders(this.#api, this.#view, this.#onChange)
      this.finders.reset(this.#searched)
    }
    then(this.finders)
  }

  #tell(using: Promise<void>): void {
    const tell = (isMissing: boolean) => {
      if (this.isMissing === isMissing) return
      this.isMissing = isMissing
      this.#onChange()
    }
    using.then(
      () => tell(false),
      () => tell(true)
    )
  }
}
