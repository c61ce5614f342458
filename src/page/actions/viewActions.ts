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
  /** Brings a run of the list into view. */
  readonly reveal: (runId: string) => void
}

/** Reading: what is shown. */
export const makeViewActions = ({ store, api }: Context, parts: ViewParts): ViewActions => {
  const { poll, histories, shown, reveal } = parts
  const show = (runId: string | undefined) => {
    shown.show(runId)
    store.update({ notice: undefined })
  }
  return {
    showRun: show,
    setFilter: (filter) => histories.setFilter(filter),
    loadOlder: () => void histories.loadOlder(),
    stepRun: (direction) => {
      const { history, shownRun } = store.state
      const index = history.runs.findIndex((run) => run.request_id === shownRun?.request_id)
      const next = history.runs[index === -1 ? 0 : index + direction]
      if (next === undefined) return
      show(next.request_id)
      reveal(next.request_id)
      if (index + direction > history.runs.length - 5) void histories.loadOlder()
    },
    goTo: async (text) => {
      const later = await loadLater(store)
      if (later === undefined) return notLoadedWords(store.state)
      return await later.goTo(text, { store, api, histories, show, reveal })
    },
    setTab: (tab) => store.update({ tab }),
    tryNow: () => poll.ask()
  }
}
