/** The dialog that starts a run, or announces. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import { fieldNames } from "../actions/formProblem.ts"
import type { FormField } from "../actions/formState.ts"
import { victimOf, shownTexts } from "../actions/startForm.ts"
import { victimWords } from "../actions/victimWords.ts"
import type { Status } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import { withinWorkspace } from "../words/paths.ts"
import { focusWhen } from "./directives.ts"

const tabs = ["start", "announce"] as const
type Tab = (typeof tabs)[number]
const tabNames: { readonly [Each in Tab]: string } = { start: "Start a run", announce: "Announce only" }

/** Its two tabs; texts are the state's, so that nothing is lost with the dialog. */
export const startDialog = (state: PageState, actions: Actions): TemplateResult => {
  const { status, dialog } = state
  const tab = dialog === "announce" ? "announce" : "start"
  const onSubmit = (event: Event) => {
    event.preventDefault()
    actions.submitForm()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    actions.submitForm()
  }
  return html`<form novalidate @submit=${onSubmit} @keydown=${onKeyDown}>
    <h2 id="dialog-title">${tabNames[tab]}</h2>
    ${tabList(tab, actions)}
    <div class="panel" id="start-panel" role="tabpanel" aria-labelledby="tab-${tab}">
      ${status === undefined ? nothing : tab === "start" ? startFields(state, status, actions) : announceFields(state, status, actions)}
    </div>
    ${notes(state, tab)}
    <div class="go">
      <span class="q kept">${keptWords(state, tab)}</span>
      <button type="button" class="btn" @click=${actions.closeDialog}>Cancel</button>
      <button type="submit" class="btn pri" ?disabled=${state.form.isSending || isDeaf(state)}>
        ${buttonWords(state, tab)}
      </button>
    </div>
  </form>`
}

/** Nothing is taken now; one that does not answer may be asked again: that is what a repeat is for. */
const isDeaf = ({ connection }: PageState): boolean =>
  connection.kind === "shuttingDown" || connection.kind === "forbidden"

const tabList = (selected: Tab, actions: Actions) => {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(selected), End: tabs.length - 1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next =
      event.key === "End" ? tabs[tabs.length - 1] : tabs[(tabs.indexOf(selected) + step + tabs.length) % tabs.length]
    actions.openDialog(next as Tab)
    document.getElementById(`tab-${next}`)?.focus()
  }
  return html`<div class="seg" role="tablist" aria-label="What to do" @keydown=${onKeyDown}>
    ${tabs.map(
      (tab) =>
        html`<button
          type="button"
          role="tab"
          id="tab-${tab}"
          aria-controls="start-panel"
          aria-selected=${tab === selected}
          tabindex=${tab === selected ? 0 : -1}
          @click=${() => actions.openDialog(tab)}
        >
          ${tabNames[tab]}
        </button>`
    )}
  </div>`
}

const startFields = (state: PageState, { defaults }: Status, actions: Actions) => {
  const { form } = state
  const from = sourceWords(defaults)
  return html`
    ${field(state, actions, "prompt", form.prompt === undefined ? from : "changed", "Use the default")}
    ${field(state, actions, "message", "empty: no announcement")}
    <div class="f2">
      ${field(state, actions, "workspace", form.workspace === undefined ? "default" : "changed", "Use the default")}
      ${field(state, actions, "delay", `seconds, default ${defaults.delay_seconds}`)}
    </div>
  `
}

const sourceWords = ({ prompt_source: source, workspace }: Status["defaults"]): string => {
  if (source === "built-in") return "default, built in"
  return `default, from ${source.startsWith("/") ? withinWorkspace(source, workspace) : source}`
}

const announceFields = (state: PageState, { defaults }: Status, actions: Actions) => html`
  ${field(state, actions, "message", "")}
  <p class="q small">
    ${defaults.announces_to === null ? nothing : `To ${defaults.announces_to}. `}Nothing is stopped, nothing starts.
  </p>
`

/** A label with its hint, the control, and what Looper said of it. */
const field = (state: PageState, actions: Actions, name: FormField, hint: string, undo?: string) => {
  const { form, status, dialog } = state
  const value = status === undefined ? "" : shownTexts(form, status.defaults)[name]
  const problem = form.problem?.field === name ? form.problem : undefined
  const onInput = (event: Event) => actions.editForm({ [name]: (event.target as HTMLInputElement).value })
  const described = `${name}-hint${problem === undefined ? "" : ` ${name}-problem`}`
  const isFirst = name === (dialog === "announce" ? "message" : "prompt")
  const invalid = problem !== undefined
  // Where the field was changed its default is one click away.
  const back = undo !== undefined && form[name] !== undefined
  return html`<div class="f">
    <div class="lb">
      <label for="field-${name}">${fieldNames[name]}</label>
      <span class="h"><span id="${name}-hint">${hint}</span>${
        back
          ? html` <button type="button" class="lnk" @click=${() => actions.editForm({ [name]: undefined })}>${undo}</button>`
          : nothing
      }</span>
    </div>
    ${
      name === "prompt"
        ? html`<textarea id="field-prompt" rows="4" spellcheck="false" aria-describedby=${described}
            aria-invalid=${invalid} .value=${value} ?autofocus=${isFirst} @input=${onInput} ${focusWhen(problem)}></textarea>`
        : html`<input type="text" id="field-${name}" autocomplete="off" aria-describedby=${described}
            inputmode=${name === "delay" ? "decimal" : "text"} spellcheck=${name === "message"}
            aria-invalid=${invalid} .value=${value} ?autofocus=${isFirst} @input=${onInput} ${focusWhen(problem)} />`
    }
    ${problem === undefined ? nothing : html`<p class="note bad" id="${name}-problem">${problem.text}</p>`}
  </div>`
}

const notes = ({ form, status, nowMillis }: PageState, tab: Tab) => {
  const victim = status === undefined || tab === "announce" ? undefined : victimWords(status, form, nowMillis)
  const general = form.problem !== undefined && form.problem.field === undefined ? form.problem.text : undefined
  return html`<div role="alert" class="said">${general === undefined ? nothing : html`<p class="note bad">${general}</p>`}</div>
    ${victim === undefined || form.isSending ? nothing : html`<p class="note">${victim}</p>`}`
}

const keptWords = ({ form }: PageState, tab: Tab): string => {
  if (tab === "announce") return "Kept in this browser: message"
  return `Kept in this browser: message, workspace, delay${form.prompt === undefined ? "" : ", prompt"}`
}

/** What the button does, or is doing. */
const buttonWords = ({ form, status }: PageState, tab: Tab): string => {
  if (tab === "announce") return form.isSending ? "Announcing…" : "Announce"
  if (form.isSending) return "Starting…"
  return status !== undefined && victimOf(status, form) !== undefined ? "Stop it and start" : "Start"
}
