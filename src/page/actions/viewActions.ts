/** What changes only what is seen. */
import { ApiError } from "../api/ApiError.ts"
import type { RunDetails, RunsPage } from "../api/answers.ts"
import type { Histories } from "../state/Histories.ts"
import { targetOf } from "../state/historyPages.ts"
import type { Poll } from "../state/Poll.ts"
import type { Shown } from "../state/Shown.ts"
import { fullTime, millisOf } from "../words/time.ts"
import type { Context, ViewActions } from "./Actions.ts"

/** Runs a request where many are passed over. */
const strideRuns = 500

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
  /** Loads the list down to a time, so that the run is there to be seen. */
  const loadDownTo = async (millis: number) => {
    for (;;) {
      const { history } = store.state
      const last = history.runs.at(-1)
      if (last === undefined || (millisOf(last.started_at) ?? 0) <= millis) return
      if (typeof history.nextCursor !== "string" || history.error !== undefined) return
      await histories.loadOlder(strideRuns)
      if (store.state.history.nextCursor === history.nextCursor) return
    }
  }
  const open = async (run: { readonly request_id: string; readonly started_at: string }) => {
    show(run.request_id)
    await loadDownTo(millisOf(run.started_at) ?? 0)
    reveal(run.request_id)
  }
  const openId = async (id: string): Promise<string | undefined> => {
    try {
      await open((await api.get<{ readonly run: RunDetails }>(`runs/${id}`)).run)
      return undefined
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return `There is no run ${id}.`
      throw error
    }
  }
  const openBefore = async (millis: number): Promise<string | undefined> => {
    const { runs } = await api.get<RunsPage>(`runs?limit=1&before=${new Date(millis).toISOString()}`)
    const [run] = runs
    if (run === undefined) return `No run started before ${fullTime(millis).split(",").slice(0, 2).join(",")}.`
    await open(run)
    return undefined
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
      const target = targetOf(text, api.now())
      if (target === undefined) return "That is neither a run's id nor a date such as 2026-11-22 or 13:57."
      try {
        if (target.kind === "time") return await openBefore(target.beforeMillis)
        if (target.isWhole) return await openId(target.id)
      } catch (error) {
        return error instanceof Error ? `${error.message}.` : String(error)
      }
      const run = store.state.history.runs.find(({ request_id }) => request_id.startsWith(target.id))
      if (run === undefined) return `No run of those that are loaded begins with ${target.id}.`
      await open(run)
      return undefined
    },
    setTab: (tab) => store.update({ tab }),
    tryNow: () => poll.ask()
  }
}
