/** One run's log pane: which log is open, and what its tools do. */
import { render } from "lit-html"
import type { Run } from "../api/answers.ts"
import { Chip } from "./Chip.ts"
import { firstEdge, hasLog, isFinal, lastEdge } from "./edges.ts"
import { foot } from "./foot.ts"
import { LaterParts } from "./LaterParts.ts"
import type { LogLine } from "./LineDecoder.ts"
import { LiveLog } from "./LiveLog.ts"
import { LogFile } from "./LogFile.ts"
import type { LogCommand, LogPane, LogPaneOptions, LogPlace } from "./LogPane.ts"
import type { StreamState } from "./LogStream.ts"
import { LogView } from "./LogView.ts"
import { Rate } from "./Rate.ts"
import { Redraw } from "./Redraw.ts"
import { factsOf, footOf, type Scene, toolsOf } from "./scene.ts"
import { tools, type ToolsActions } from "./tools.ts"
import { isWrapped, keepWrapped, onWidth } from "./wrapping.ts"

/** Seconds that are counted, and rates, are drawn so often, in milliseconds. */
const tickMillis = 500

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
  readonly #firstEdge = division()
  readonly #lastEdge = division()
  readonly #foot = division()
  readonly #chip = new Chip(() => void this.#view.toEnd())
  readonly #rate = new Rate()
  readonly #view: LogView
  readonly #later: LaterParts
  #run: Run | undefined
  #live: LiveLog | undefined
  #closed = new AbortController()
  #stream: StreamState = { kind: "resting" }
  /** Where to go once the log is open. */
  #wanted: LogPlace | undefined
  #isReachable = true
  #refusedToken: string | undefined
  #isMoreOpen = false
  /** What stands in the field, also while the code that looks for it is loaded. */
  #query = ""
  #facts = ""
  /** A hidden page has facts that are told. */
  readonly #redraw = new Redraw(() => this.#draw(), tickMillis)

  constructor(options: LogPaneOptions) {
    this.#options = options
    const scroller = this.#scroller
    scroller.id = "log"
    scroller.tabIndex = 0
    scroller.setAttribute("role", "log")
    scroller.setAttribute("aria-live", "off")
    const changed = () => this.#schedule()
    this.#view = new LogView(scroller, new URLSearchParams(location.search).has("plain"), {
      onChange: changed,
      onMark: options.onMark
    })
    this.#later = new LaterParts(options.api, this.#view, changed)
    scroller.append(this.#firstEdge, this.#view.lines.element, this.#lastEdge)
    this.element.append(this.#tools, scroller, this.#foot, this.#chip.element)
    this.#wrap(isWrapped())
    onWidth(() => this.#wrap(isWrapped()))
    scroller.addEventListener("scroll", changed, { passive: true })
    scroller.addEventListener("click", (event) => this.#onClick(event))
    scroller.addEventListener("keydown", (event) => {
      if (event.key !== "End" || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      this.do("end")
    })
    setInterval(() => this.#live !== undefined && this.#schedule(), tickMillis)
    this.#draw()
  }

  show(run: Run | undefined, place?: LogPlace): void {
    const isSame = run?.request_id === this.#run?.request_id
    const hadLog = this.#run !== undefined && hasLog(this.#run)
    this.#run = run
    if (!isSame || (run !== undefined && hasLog(run) && !hadLog)) this.#open(place)
    else if (run !== undefined && !hasLog(run) && hadLog) this.#close()
    else if (place !== undefined) this.#goTo(place)
    this.#retryToken()
    this.#schedule()
  }

  do(command: LogCommand): void {
    const { follow } = this.#view
    switch (command) {
      case "find":
        return this.#focusFind()
      case "nextMatch":
      case "previousMatch":
        if (this.#later.finders?.text.search === undefined) return this.#focusFind()
        return this.#actions.step(command === "nextMatch" ? 1 : -1)
      case "follow":
        if (follow.isFollowing && this.#stream.kind !== "ended") return follow.pause("scrolling")
        return void this.#view.toEnd()
      case "end":
        return void this.#view.toEnd()
      case "top":
        return void this.#view.toTop()
      case "nextError":
      case "previousError":
        return this.#step("errors", command === "nextError" ? 1 : -1)
      case "nextMessage":
      case "previousMessage":
        return this.#step("messages", command === "nextMessage" ? 1 : -1)
      case "wrap":
        return this.#actions.wrap()
      case "link":
        return this.#actions.copyLink()
    }
  }

  take(event: KeyboardEvent): void {
    if (!this.#scroller.checkVisibility()) return
    // What the browser does with the key it does where the focus is by then.
    this.#scroller.focus()
    if (!this.#scroller.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, cancelable: true })))
      event.preventDefault()
  }

  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable
    // A token that was refused is refused again.
    if (this.#refusedToken === undefined || !isReachable) this.#live?.setReachable(isReachable)
    else this.#retryToken()
  }

  #open(place: LogPlace | undefined): void {
    this.#close()
    const run = this.#run
    this.#scroller.setAttribute("aria-label", run === undefined ? "Output" : `Output of run ${run.request_id}`)
    if (run === undefined || !hasLog(run)) return
    const { api, onShutdown, onUnauthorized, onRunEnded } = this.#options
    const runId = run.request_id
    const { signal } = this.#closed
    const file = new LogFile(api, runId, signal)
    const wasFinal = isFinal(run)
    const live = new LiveLog(
      { api, file, runId, isFinal: wasFinal, signal },
      {
        onLines: (lines) => this.#take(lines),
        onState: (state) => {
          this.#stream = state
          if (state.kind === "ended" && !wasFinal) onRunEnded(runId)
          this.#view.schedule()
        },
        onShutdown,
        onOther: () => this.#open(undefined),
        onUnauthorized: () => {
          this.#refusedToken = api.token ?? ""
          onUnauthorized()
        }
      }
    )
    if (!this.#isReachable) live.setReachable(false)
    this.#live = live
    this.#wanted = place
    this.#view.reset({ live, file, runId })
    this.#later.reset({ runId, live })
  }

  #close(): void {
    this.#closed.abort()
    this.#closed = new AbortController()
    this.#live = undefined
    this.#stream = { kind: "resting" }
    this.#wanted = undefined
    this.#refusedToken = undefined
    this.#query = ""
    this.#rate.reset()
    this.#later.reset(undefined)
    this.#view.reset(undefined)
  }

  #take(lines: ReadonlyArray<LogLine>): void {
    this.#view.take(lines)
    this.#later.finders?.take(lines)
    this.#later.announcer?.take(lines)
    this.#rate.add(lines.length)
    if (this.#wanted === undefined) return
    const place = this.#wanted
    this.#wanted = undefined
    this.#goTo(place)
  }

  #step(kind: "errors" | "messages", direction: 1 | -1): void {
    this.#later.find((finders) => finders.step(kind, direction))
  }

  #retryToken(): void {
    if (this.#refusedToken === undefined || (this.#options.api.token ?? "") === this.#refusedToken) return
    this.#refusedToken = undefined
    this.#live?.setReachable(true)
  }

  #goTo(place: LogPlace): void {
    if (this.#live?.isOpened !== true) this.#wanted = place
    else void this.#view.goTo(place.start, "line", place)
  }

  #onClick(event: MouseEvent): void {
    const { target } = event
    if (!(target instanceof HTMLElement)) return
    const placed = this.#view.lines.of(target)
    if (placed === undefined) return
    if (target.dataset.do === "showAll") return this.#view.lines.redraw(placed, true)
    if (target.closest("a") === null || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    if (event.shiftKey) getSelection()?.removeAllRanges()
    this.#view.follow.pause("line")
    this.#view.markLine(placed.line, event.shiftKey)
  }

  #focusFind(): void {
    const input = this.#tools.querySelector("input")
    input?.focus()
    input?.select()
  }

  #wrap(isOn: boolean): void {
    this.#scroller.classList.toggle("wrap", isOn)
    this.#view.follow.stick()
    this.#schedule()
  }

  readonly #actions: ToolsActions = {
    find: (text) => {
      this.#query = text
      this.#later.find((finders) => finders.find(text))
    },
    step: (direction) => this.#later.find((finders) => void finders.text.step(direction)),
    leaveFind: () => {
      this.#query = ""
      this.#later.finders?.find("")
      this.#scroller.focus()
    },
    nextError: (direction) => this.#step("errors", direction),
    wrap: () => {
      const isOn = !this.#scroller.classList.contains("wrap")
      keepWrapped(isOn)
      this.#wrap(isOn)
    },
    copyLink: () => this.#later.handOut((handout, { runId }) => handout.copyLink(runId, this.#view.markedLines())),
    copyCurl: () => this.#later.handOut((handout) => handout.copyCurl()),
    download: () => this.#later.handOut((handout, { runId, live }) => handout.download(runId, live.size)),
    announce: () =>
      this.#later.announce((announcer) => {
        this.element.append(announcer.element)
        announcer.toggle()
        this.#schedule()
      }),
    prompt: () => this.#options.onPrompt(),
    more: () => {
      this.#isMoreOpen = !this.#isMoreOpen
      this.#schedule()
    }
  }

  #schedule(): void {
    this.#redraw.schedule()
  }

  #draw(): void {
    const view = this.#view
    const scene: Scene = {
      run: this.#run,
      live: this.#live,
      stream: this.#stream,
      view,
      finders: this.#later.finders,
      handout: this.#later.handout,
      isMissing: this.#later.isMissing,
      query: this.#query,
      isAnnounced: this.#later.announcer?.isOn === true,
      isMoreOpen: this.#isMoreOpen,
      hasToken: this.#options.api.token !== undefined,
      linesPerSecond: this.#rate.perSecond
    }
    const nowMillis = Date.now()
    render(tools(toolsOf(scene), this.#actions), this.#tools)
    render(firstEdge(scene), this.#firstEdge)
    render(lastEdge(scene), this.#lastEdge)
    render(
      foot(footOf(scene, nowMillis), () => this.do("follow")),
      this.#foot
    )
    this.#chip.show(view.follow.isFollowing ? 0 : view.newLines, nowMillis)
    if (this.#later.finders !== undefined) this.#later.finders.draw()
    // Errors are counted from when lines are seen.
    else if (view.lines.count > 0) this.#later.count()
    const facts = factsOf(scene)
    const text = JSON.stringify(facts)
    if (text === this.#facts) return
    this.#facts = text
    this.#options.onFacts(facts)
  }
}
