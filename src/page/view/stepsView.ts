/** A sequence as it happens, or as far as it came. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { PageState } from "../state/PageState.ts"
import { failedNote, failedSteps, startingSteps, type StepLine } from "../words/stepWords.ts"
import { mark } from "./marks.ts"

const marks = { ok: "succeeded", doing: "starting", bad: "failed", todo: "todo" } as const

const list = (lines: ReadonlyArray<StepLine>, note: string): TemplateResult =>
  html`<section class="steps" tabindex="0" aria-label="Steps">
    <ol>
      ${lines.map(
        ({ kind, title, detail, time }) =>
          html`<li class=${kind}>${mark(marks[kind], kind === "doing")}<span><b>${title}</b>${
            detail === "" ? nothing : html`<small class="m">${detail}</small>`
          }</span><span class="took">${time}</span></li>`
      )}
    </ol>
    <p>${note}</p>
  </section>`

/** The steps that stand where there is no log. */
export const stepsView = (state: PageState): TemplateResult | typeof nothing => {
  const { shownRun: run, status, lastDetails } = state
  const holder = status?.holder
  if (run === undefined) return nothing
  if (holder != null && run.request_id === holder.request_id) {
    return list(
      startingSteps(holder, state),
      "You can close this page: the sequence belongs to Looper, not to the browser."
    )
  }
  if (lastDetails?.request_id === run.request_id) return list(failedSteps(lastDetails, state), failedNote(lastDetails))
  return list([], run.reason ?? "codex was not started, so there is no log.")
}
