/** The page's one dialog. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import type { DialogKind, PageState } from "../state/PageState.ts"
import { modal } from "./directives.ts"
import { goToDialog } from "./goToDialog.ts"
import { keysDialog } from "./keysDialog.ts"
import { promptDialog } from "./promptDialog.ts"
import { startDialog } from "./startDialog.ts"

/** Whichever is open; one about runs waits, with its texts, while a token is asked for. */
export const dialogs = (state: PageState, _context: Context, actions: Actions): TemplateResult => {
  const kind = state.connection.kind === "unauthorized" ? "none" : state.dialog
  // Closed by the page it is `none` already; what the browser closes is told here.
  const onClose = () => {
    if (kind !== "none") actions.closeDialog()
  }
  return html`<dialog aria-labelledby="dialog-title" ${modal(kind !== "none")} @close=${onClose}>
    ${contents(kind, state, actions)}
  </dialog>`
}

const contents = (kind: DialogKind, state: PageState, actions: Actions): TemplateResult | typeof nothing => {
  switch (kind) {
    case "start":
    case "announce":
      return startDialog(state, actions)
    case "keys":
      return keysDialog(state, actions)
    case "prompt":
      return promptDialog(state, actions)
    case "goTo":
      return goToDialog(actions)
    case "none":
      return nothing
  }
}
