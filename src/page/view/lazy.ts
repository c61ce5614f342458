/** Parts of the page that are loaded when they are first needed, or before Looper may be gone. */
import { nothing } from "lit-html"
import type { Actions, Context } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"

type Later = typeof import("../later.ts")

/** A part's way of being drawn. */
type View = (state: PageState, context: Context, actions: Actions) => unknown

let later: Later | undefined
let isLoading = false

/** Loads them; a failure is tried again with the next call. */
export const loadLater = async ({ store }: Context): Promise<void> => {
  if (isLoading) return
  isLoading = true
  try {
    later = await import("../later.ts")
    store.update({})
  } catch {
    // Looper does not answer, as the page says; its clock draws it again.
    isLoading = false
  }
}

/** Draws nothing until it is loaded, which the first drawing asks for. */
const lazily =
  (viewOf: (module: Later) => View): View =>
  (state, context, actions) => {
    if (later !== undefined) return viewOf(later)(state, context, actions)
    void loadLater(context)
    return nothing
  }

/** The open dialog; its element is there as soon as it can be. */
export const lazyDialogs: View = (state, context, actions) =>
  later === undefined && state.dialog === "none" ? nothing : anyDialog(state, context, actions)

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
