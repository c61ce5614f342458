/** One run's log pane: what it shows, and what its tools do. */
import { html, nothing, render } from "lit-html"
import type { Run } from "../api/answers.ts"
import type { LogFacts } from "../state/PageState.ts"
import { Announcer } from "./Announcer.ts"
import { copyText } from "./copyText.ts"
import { curlOf, download, fileNameOf } from "./download.ts"
import { Finder } from "./Finder.ts"
import { foot } from "./foot.ts"
import { drawMatches } from "./highlight.ts"
import type { LogLine } from "./LineDecoder.ts"
import { LiveLog } from "./LiveLog.ts"
import { LogFile, logPath } from "./LogFile.ts"
import type { LogCommand, LogPane, LogPaneOptions, LogPlace } from "./LogPane.ts"
import type { StreamState } from "./LogStream.ts"
import { LogView, loadedLines } from "./LogView.ts"
import { chipWords, edgeWords } from "./logWords.ts"
import { addressOf, fragmentOf } from "./place.ts"
import { Rate } from "./Rate.ts"
import { tools, type ToolsActions } from "./tools.ts"
import { grouped } from "../words/time.ts"

/** Of a longer log the errors are counted when somebody asks for them, in bytes. */
const countedBytes = 4_000_000
const wrapKey = "looper.wrap"
const finalStates = new Set(["succeeded", "failed", "stopped", "interrupted"])

const division = (className = ""): HTMLElement => {
  const made = document.createElement("div")
  made.className = className
  return made
}

/** See {@link LogPane}. */
export class Pane implements LogPane {
  readonly element = division("logpane")
  readonly #options: LogPaneOptions
  readonly #tools = division()
  readonly #scroller = division("log")
  readonly #edge = division()
  readonly #end = division()
  readonly #foot = division()
  readonly #chip = division()
  readonly #announcer = new Announcer()
  readonly #view: LogView
  readonly #find: Finder
  readonly #errors: Finder
  readonly #messages: Finder
  readonly #rate = new Rate()
  #run: Run | undefined
  #opened: { readonly live: LiveLog; readonly file: LogFile; readonly closed: AbortController } | undefined
  #stream: StreamState = { kind: "resting" }
  /** Where to go once the log is open. */
  #wanted: LogPlace | undefined
  #query = ""
  #queryTimer: ReturnType<typeof setTimeout> | undefined
  #isReachable = true
  #refusedToken: string | undefined
  #isMoreOpen = false
  #copied: "link" | "curl" | undefined
  #notice: { readonly text: string; readonly curl: string | undefined } | undefined
  #facts = ""
  #isScheduled = false

