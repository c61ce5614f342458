/** All dialogs, with what they do: loaded behind the page. */
import { nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { DialogKind, PageState } from "../state/PageState.ts"
import { goToDialog } from "./goToDialog.ts"
import { keysDialog } from "./keysDialog.ts"
import { promptDialog } from "./promptDialog.ts"
import { startDialog } from "./startDialog.ts"

export { makeFormActions } from "../actions/formActions.ts"

/** What an open dialog has in it. */
export const contents = (kind: DialogKind, state: PageState, actions: Actions): TemplateResult | typeof nothing => {
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
