/** Views that are loaded when they are first needed, or before Looper may be gone. */
import { html, nothing } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import { hasFailed, type Later, laterParts, loadLater, notLoadedWords } from "../loadLater.ts"
import type { PageState } from "../state/PageState.ts"

/** A part's way of being drawn. */
type View = (state: PageState, context: Context, actions: Actions) => unknown

/** Draws nothing until it is loaded, which the first drawing asks for; what could not be loaded is told. */
const lazily =
  (viewOf: (later: Later) => View): View =>
  (state, context, actions) => {
    const later = laterParts()
    if (later !== undefined) return viewOf(later)(state, context, actions)
    void loadLater(context.store)
    return hasFailed() ? html`<p class="blank" role="status">${notLoadedWords(state)}</p>` : nothing
  }

/** The open dialog; its element is there as soon as it can be. */
export const lazyDialogs: View = (state, context, actions) =>
  laterParts() === undefined && state.dialog === "none" ? nothing : anyDialog(state, context, actions)

const anyDialog = lazily(({ dialogs }) => dialogs)

/** A sequence's steps. */
export const lazySteps = lazily(({ stepsView }) => stepsView)

/** What stands there before the first run. */
export const lazyEmpty = lazily(({ emptyView }) => emptyView)

/** The form for a token. */
export const lazyToken = lazily(
  ({ tokenForm }) =>
    (state, _context, actions) =>
      tokenForm(state, actions)
)
