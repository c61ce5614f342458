/** The left column: time. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import { countOf } from "../state/historyPages.ts"
import type { HistoryFilter, PageState } from "../state/PageState.ts"
import { autopollBox } from "../words/autopollWords.ts"
import { duration, fullTime, grouped, millisOf } from "../words/time.ts"
import { chart } from "./chart.ts"
import type { RunList } from "./RunList.ts"

const filters: ReadonlyArray<readonly [HistoryFilter, string]> = [
  ["all", "All"],
  ["failed", "Failed"],
  ["stopped", "Stopped"],
  ["auto", "Auto"]
]

const filterButtons = ({ history }: PageState, actions: Actions) =>
  (history.counts?.total ?? history.runs.length) === 0
    ? nothing
    : html`<div class="flt" role="group" aria-label="Show">
        ${filters.map(([filter, name]) => {
          const count = countOf(filter, history.counts)
          // A short history is seen in the list itself.
          const isLong = (history.counts?.total ?? 0) > 99
          const isTold =
            count !== undefined && isLong && (filter === "all" || filter === "failed" || filter === history.filter)
          const shown = isTold ? ` ${grouped(count)}` : ""
          return html`<button
            class="lnk" aria-pressed=${String(history.filter === filter)} title=${count === undefined ? nothing : grouped(count)}
            @click=${() => actions.setFilter(filter)}
          >${name}${shown}</button>`
        })}
        <button class="lnk" aria-label="Go to a run" title="By its id, or a date (G in this list)" @click=${() => actions.openDialog("goTo")}>Go to…</button>
      </div>`

const poll = (state: PageState, actions: Actions) => {
  const box = autopollBox(state)
  if (box === undefined) return nothing
  const buttons = {
    checkNow: { name: "Check now", act: () => actions.checkNow() },
    pause: { name: "Pause", act: () => actions.pauseAutopoll() },
    resume: { name: "Resume", act: () => actions.resumeAutopoll() }
  }
  return html`<div><b>${box.head}</b><span>${box.aside}</span></div>
    <div><span>${box.text}</span><span class="lnks">${box.buttons.map(
      (name) => html`<button class="lnk" @click=${buttons[name].act}>${buttons[name].name}</button>`
    )}</span></div>
    ${state.notice === undefined ? nothing : html`<p class="notice" role="status">${state.notice}</p>`}`
}

const version = ({ status, nowMillis }: PageState, actions: Actions) => {
  if (status === undefined) return nothing
  const started = millisOf(status.started_at) ?? nowMillis
  return html`<div class="ver">
    <span title=${`since ${fullTime(started)}`}>Looper ${status.version}, up ${upWords(nowMillis - started)}</span>
    <span class="lnks"><a href="docs">API</a><a href="metrics">Metrics</a
      ><button class="lnk" @click=${() => actions.openDialog("keys")}>Keys</button></span>
  </div>`
}

const upWords = (millis: number): string =>
  duration(millis < 60_000 ? millis : Math.floor(millis / 60_000) * 60_000).replace(" 00 s", "")

/** Chart, filters, list, autopoll. */
export const left = (state: PageState, actions: Actions, list: RunList): TemplateResult =>
  html`<aside class="runs" id="runs" aria-label="History">
    ${
      state.status === undefined
        ? nothing
        : html`${chart(state, actions)}${filterButtons(state, actions)}${list.element}
            <div class="poll">${poll(state, actions)}${version(state, actions)}</div>`
    }
  </aside>`
