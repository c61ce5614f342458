/** Loads the history as far as somebody goes in it. */
import type { Histories } from "../state/Histories.ts"
import { millisOf } from "../words/time.ts"
import type { Context } from "./Actions.ts"

/** Runs a request where many are passed over. */
const strideRuns = 500

/** The parts of the page that have to do with the list of runs. */
export interface ListParts extends Context {
  readonly histories: Histories
  readonly show: (runId: string) => void
  /** Brings a run of the list into view, and puts the focus there where it shall. */
  readonly reveal: (runId: string, takesFocus?: boolean) => void
}

/** Until a run is listed that started then, or before. */
export const loadDownTo = async ({ store, histories }: ListParts, millis: number): Promise<void> => {
  for (;;) {
    const { history } = store.state
    const last = history.runs.at(-1)
    if (last === undefined || (millisOf(last.started_at) ?? 0) <= millis) return
    if (typeof history.nextCursor !== "string" || history.error !== undefined) return
    await histories.loadOlder(strideRuns)
    if (store.state.history.nextCursor === history.nextCursor) return
  }
}
