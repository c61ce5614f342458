/** The whole page. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import type { LogPane } from "../log/LogPane.ts"
import type { PageState } from "../state/PageState.ts"
import { showsLog } from "../state/showsLog.ts"
import type { Band } from "../words/band.ts"
import { bandView } from "./bandView.ts"
import { facts } from "./facts.ts"
import { lazyDialogs, lazyEmpty, lazySteps, lazyToken } from "./lazy.ts"
import { left } from "./left.ts"
import type { RunList } from "./RunList.ts"

/** What keeps its own elements. */
export interface Parts {
  readonly context: Context
  readonly actions: Actions
  readonly list: RunList
  readonly pane: LogPane
}

const skipToLog = (event: Event, actions: Actions) => {
  event.preventDefault()
  actions.setTab("log")
  // Once it is drawn.
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".log, .steps, .blank")?.focus())
}

const tabNames = [
  ["log", "Log"],
  ["runs", "Runs"]
] as const

const tabs = ({ tab }: PageState, actions: Actions) => {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return
    event.preventDefault()
    actions.setTab(tab === "log" ? "runs" : "log")
    const other = (event.currentTarget as HTMLElement).querySelector<HTMLElement>('[aria-selected="false"]')
    other?.focus()
  }
  return html`<div class="tabs" role="tablist" aria-label="What is shown" @keydown=${onKeyDown}>
    ${tabNames.map(
      ([name, words]) =>
        html`<button role="tab" aria-selected=${String(tab === name)} tabindex=${tab === name ? 0 : -1}
          @click=${() => actions.setTab(name)}>${words}</button>`
    )}
  </div>`
}

const newerChip = ({ newerRunId }: PageState, actions: Actions) =>
  newerRunId === undefined
    ? nothing
    : html`<button class="chip newer" @click=${() => actions.showRun(undefined)}>
        Run ${newerRunId} has started, go to it
      </button>`

/** Where the screen is narrow the left column's line is out of sight. */
const notice = ({ notice }: PageState) =>
  notice === undefined ? nothing : html`<p class="notice narrow" role="status">${notice}</p>`

/** Has nothing run at all? */
const isEmpty = ({ history, recent, status, shownRun }: PageState): boolean =>
  shownRun === undefined &&
  recent.length === 0 &&
  history.nextCursor !== undefined &&
  status?.run === null &&
  status.holder === null

const run = (state: PageState, { actions, context, pane }: Parts) => {
  if (state.connection.kind === "unauthorized") return lazyToken(state, context, actions)
  if (state.status === undefined) return nothing
  if (isEmpty(state)) return lazyEmpty(state, context, actions)
  // No such run, or not yet known.
  if (state.shownRun === undefined) {
    return html`${notice(state)}<p class="missing">${state.missingRun}</p>`
  }
  const body = showsLog(state) ? pane.element : lazySteps(state, context, actions)
  return html`${notice(state)}${facts(state, actions)}${body}${newerChip(state, actions)}`
}

const frameClass = ({ connection, status }: PageState): string => {
  if (connection.kind === "unauthorized" || (status === undefined && connection.kind !== "connecting"))
    return "app bare"
  return connection.kind === "unreachable" || connection.kind === "forbidden" ? "app off" : "app"
}

/** Band, then one run and its log, then the history: in this order for who goes by keys. */
export const app = (state: PageState, band: Band | undefined, parts: Parts): TemplateResult => {
  const { actions, context, list } = parts
  return html`<div class=${frameClass(state)} data-tab=${state.tab}>
      <header class="who">
        <a class="skip" href="#log" @click=${(event: Event) => skipToLog(event, actions)}>Skip to the log</a>
        <b>Looper</b><span class="m q">${location.host}</span>
      </header>
      ${bandView(band, state, actions)}<nav class="pane" aria-label="Panes">${tabs(state, actions)}</nav>
      <main class="run">${run(state, parts)}</main>
      ${left(state, actions, list)}
    </div>
    ${lazyDialogs(state, context, actions)}`
}
