/** The history as a list; only the rows that are near are in the document. */
import { html, nothing, render, type TemplateResult } from "lit-html"
import { repeat } from "lit-html/directives/repeat.js"
import type { Actions } from "../actions/Actions.ts"
import type { Run } from "../api/answers.ts"
import { searchFor } from "../state/address.ts"
import { itemsOf, type Item } from "../state/historyPages.ts"
import type { PageState } from "../state/PageState.ts"
import { dayName } from "../words/dayWords.ts"
import { lifeMillis, whyWords } from "../words/runWords.ts"
import { clockMinute, clockSince, dayOf, duration, fullTime, millisOf } from "../words/time.ts"
import { follows } from "./links.ts"
import { mark } from "./marks.ts"
import { indexAt, topsOf, type Heights } from "./rowWindow.ts"

/** Rows beyond what is seen, at either end. */
const spareRows = 60
/** Older ones are loaded so many pixels before the end. */
const loadAheadPixels = 2_000

const isHere = (run: Run, { stoppedHere }: PageState): boolean => stoppedHere?.runId === run.request_id

const lifeWords = (run: Run, state: PageState): string => {
  const life = lifeMillis(run, state.nowMillis)
  return life === undefined ? "" : duration(life)
}

/** `failed, 13:57, 41 m 00 s, exit 1`. */
export const rowLabel = (run: Run, state: PageState): string => {
  const start = millisOf(run.started_at) ?? 0
  const parts = [
    run.state,
    clockSince(start, state.nowMillis),
    lifeWords(run, state),
    Object.values(whyWords(run, isHere(run, state)))
      .filter(Boolean)
      .join(": ")
  ]
  return parts.filter(Boolean).join(", ")
}

/** A row, and how much of it is above the list's top. */
interface Anchor {
  readonly runId: string
  readonly offset: number
}

/** Owns its element. */
export class RunList {
  readonly element = document.createElement("nav")
  readonly #actions: Actions
  readonly #narrow = matchMedia("(max-width: 820px)")
  #state: PageState | undefined
  #items: ReadonlyArray<Item> = []
  #tops: ReadonlyArray<number> = [0]
  #runs: ReadonlyArray<Run> | undefined
  #day = ""
  #filter = ""
  #wanted: Parameters<RunList["reveal"]> | undefined
  readonly #above = makeSpacer()
  readonly #below = makeSpacer()

