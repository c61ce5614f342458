/** Goes from match to match of one query: over the whole file, at once over what is in the page. */
import { countWords } from "./countWords.ts"
import type { FindRequest } from "./findMessages.ts"
import type { PauseReason } from "./Follow.ts"
import { showMatch } from "./highlight.ts"
import type { LogLine } from "./LineDecoder.ts"
import type { LogView } from "./LogView.ts"
import { compareMatches, type Match, type Query } from "./matches.ts"
import { Search, type SearchCount } from "./Search.ts"

/** One query's search and the match that the reader is at. */
export class Finder {
  readonly #view: LogView
  readonly #reason: PauseReason
  readonly #onChange: () => void
  #search: Search | undefined
  /** Asked for, but what it needs was not searched yet. */
  #pending: (() => Promise<void>) | undefined
  current: Match | undefined

  constructor(view: LogView, reason: PauseReason, onChange: () => void) {
    this.#view = view
    this.#reason = reason
    this.#onChange = onChange
  }

  get search(): Search | undefined {
    return this.#search
  }

  get count(): SearchCount | undefined {
    return this.#search?.state
  }

  /** The count in words, with the current match's number; `undefined` where nothing is searched. */
  get words(): string | undefined {
    const { count, current } = this
    return count && countWords(count, current === undefined ? undefined : this.#search?.ordinal(current))
  }

  /** Searches all of a log that has `end` bytes. */
  start(query: Query, options: Omit<FindRequest, "query">): void {
    this.stop()
    this.#search = new Search(options, query, () => {
      const pending = this.#pending
      this.#pending = undefined
      void pending?.()
      this.#onChange()
    })
  }

  stop(): void {
    this.#search?.close()
    this.#search = undefined
    this.#pending = undefined
    this.current = undefined
  }

  add(lines: ReadonlyArray<LogLine>): void {
    this.#search?.add(lines)
  }

  /** Goes to the next match (1) or the one before (-1); from the view's own place where the reader is at none. */
  async step(direction: 1 | -1): Promise<void> {
    const from = this.current ?? this.#viewPlace(direction)
    const match = this.#nearest(from, direction) ?? this.#farthest(direction)
    if (match === undefined) this.#wait(() => this.step(direction))
    else await this.#goTo(match)
  }

  /** The match to begin with: the nearest that is seen or above, so that the view moves little. */
  async begin(): Promise<void> {
    const seen = this.#viewPlace(1)
    const match = this.#nearest(seen, 1) ?? this.#nearest(seen, -1)
    if (match === undefined) this.#wait(() => this.begin())
    else await this.#goTo(match)
  }

  #wait(again: () => Promise<void>): void {
    if (this.#search !== undefined && !this.#search.isDone) this.#pending = again
  }

  #viewPlace(direction: 1 | -1): Match {
    const { follow, place } = this.#view
    if (follow.reason === "line" && place !== undefined) return { start: place.start, column: 0 }
    const start = this.#view.lines.topOf(this.#view.scroller)?.line.start ?? this.#view.start
    return { start, column: direction === 1 ? -1 : 0 }
  }

  #nearest(from: Match, direction: 1 | -1): Match | undefined {
    // Backwards a match counts once nothing nearer can be found any more.
    const isKnown = direction === 1 || (this.#search?.scannedTo ?? 0) >= from.start || this.#search?.isDone === true
    const ofFile = !isKnown ? undefined : direction === 1 ? this.#search?.next(from) : this.#search?.previous(from)
    const ofPage = this.#ofPage(from, direction)
    if (ofFile === undefined || ofPage === undefined) return ofFile ?? ofPage
    return compareMatches(ofFile, ofPage) * direction < 0 ? ofFile : ofPage
  }

  /** Once around. */
  #farthest(direction: 1 | -1): Match | undefined {
    const search = this.#search
    if (search === undefined || !search.isDone) return undefined
    return search.at(direction === 1 ? 0 : search.known - 1)
  }

  #ofPage(from: Match, direction: 1 | -1): Match | undefined {
    const matcher = this.#search?.matcher
    if (matcher === undefined) return undefined
    for (const { start, text } of this.#view.lines.from(from.start, direction)) {
      const columns = matcher(text)
      for (const column of direction === 1 ? columns : columns.toReversed()) {
        const match = { start, column }
        if (compareMatches(match, from) * direction > 0) return match
      }
    }
    return undefined
  }

  async #goTo(match: Match | undefined): Promise<void> {
    if (match === undefined) return
    this.current = match
    this.#onChange()
    const query = this.#search?.query
    const isText = query === undefined || query.kind === "text"
    const place = isText ? undefined : { start: match.start, end: undefined }
    const placed = await this.#view.goTo(match.start, this.#reason, place)
    if (placed !== undefined && query?.kind === "text" && this.current === match) {
      showMatch(this.#view, match, query.text.length)
    }
    this.#onChange()
  }
}
