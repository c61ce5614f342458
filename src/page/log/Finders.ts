/** What can be gone to in one log: a text, what went wrong, the agent's messages. */
import type { LooperApi } from "../api/LooperApi.ts"
import { Finder } from "./Finder.ts"
import { drawMatches } from "./highlight.ts"
import type { LogLine } from "./LineDecoder.ts"
import type { LiveLog } from "./LiveLog.ts"
import { logPath } from "./LogFile.ts"
import type { LogView } from "./LogView.ts"

/** Of a longer log the errors are counted when somebody asks for them, in bytes. */
const countedBytes = 4_000_000
/** Who types is not done, in milliseconds. */
const typingMillis = 150

/** The log that is searched. */
export interface Searched {
  readonly runId: string
  readonly live: LiveLog
}

/** Searches run while their log is open. */
export class Finders {
  readonly text: Finder
  readonly errors: Finder
  readonly messages: Finder
  readonly #api: LooperApi
  readonly #view: LogView
  readonly #onChange: () => void
  #searched: Searched | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #query = ""

  constructor(api: LooperApi, view: LogView, onChange: () => void) {
    this.#api = api
    this.#view = view
    this.#onChange = onChange
    this.text = new Finder(view, "finding", onChange)
    this.errors = new Finder(view, "line", onChange)
    this.messages = new Finder(view, "line", onChange)
  }

  /** Begins with another log, or none. */
  reset(searched: Searched | undefined): void {
    this.#searched = searched
    this.#query = ""
    clearTimeout(this.#timer)
    for (const finder of [this.text, this.errors, this.messages]) finder.stop()
  }

  /** Lines that came at the live end. */
  take(lines: ReadonlyArray<LogLine>): void {
    for (const finder of [this.text, this.errors, this.messages]) finder.add(lines)
    const live = this.#searched?.live
    if (this.errors.search === undefined && live?.isOpened === true && live.size <= countedBytes) {
      this.#start(this.errors, "errors")
    }
  }

  /** The text that is looked for has changed. */
  find(text: string): void {
    this.#query = text
    clearTimeout(this.#timer)
    if (text === "") this.text.stop()
    else {
      this.#timer = setTimeout(() => {
        this.#start(this.text, "text")
        void this.text.begin()
      }, typingMillis)
    }
    this.#onChange()
  }

  /** The next error or message, or the one before, seen from where the reader is. */
  step(kind: "errors" | "messages", direction: 1 | -1): void {
    const finder = this[kind]
    if (finder.search === undefined) this.#start(finder, kind)
    // The place that the last step led to may be long left.
    if (this.#view.follow.reason !== "line" || this.#view.place?.start !== finder.current?.start)
      finder.current = undefined
    void finder.step(direction)
  }

  /** Draws the matches that are seen. */
  draw(): void {
    const { search, current } = this.text
    const found =
      search?.query.kind === "text" ? { matcher: search.matcher, length: search.query.text.length, current } : undefined
    drawMatches(this.#view.lines, this.#view.scroller, found)
  }

  #start(finder: Finder, kind: "text" | "errors" | "messages"): void {
    if (this.#searched === undefined) return
    const { runId, live } = this.#searched
    const url = new URL(logPath(runId), document.baseURI).href
    const query = kind === "text" ? { kind, text: this.#query } : { kind }
    finder.start(query, { url, token: this.#api.token, end: live.boundary })
  }
}
