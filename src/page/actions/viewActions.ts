/** What changes only what is seen. */
import { loadLater, notLoadedWords } from "../loadLater.ts"
import type { Histories } from "../state/Histories.ts"
import type { Poll } from "../state/Poll.ts"
import type { Shown } from "../state/Shown.ts"
import type { Context, ViewActions } from "./Actions.ts"

/** The page's own parts. */
export interface ViewParts {
  readonly poll: Poll
  readonly histories: Histories
  readonly shown: Shown
  /** Brings a run of the list into view, and puts the focus there where it shall. */
  readonly reveal: (runId: string, takesFocus?: boolean) => void
}

/** Reading: what is shown. */
export const makeViewActions = ({ store, api }: Context, parts: ViewParts): ViewActions => {
  const { poll, histories, shown, reveal } = parts
  const show = (runId: string | undefined) => {
    shown.show(runId)
    store.update({ notice: undefined })
  }
  const listed = { store, api, histories, show, reveal }
  return {
    showRun: show,
    setFilter: (filter) => histories.setFilter(filter),
    loadOlder: () => void histories.loadOlder(),
    stepRun: (direction) => void loadLater(store).then((later) => later?.stepRun(direction, listed)),
    goTo: async (text) => {
      const later = await loadLater(store)
      return later === undefined ? notLoadedWords(store.state) : await later.goTo(text, listed)
    },
    setTab: (tab) => store.update({ tab }),
    tryNow: () => poll.ask()
  }
}
