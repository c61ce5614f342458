/** The row of tools above the lines, and what More holds where the screen is narrow. */
import { html, nothing, svg, type TemplateResult } from "lit-html"
import { bytes, grouped } from "../words/time.ts"
import type { SearchCount } from "./Search.ts"

/** What the row shows. */
export interface ToolsState {
  readonly query: string
  /** How many matches there are, while something is searched. */
  readonly found: string | undefined
  readonly errors: SearchCount | undefined
  readonly isWrapped: boolean
  readonly isAnnounced: boolean
  readonly isMoreOpen: boolean
  /** What was copied a moment ago. */
  readonly copied: "link" | "curl" | undefined
  /** A plain link to the log; `undefined` where it takes a token, or nothing is there. */
  readonly href: string | undefined
  readonly fileName: string
  readonly hasLog: boolean
  readonly notice: string | undefined
  readonly curl: string | undefined
  readonly pid: number | undefined
  readonly size: number
}

/** What the row does. */
export interface ToolsActions {
  find(text: string): void
  step(direction: 1 | -1): void
  leaveFind(): void
  nextError(direction: 1 | -1): void
  wrap(): void
  copyLink(): void
  copyCurl(): void
  download(): void
  announce(): void
  prompt(): void
  more(): void
}

const lens = svg`<circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"></circle><path d="M10.5 10.5l4 4" stroke="currentColor" stroke-width="1.5"></path>`

const onFindKey = (event: KeyboardEvent, actions: ToolsActions) => {
  // Keys of the page are off in fields; these are the field's own.
  if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault()
    actions.step(event.shiftKey ? -1 : 1)
  } else if (event.key === "Escape") {
    event.preventDefault()
    event.stopPropagation()
    actions.leaveFind()
  }
}

const findField = (state: ToolsState, actions: ToolsActions): TemplateResult => html`<span class="find" role="search">
  <svg viewBox="0 0 16 16" aria-hidden="true">${lens}</svg>
  <input
    type="search"
    placeholder="Find in log"
    aria-label="Find in log"
    autocomplete="off"
    spellcheck="false"
    .value=${state.query}
    @input=${(event: Event) => actions.find((event.target as HTMLInputElement).value)}
    @keydown=${(event: KeyboardEvent) => onFindKey(event, actions)}
  />
  <span class="n" aria-live="polite">${state.found ?? nothing}</span>
  ${
    state.found === undefined
      ? nothing
      : html`<button type="button" class="nx" aria-label="Previous match" title="Previous match (Shift+N)" @click=${() => actions.step(-1)}>↑</button
          ><button type="button" class="nx" aria-label="Next match" title="Next match (N)" @click=${() => actions.step(1)}>↓</button>`
  }
</span>`

const errorWords = (errors: SearchCount | undefined): string => {
  if (errors === undefined) return "Errors"
  return `Errors ${grouped(errors.count)}${errors.progress < 1 ? "+" : ""}`
}

/** Those that a narrow screen has under More. */
const secondary = (state: ToolsState, actions: ToolsActions, place: string): TemplateResult => html`<button
    type="button"
    class=${place}
    title="Next error; with Shift the one before (E, Shift+E)"
    ?disabled=${!state.hasLog}
    @click=${(event: MouseEvent) => actions.nextError(event.shiftKey ? -1 : 1)}
  >
    ${errorWords(state.errors)}
  </button>`

const links = (state: ToolsState, actions: ToolsActions, place: string): TemplateResult => html`<button
    type="button"
    class=${place}
    aria-pressed=${state.isAnnounced}
    aria-label="Announce new messages"
    title="Read the agent's new messages to a screen reader"
    @click=${() => actions.announce()}
  >
    Announce
  </button>
  <button type="button" class=${place} title="Copy a link to this run, or to the marked lines (Y)" @click=${() => actions.copyLink()}>
    ${state.copied === "link" ? "Copied" : "Copy link"}
  </button>
  ${
    state.href === undefined
      ? html`<button type="button" class=${place} ?disabled=${!state.hasLog} @click=${() => actions.download()}>Download</button>`
      : html`<a class=${`${place} plainly`} href=${state.href} download=${state.fileName}>Download</a>`
  }`

const noticeRow = (state: ToolsState, actions: ToolsActions): TemplateResult => html`<p class="told" role="status">
  <span>${state.notice}</span>
  ${
    state.curl === undefined
      ? nothing
      : html`<code class="m">${state.curl}</code>
          <button type="button" class="lnk" @click=${() => actions.copyCurl()}>${state.copied === "curl" ? "Copied" : "Copy"}</button>`
  }
</p>`

/** The row, and below it what it has to say. */
export const tools = (state: ToolsState, actions: ToolsActions): TemplateResult => html`<div
    class="bar"
    role="toolbar"
    aria-label="Log"
  >
    ${findField(state, actions)}
    <span class="sp"></span>
    ${secondary(state, actions, "lnk wide")}
    <button type="button" class="lnk" aria-pressed=${state.isWrapped} title="Wrap long lines (W)" @click=${() => actions.wrap()}>Wrap</button>
    ${links(state, actions, "lnk wide")}
    <button type="button" class="lnk narrow" aria-expanded=${state.isMoreOpen} @click=${() => actions.more()}>More</button>
  </div>
  ${
    state.isMoreOpen
      ? html`<div class="bar more" role="toolbar" aria-label="More of the log">
          ${secondary(state, actions, "lnk")} ${links(state, actions, "lnk")}
          <button type="button" class="lnk" @click=${() => actions.prompt()}>Whole prompt</button>
          <span class="m q">${state.pid === undefined ? "" : `pid ${state.pid}, `}log ${bytes(state.size)}</span>
        </div>`
      : nothing
  }
  ${state.notice === undefined ? nothing : noticeRow(state, actions)}`