  constructor(options: LogPaneOptions) {
    this.#options = options
    const scroller = this.#scroller
    scroller.tabIndex = 0
    scroller.setAttribute("role", "log")
    scroller.setAttribute("aria-live", "off")
    scroller.id = "log"
    const changed = () => this.#schedule()
    this.#view = new LogView(scroller, new URLSearchParams(location.search).has("plain"), changed)
    this.#find = new Finder(this.#view, "finding", changed)
    this.#errors = new Finder(this.#view, "line", changed)
    this.#messages = new Finder(this.#view, "line", changed)
    scroller.append(this.#edge, this.#view.lines.element, this.#end)
    this.element.append(this.#tools, scroller, this.#foot, this.#chip, this.#announcer.element)
    const isNarrow = matchMedia("(max-width: 820px)").matches
    scroller.classList.toggle("wrap", (localStorage.getItem(wrapKey) ?? (isNarrow ? "1" : "0")) === "1")
    scroller.addEventListener("scroll", changed, { passive: true })
    scroller.addEventListener("click", (event) => this.#onClick(event))
    scroller.addEventListener("keydown", (event) => this.#onKey(event))
    setInterval(() => this.#opened !== undefined && this.#schedule(), 500)
    this.#draw()
  }

  show(run: Run | undefined, place?: LogPlace): void {
    const isSame = run?.request_id === this.#run?.request_id
    const hadLog = this.#run !== undefined && hasLog(this.#run)
    this.#run = run
    if (!isSame || (run !== undefined && hasLog(run) && !hadLog)) this.#open(place)
    else if (run !== undefined && !hasLog(run) && hadLog) this.#close()
    else if (place !== undefined && fragmentOf(place) !== this.#placeFragment()) void this.#goTo(place)
    if (isSame) this.#retryToken()
    this.#schedule()
  }

  do(command: LogCommand): void {
    const { follow } = this.#view
    switch (command) {
      case "find":
        return this.#focusFind()
      case "nextMatch":
      case "previousMatch":
        if (this.#find.search === undefined) return this.#focusFind()
        return void this.#find.step(command === "nextMatch" ? 1 : -1)
      case "follow":
        if (follow.isFollowing && this.#stream.kind !== "ended") return follow.pause("scrolling")
        return void this.#view.toEnd()
      case "end":
        return void this.#view.toEnd()
      case "top":
        return void this.#view.toTop()
      case "nextError":
      case "previousError":
        return this.#step(this.#errors, "errors", command === "nextError" ? 1 : -1)
      case "nextMessage":
      case "previousMessage":
        return this.#step(this.#messages, "messages", command === "nextMessage" ? 1 : -1)
      case "wrap": {
        const isWrapped = this.#scroller.classList.toggle("wrap")
        localStorage.setItem(wrapKey, isWrapped ? "1" : "0")
        follow.stick()
        return this.#schedule()
      }
      case "link":
        return void this.#copyLink()
    }
  }

  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable
    this.#opened?.live.setReachable(isReachable)
  }

  // ---- opening

  #open(place: LogPlace | undefined): void {
    this.#close()
    const run = this.#run
    this.#scroller.setAttribute("aria-label", run === undefined ? "Output" : `Output of run ${run.request_id}`)
    if (run === undefined || !hasLog(run)) return
    const { api } = this.#options
    const closed = new AbortController()
    const runId = run.request_id
    const isFinal = finalStates.has(run.state)
    const file = new LogFile(api, runId, closed.signal)
    const live = new LiveLog(
      { api, file, runId, isFinal, signal: closed.signal },
      {
        onLines: (lines) => this.#take(lines),
        onState: (state) => this.#onStream(state, isFinal),
        onShutdown: this.#options.onShutdown,
        onUnauthorized: () => {
          this.#refusedToken = api.token ?? ""
          this.#options.onUnauthorized()
        }
      }
    )
    if (!this.#isReachable) live.setReachable(false)
    this.#opened = { live, file, closed }
    this.#wanted = place
    this.#view.reset({ live, file })
  }

  #close(): void {
    this.#opened?.closed.abort()
    this.#opened = undefined
    this.#stream = { kind: "resting" }
    for (const finder of [this.#find, this.#errors, this.#messages]) finder.stop()
    this.#announcer.reset()
    this.#rate.reset()
    this.#query = ""
    this.#notice = undefined
    this.#wanted = undefined
    this.#refusedToken = undefined
    this.#view.reset(undefined)
  }

  #take(lines: ReadonlyArray<LogLine>): void {
    const opened = this.#opened
    if (opened === undefined) return
    this.#view.take(lines)
    for (const finder of [this.#find, this.#errors, this.#messages]) finder.add(lines)
    this.#announcer.take(lines)
    this.#rate.add(lines.length)
    const { live } = opened
    if (this.#errors.search === undefined && live.isOpened && live.size <= countedBytes)
      this.#search(this.#errors, "errors")
    if (this.#wanted !== undefined && live.isOpened) {
      const place = this.#wanted
      this.#wanted = undefined
      void this.#goTo(place)
    }
  }

  #onStream(state: StreamState, isFinal: boolean): void {
    this.#stream = state
    if (state.kind === "ended" && !isFinal && this.#run !== undefined) this.#options.onRunEnded(this.#run.request_id)
    this.#view.schedule()
    this.#schedule()
  }

  #retryToken(): void {
    if (this.#refusedToken === undefined || (this.#options.api.token ?? "") === this.#refusedToken) return
    this.#refusedToken = undefined
    this.#opened?.live.setReachable(true)
  }

  // ---- places

  #placeFragment(): string | undefined {
    const place = this.#view.place ?? this.#wanted
    return place === undefined ? undefined : fragmentOf(place)
  }

  async #goTo(place: LogPlace): Promise<void> {
    if (this.#opened?.live.isOpened !== true) this.#wanted = place
    else await this.#view.goTo(place.start, "line", place)
  }

  #onClick(event: MouseEvent): void {
    const { target } = event
    if (!(target instanceof Element)) return
    const placed = this.#view.lines.of(target)
    if (placed === undefined) return
    if (target instanceof HTMLElement && target.dataset.do === "showAll") return this.#view.lines.redraw(placed, true)
    if (target.closest("a") === null || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    const { start, end } = placed.line
    const { place } = this.#view
    const isRange = event.shiftKey && place !== undefined
    const marked = isRange
      ? { start: Math.min(place.start, start), end: Math.max(place.end ?? place.start + 1, end) }
      : { start, end }
    getSelection()?.removeAllRanges()
    this.#view.follow.pause("line")
    this.#view.mark(marked)
    const url = new URL(location.href)
    url.searchParams.set("run", this.#run?.request_id ?? "")
    url.hash = fragmentOf(marked)
    history.replaceState(history.state, "", url)
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "End") {
      event.preventDefault()
      this.do("end")
    }
  }

  // ---- searching

  #search(finder: Finder, kind: "errors" | "messages" | "text"): void {
    const opened = this.#opened
    if (opened === undefined || this.#run === undefined) return
    const { api } = this.#options
    const url = new URL(logPath(this.#run.request_id), document.baseURI).href
    const query = kind === "text" ? { kind, text: this.#query } : { kind }
    finder.start(query, { url, token: api.token, end: opened.live.boundary })
  }

  #step(finder: Finder, kind: "errors" | "messages", direction: 1 | -1): void {
    if (finder.search === undefined) this.#search(finder, kind)
    // From where the reader is, not from where this led him an hour ago.
    if (this.#view.follow.reason !== "line") finder.current = undefined
    void finder.step(direction)
  }

  #focusFind(): void {
    const input = this.#tools.querySelector("input")
    input?.focus()
    input?.select()
  }

  #onQuery(text: string): void {
    this.#query = text
    clearTimeout(this.#queryTimer)
    if (text.length < 2) this.#find.stop()
    else {
      this.#queryTimer = setTimeout(() => {
        this.#search(this.#find, "text")
        void this.#find.begin()
      }, 150)
    }
    this.#schedule()
  }

  #leaveFind(): void {
    this.#onQuery("")
    this.#scroller.focus()
  }

  // ---- copying, downloading

  async #copy(what: "link" | "curl", text: string): Promise<void> {
    if (await copyText(text)) this.#copied = what
    else this.#notice = { text: `The browser does not let this page copy: ${text}`, curl: undefined }
    this.#schedule()
    setTimeout(() => {
      this.#copied = undefined
      this.#schedule()
    }, 1_500)
  }

  async #copyLink(): Promise<void> {
    const run = this.#run
    if (run === undefined) return
    await this.#copy("link", addressOf(new URL(".", document.baseURI).href, run.request_id, this.#view.place))
  }

  async #download(): Promise<void> {
    const run = this.#run
    const live = this.#opened?.live
    if (run === undefined || live === undefined) return
    this.#notice = undefined
    try {
      const result = await download(this.#options.api, run.request_id, live.size)
      if (result === "tooLarge") {
        const curl = curlOf(document.baseURI, run.request_id)
        this.#notice = { text: "Too large for this browser to keep. From a shell:", curl }
      }
    } catch (error) {
      this.#notice = { text: `Not downloaded: ${(error as Error).message}`, curl: undefined }
    }
    this.#schedule()
  }

  // ---- drawing

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const draw = () => {
      this.#isScheduled = false
      this.#draw()
    }
    if (document.hidden) setTimeout(draw, 250)
    else requestAnimationFrame(draw)
  }

  readonly #actions: ToolsActions = {
    find: (text) => this.#onQuery(text),
    step: (direction) => void this.#find.step(direction),
    leaveFind: () => this.#leaveFind(),
    nextError: (direction) => this.#step(this.#errors, "errors", direction),
    wrap: () => this.do("wrap"),
    copyLink: () => void this.#copyLink(),
    copyCurl: () => void this.#copy("curl", this.#notice?.curl ?? ""),
    download: () => void this.#download(),
    announce: () => {
      this.#announcer.toggle()
      this.#schedule()
    },
    more: () => {
      this.#isMoreOpen = !this.#isMoreOpen
      this.#schedule()
    }
  }

  #draw(): void {
    this.#drawTools()
    this.#drawEdges()
    this.#drawFoot()
    this.#drawChip()
    const { search, current } = this.#find
    const length = search?.query.kind === "text" ? search.query.text.length : 0
    drawMatches(this.#view.lines, this.#scroller, search && { matcher: search.matcher, length, current })
    this.#tellFacts()
  }

  #drawTools(): void {
    const run = this.#run
    const isOpen = this.#opened !== undefined
    const state = {
      query: this.#query,
      count: this.#find.count,
      ordinal: this.#find.ordinal,
      errors: this.#errors.count,
      isWrapped: this.#scroller.classList.contains("wrap"),
      isAnnounced: this.#announcer.isOn,
      isMoreOpen: this.#isMoreOpen,
      copied: this.#copied,
      href: run !== undefined && isOpen && this.#options.api.token === undefined ? logPath(run.request_id) : undefined,
      fileName: fileNameOf(run?.request_id ?? ""),
      hasLog: isOpen,
      notice: this.#notice?.text,
      curl: this.#notice?.curl
    }
    render(tools(state, this.#actions), this.#tools)
  }

  #drawEdges(): void {
    const { lines, start, notDrawn, isAttached } = this.#view
    const live = this.#opened?.live
    const earlier = () => this.#view.loadEarlier()
    const isEarlier = live?.isOpened === true && start > 0 && (lines.count > 0 || isAttached)
    render(
      !isEarlier
        ? nothing
        : html`<div class="edge">${
            notDrawn > 0
              ? button(`${grouped(notDrawn)} lines not drawn, load`, earlier)
              : html`${button(`Load ${loadedLines} earlier lines`, earlier)} ${edgeWords(lines.first?.number, start)}`
          }</div>`,
      this.#edge
    )
    const words = this.#emptyWords()
    const isLater = !isAttached && lines.count > 0 && !this.#view.isLoading
    render(
      isLater
        ? html`<div class="edge">${button(`Load ${loadedLines} later lines`, () => this.#view.loadLater())}</div>`
        : words === undefined
          ? nothing
          : html`<p class="edge">${words}</p>`,
      this.#end
    )
  }

  /** What stands where lines would be. */
  #emptyWords(): string | undefined {
    const run = this.#run
    if (run === undefined) return undefined
    if (run.is_log_pruned) return "This log was pruned by retention. Its record is kept."
    if (!hasLog(run)) return finalStates.has(run.state) ? "codex never started, so there is no log." : "No output yet."
    const live = this.#opened?.live
    if (live?.isOpened !== true) return this.#stream.kind === "gone" ? `No log: ${this.#stream.reason}.` : undefined
    return live.hasOutput || this.#view.start > 0 ? undefined : "No output yet."
  }

  #drawFoot(): void {
    const live = this.#opened?.live
    const { follow, lines, start, isAttached, place } = this.#view
    const number = live?.number
    const state = {
      stream: this.#stream,
      isFollowing: follow.isFollowing,
      reason: follow.reason,
      line: place === undefined ? undefined : lines.at(place.start)?.line.number,
      linesPerSecond: this.#rate.perSecond,
      offset: live?.size ?? 0,
      nowMillis: Date.now(),
      lineCount:
        number === undefined || live === undefined ? undefined : live.size > live.boundary ? number : number - 1,
      inPage: { start, bytes: lines.bytes, isEnd: isAttached },
      hasLog: live?.isOpened === true
    }
    render(
      foot(state, () => this.do("follow")),
      this.#foot
    )
  }

  #chipWords = ""
  #chipAtMillis = 0

  #drawChip(): void {
    const { newLines, follow } = this.#view
    const words = follow.isFollowing || newLines === 0 ? "" : chipWords(newLines)
    const now = Date.now()
    // Where it only counts on, four times a second are enough.
    if (words !== "" && this.#chipWords !== "" && now - this.#chipAtMillis < 250) return
    if (words === this.#chipWords) return
    this.#chipWords = words
    this.#chipAtMillis = now
    render(
      words === ""
        ? nothing
        : html`<button type="button" class="chip" @click=${() => this.#view.toEnd()}>${words}</button>`,
      this.#chip
    )
  }

  #tellFacts(): void {
    const { kind } = this.#stream
    const live = this.#opened?.live
    const facts: LogFacts = {
      command: kind === "ended" || kind === "gone" ? undefined : live?.command,
      stream: live === undefined || kind === "gone" ? "none" : kind === "resting" ? "open" : kind,
      isFollowing: this.#view.follow.isFollowing
    }
    const text = JSON.stringify(facts)
    if (text === this.#facts) return
    this.#facts = text
    this.#options.onFacts(facts)
  }
}

const button = (words: string, press: () => Promise<void>) =>
  html`<button type="button" class="load" @click=${press}>${words}</button>`

const hasLog = (run: Run): boolean => run.log_path !== null && !run.is_log_pruned
