/** The log pane, loaded when there is a log to be shown: what is asked of it before is done then. */
import type { LogCommand, LogPane, LogPaneOptions, LogPlace } from "../log/LogPane.ts"

/** After a failure it is tried again so much later, in milliseconds. */
const retryMillis = 2_000

/** Owns its element. */
export class LazyPane implements LogPane {
  readonly element = document.createElement("div")
  readonly #options: LogPaneOptions
  #pane: LogPane | undefined
  #isLoading = false
  #shown: readonly [Parameters<LogPane["show"]>[0], LogPlace | undefined] = [undefined, undefined]
  #isReachable = true

  constructor(options: LogPaneOptions) {
    this.#options = options
    // Its bar, lines and foot are rows of the frame.
    this.element.className = "pane"
  }

  show(run: Parameters<LogPane["show"]>[0], place?: LogPlace): void {
    if (this.#pane !== undefined) return this.#pane.show(run, place)
    const isSame = this.#shown[0]?.request_id === run?.request_id
    this.#shown = [run, place ?? (isSame ? this.#shown[1] : undefined)]
    if (run !== undefined) void this.#load()
  }

  do(command: LogCommand): void {
    this.#pane?.do(command)
  }

  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable
    this.#pane?.setReachable(isReachable)
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return
    this.#isLoading = true
    try {
      const { makeLogPane } = await import("../log/LogPane.ts")
      const pane = makeLogPane(this.#options)
      pane.element.classList.add("pane")
      this.element.append(pane.element)
      pane.setReachable(this.#isReachable)
      this.#pane = pane
      pane.show(...this.#shown)
    } catch (error) {
      console.warn(error)
      setTimeout(() => {
        this.#isLoading = false
        void this.#load()
      }, retryMillis)
    }
  }
}
