/** The dialog that jumps to a run by its id, or to a date. */
import { html, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"

/** Closes where there is such a run; says what there is not. */
export const goToDialog = (actions: Actions): TemplateResult => {
  const onSubmit = async (event: Event) => {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const input = form.querySelector("input") as HTMLInputElement
    const said = form.querySelector("[role=alert]") as HTMLElement
    const problem = await actions.goTo(input.value.trim())
    if (problem === undefined) return actions.closeDialog()
    // Owned by nobody else: no template writes there.
    said.textContent = problem
    input.setAttribute("aria-invalid", "true")
    input.focus()
  }
  return html`<form @submit=${onSubmit}>
    <h2 id="dialog-title">Go to a run</h2>
    <div class="f">
      <div class="lb"><label for="go-to">Id, or date</label><span class="h" id="go-to-hint">3f9c21ab, or 2026-11-21</span></div>
      <input type="text" id="go-to" autocomplete="off" spellcheck="false" autofocus aria-describedby="go-to-hint go-to-said" />
      <p class="note bad said" id="go-to-said" role="alert"></p>
    </div>
    <div class="go">
      <button type="button" class="btn" @click=${actions.closeDialog}>Cancel</button>
      <button type="submit" class="btn pri">Go</button>
    </div>
  </form>`
}
