/** One run's facts. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"
import { shortPath } from "../words/paths.ts"
import { byWords, endWords, isLimited, isLive } from "../words/runWords.ts"
import { bytes, clock, duration, fullTime, millisOf } from "../words/time.ts"

interface FactOptions {
  readonly title?: string
  readonly tone?: "bad" | "calm" | "warn"
  /** Left out where there is little room. */
  readonly isExtra?: boolean
  /** The time that it tells. */
  readonly iso?: string | null
}

const fact = (name: string, value: string | undefined, { title, tone, isExtra = false, iso }: FactOptions = {}) =>
  value === undefined || value === ""
    ? nothing
    : html`<div class=${isExtra ? "opt" : ""} data-tone=${tone ?? nothing}>
        <dt>${name}</dt><dd class=${tone === undefined ? "m" : "m end"} title=${title ?? nothing}>${
          iso == null ? value : html`<time datetime=${iso}>${value}</time>`
        }</dd>
      </div>`

/** The line is there in any case: what is below stays where it is. */
const noPrompt = (run: PageState["shownRun"], isRead: boolean): string => {
  if (run?.cause === "not_started") return "Not launched: no log tells its prompt."
  if (!isRead) return "…"
  return run?.is_log_pruned === true ? "Its prompt went with its log." : "Its log does not tell its prompt."
}

const promptLine = ({ prompt, shownRun }: PageState, actions: Actions) => {
  const isRead = prompt !== undefined && prompt.runId === shownRun?.request_id
  const text = isRead ? prompt.text : undefined
  if (text === undefined) {
    return html`<div class="pr"><p class="q">${noPrompt(shownRun, isRead)}</p></div>`
  }
  return html`<div class="pr">
    <p title=${text.slice(0, 2_000)}>${text.slice(0, 1_000)}</p>
    <button class="lnk" @click=${() => actions.openDialog("prompt")}>Whole prompt</button>
  </div>`
}

/** Prompt, id, times and sizes of the run that is open. */
export const facts = (state: PageState, actions: Actions): TemplateResult | typeof nothing => {
  const { shownRun: run, status, nowMillis } = state
  if (run === undefined) return nothing
  const startMillis = millisOf(run.started_at) ?? nowMillis
  const end = endWords(run, state.stoppedHere?.runId === run.request_id)
  const hasBegun = run.state !== "starting" && run.cause !== "not_started"
  const home = status?.defaults.workspace
  return html`<section class="facts" aria-label="Run">
    ${promptLine(state, actions)}
    <dl>
      ${fact("run", run.request_id)}
      ${fact("took", isLive(run) || run.duration_ms === null ? undefined : duration(run.duration_ms))}
      ${fact("ended", end, { tone: run.state === "failed" ? "bad" : isLimited(run) ? "warn" : "calm", title: endTitle(run.ended_at), iso: run.ended_at })}
      ${fact("by", byWords(run))}
      ${fact("in", shortPath(run.workspace, home), { title: run.workspace })}
      ${fact("pid", isLive(run) && run.pid !== null ? String(run.pid) : undefined, { isExtra: true })}
      ${fact("started", clock(startMillis), { title: fullTime(startMillis), iso: run.started_at })}
      ${fact("log", hasBegun && run.log_bytes !== null ? bytes(run.log_bytes) : undefined, { isExtra: true, title: run.log_path ?? "" })}
    </dl>
  </section>`
}

const endTitle = (iso: string | null): string => {
  const millis = millisOf(iso)
  return millis === undefined ? "" : fullTime(millis)
}
