/** The dialog that shows a run's whole prompt. */
import { html, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"

/** As the log's header has it. */
export const promptDialog = ({ prompt, shownRun }: PageState, actions: Actions): TemplateResult => {
  const text = prompt?.runId === shownRun?.request_id ? prompt?.text : undefined
  const onSubmit = (event: Event) => {
    event.preventDefault()
    actions.closeDialog()
  }
  return html`<form @submit=${onSubmit}>
    <h2 id="dialog-title">Prompt of run <span class="m">${shownRun?.request_id ?? ""}</span></h2>
    <pre class="whole" tabindex="0" autofocus aria-labelledby="dialog-title">${text ?? "It is not known: the log's header has no prompt."}</pre>
    <div class="go"><button type="submit" class="btn">Close</button></div>
  </form>`
}
