/** What changes something, loaded with the first button that does it, or before. */
import { loadLater, notLoadedWords } from "../loadLater.ts"
import type { Context, DoActions } from "./Actions.ts"

/** Makes them: each is done at once where the code is there, else when it is. */
export const makeLaterActions = (context: Context): DoActions => {
  const { store } = context
  let acts: DoActions | undefined
  const act = async (todo: (acts: DoActions) => void) => {
    const later = await loadLater(store)
    if (later === undefined) return store.update({ notice: notLoadedWords(store.state) })
    acts ??= later.makeDoActions(context)
    todo(acts)
  }
  const does = (todo: (acts: DoActions) => void): void => {
    if (acts === undefined) void act(todo)
    else todo(acts)
  }
  return {
    openDialog: (dialog) => does((acts) => acts.openDialog(dialog)),
    closeDialog: () => does((acts) => acts.closeDialog()),
    editForm: (texts) => does((acts) => acts.editForm(texts)),
    submitForm: () => does((acts) => acts.submitForm()),
    stop: () => does((acts) => acts.stop()),
    keepRunning: () => does((acts) => acts.keepRunning()),
    cancelStart: () => does((acts) => acts.cancelStart()),
    startDefaultNow: () => does((acts) => acts.startDefaultNow()),
    checkNow: () => does((acts) => acts.checkNow()),
    pauseAutopoll: () => does((acts) => acts.pauseAutopoll()),
    resumeAutopoll: () => does((acts) => acts.resumeAutopoll()),
    enterToken: (token) => does((acts) => acts.enterToken(token)),
    setSettings: (settings) => does((acts) => acts.setSettings(settings)),
    dropNotice: () => does((acts) => acts.dropNotice())
  }
}
