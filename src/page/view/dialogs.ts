/** The page's one dialog. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"
import { dialogCode } from "../actions/dialogCode.ts"
import { modal } from "./directives.ts"

/** Whichever is open; one about runs waits, with its texts, while a token is asked for. */
export const dialogs = (state: PageState, _context: Context, actions: Actions): TemplateResult => {
  const kind = state.connection.kind === "unauthorized" ? "none" : state.dialog
  // Closed by the page it is `none` already; what the browser closes is told here.
  const onClose = () => {
    if (kind !== "none") actions.closeDialog()
  }
  return html`<dialog aria-labelledby="dialog-title" ${modal(kind !== "none")} @close=${onClose}>
    ${dialogCode()?.contents(kind, state, actions) ?? nothing}
  </dialog>`
}
