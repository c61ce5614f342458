/** A sequence as it happens, or as far as it came. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { PageState } from "../state/PageState.ts"
import { failedNote, failedSteps, startingSteps, type StepLine } from "../words/stepWords.ts"
import { mark } from "./marks.ts"

const marks = { ok: "succeeded", doing: "starting", bad: "failed", todo: "todo" } as const

const list = (lines: ReadonlyArray<StepLine>, note: string): TemplateResult =>
  html`<section class="steps" aria-label="Steps">
    <ol>
      ${lines.map(
        ({ kind, title, detail, time }) =>
          html`<li class=${kind}>${mark(marks[kind], kind === "doing")}<span><b>${title}</b>${
            detail === "" ? nothing : html`<small class="m">${detail}</small>`
          }</span><time>${time}</time></li>`
      )}
    </ol>
    <p>${note}</p>
  </section>`

/** The steps that stand where there is no log; `undefined` where a log is shown. */
export const stepsView = (state: PageState): TemplateResult | undefined => {
  const { shownRun: run, status, lastDetails } = state
  const holder = status?.holder
  if (run === undefined) return undefined
  if (holder != null && run.request_id === holder.request_id && run.state === "starting") {
    return list(
      startingSteps(holder, state),
      "You can close this page: the sequence belongs to Looper, not to the browser."
    )
  }
  if (run.log_path !== null || run.state === "starting" || run.state === "running") return undefined
  if (lastDetails?.request_id === run.request_id) return list(failedSteps(lastDetails, state), failedNote(lastDetails))
  return list([], run.reason ?? "codex was not started, so there is no log.")
}

/** Is the open run's log what is shown of it? */
export const hasLogView = (state: PageState): boolean => state.shownRun !== undefined && stepsView(state) === undefined
