/** What is not needed at first, as one file: buttons, dialogs, a sequence's steps, and what stands there without a run. */
export { makeDoActions } from "./actions/doActions.ts"
export { goTo } from "./actions/goTo.ts"
export { stepRun } from "./actions/stepRun.ts"
export { dialogs } from "./view/dialogs.ts"
export { emptyView } from "./view/emptyView.ts"
export { stepsView } from "./view/stepsView.ts"
export { tokenForm } from "./view/tokenForm.ts"
