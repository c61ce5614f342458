/** Views that are loaded when they are first needed, or before Looper may be gone. */
import { nothing } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import { type Later, laterParts, loadLater } from "../loadLater.ts"
import type { PageState } from "../state/PageState.ts"

/** A part's way of being drawn. */
type View = (state: PageState, context: Context, actions: Actions) => unknown

/** Draws nothing until it is loaded, which the first drawing asks for. */
const lazily =
  (viewOf: (later: Later) => View): View =>
  (state, context, actions) => {
    const later = laterParts()
    if (later !== undefined) return viewOf(later)(state, context, actions)
    void loadLater(context.store)
    return nothing
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