  constructor(actions: Actions) {
    this.#actions = actions
    this.element.className = "list"
    this.element.setAttribute("aria-label", "Runs")
    let isScheduled = false
    const paintSoon = () => {
      if (isScheduled) return
      isScheduled = true
      requestAnimationFrame(() => {
        isScheduled = false
        this.#paint()
      })
    }
    this.element.addEventListener("scroll", paintSoon, { passive: true })
    new ResizeObserver(paintSoon).observe(this.element)
    this.#narrow.addEventListener("change", () => {
      this.#runs = undefined
      if (this.#state !== undefined) this.show(this.#state)
    })
  }

  get #heights(): Heights {
    return { day: 30, run: this.#narrow.matches ? 44 : 28 }
  }

  show(state: PageState): void {
    this.#state = state
    const { history, nowMillis } = state
    const day = dayOf(nowMillis)
    if (this.#runs !== history.runs || this.#day !== day) {
      const before = this.#anchor()
      this.#runs = history.runs
      this.#day = day
      this.#items = itemsOf(history, nowMillis, dayName)
      this.#tops = topsOf(this.#items, this.#heights)
      this.#paint()
      if (this.#filter === history.filter) this.#restore(before)
      else this.element.scrollTop = 0
      this.#filter = history.filter
    }
    this.#paint()
    if (this.#wanted !== undefined) this.reveal(...this.#wanted)
  }

  /** Brings a run into view, with the focus where it shall; one that is not listed yet as soon as it is. */
  reveal(runId: string, takesFocus = false): void {
    const index = this.#indexOf(runId)
    this.#wanted = index === -1 ? [runId, takesFocus] : undefined
    if (index === -1) return
    const { day, run } = this.#heights
    const top = this.#tops[index] ?? 0
    const { scrollTop, clientHeight } = this.element
    if (top - day < scrollTop || top + run > scrollTop + clientHeight) {
      this.element.scrollTop = top - day - clientHeight / 3
      this.#paint()
    }
    if (takesFocus) this.element.querySelector<HTMLElement>(`[data-run="${runId}"]`)?.focus({ preventScroll: true })
  }

  #indexOf(runId: string): number {
    return this.#items.findIndex((item) => item.kind === "run" && item.run.request_id === runId)
  }

  /** The row at the top, so that what is put before it does not move it. */
  #anchor(): Anchor | undefined {
    const { scrollTop } = this.element
    if (scrollTop < this.#heights.run) return undefined
    const first = indexAt(this.#tops, scrollTop)
    const index = this.#items.findIndex((item, at) => at >= first && item.kind === "run")
    const item = this.#items[index]
    return item?.kind === "run"
      ? { runId: item.run.request_id, offset: scrollTop - (this.#tops[index] ?? 0) }
      : undefined
  }

  #restore(anchor: Anchor | undefined): void {
    const index = anchor === undefined ? -1 : this.#indexOf(anchor.runId)
    if (anchor !== undefined && index !== -1) this.element.scrollTop = (this.#tops[index] ?? 0) + anchor.offset
  }

  #paint(): void {
    const state = this.#state
    if (state === undefined) return
    const { scrollTop, clientHeight } = this.element
    const whole = this.#tops.at(-1) ?? 0
    const first = Math.max(0, indexAt(this.#tops, scrollTop) - spareRows)
    const last = Math.min(this.#items.length, indexAt(this.#tops, scrollTop + clientHeight) + 1 + spareRows)
    // The day of the first row is there too, or it could not stick.
    const dayIndex = this.#items.findLastIndex((item, index) => index <= first && item.kind === "day")
    const isApart = dayIndex !== -1 && dayIndex < first
    const above = (this.#tops[first] ?? 0) - (isApart ? this.#heights.day : 0)
    const rows = this.#items.slice(first, last)
    const day = isApart ? this.#items[dayIndex] : undefined
    this.#above.style.height = `${above}px`
    this.#below.style.height = `${whole - (this.#tops[last] ?? whole)}px`
    render(
      html`${this.#above}${day === undefined ? nothing : this.#item(day, state)}${repeat(rows, keyOf, (item) =>
        this.#item(item, state)
      )}${this.#below}${this.#end(state)}`,
      this.element
    )
    const { history } = state
    const isNear = whole - scrollTop - clientHeight < loadAheadPixels
    if (
      isNear &&
      clientHeight > 0 &&
      typeof history.nextCursor === "string" &&
      !history.isLoading &&
      history.error === undefined
    ) {
      this.#actions.loadOlder()
    }
  }

  #end({ history }: PageState): TemplateResult | typeof nothing {
    if (history.error !== undefined) {
      return html`<p class="q end">${history.error}
        <button class="lnk" @click=${() => this.#actions.loadOlder()}>Try again</button></p>`
    }
    if (history.runs.length > 0 || history.nextCursor === undefined) return nothing
    return html`<p class="q end">${history.filter === "all" ? "Runs appear here, newest first." : "None."}</p>`
  }

  #item(item: Item, state: PageState): TemplateResult {
    if (item.kind === "day") return html`<div class="day"><span>${item.name}</span><span>${item.count}</span></div>`
    const run = state.status?.run?.request_id === item.run.request_id ? state.status.run : item.run
    const start = millisOf(run.started_at) ?? 0
    const id = run.request_id
    const why = whyWords(run, isHere(run, state))
    return html`<a class="r" data-s=${run.state} data-run=${id} href=${searchFor(id, location.search)}
      aria-current=${state.shownRun?.request_id === id ? "true" : nothing}
      title=${[id, fullTime(start), why.detail].filter(Boolean).join(", ")}
      @click=${follows(() => {
        this.#actions.showRun(id)
        this.#actions.setTab("log")
      })}
    >${mark(run.state)}<span class="aloud">${run.state} </span><time datetime=${run.started_at}>${clockMinute(start)}</time
      ><span class="why"><span>${why.word}</span>${why.detail === "" ? nothing : html`<span>: ${why.detail}</span>`}</span><span class="d">${lifeWords(run, state)}</span></a>`
  }
}

const keyOf = (item: Item): string => (item.kind === "day" ? `day ${item.name}` : item.run.request_id)

/** Takes the room of rows that are not there. */
const makeSpacer = (): HTMLElement => {
  const element = document.createElement("div")
  element.className = "space"
  return element
}
