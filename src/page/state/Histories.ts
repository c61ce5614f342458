/** Loads the history: its newest page when a run begins or ends, older ones as they are wanted. */
import type { LooperApi } from "../api/LooperApi.ts"
import type { RunDetails, RunsPage, Status } from "../api/answers.ts"
import { endedLast } from "../words/runWords.ts"
import { historyKey, runsPath, withNewest, withOlder } from "./historyPages.ts"
import type { HistoryFilter, PageState } from "./PageState.ts"
import type { Store } from "./Store.ts"

/** Bars of the chart. */
export const recentRuns = 44
/** The history is asked for again after so long, whatever happened. */
const staleMillis = 60_000
/** While nothing runs, after so long: a run may begin and end between two looks at the status. */
const idleStaleMillis = 5_000

/** Keeps `history`, `recent` and `lastDetails` true. */
export class Histories {
  readonly #store: Store<PageState>
  readonly #api: LooperApi
  #key = ""
  #loadedAtMillis = 0
  #isRefreshing = false
  #isAgain = false

  constructor(store: Store<PageState>, api: LooperApi) {
    this.#store = store
    this.#api = api
  }

  /** What was seen is forgotten, so that all of it is asked for again. */
  reset(): void {
    this.#loadedAtMillis = 0
  }

  /** Looks whether something began or ended, and what. */
  async onStatus(status: Status): Promise<void> {
    const key = historyKey(status)
    const isIdle = status.run === null && status.holder === null
    const isStale = Date.now() - this.#loadedAtMillis > (isIdle ? idleStaleMillis : staleMillis)
    if (key !== this.#key || isStale || this.#store.state.history.error !== undefined) await this.refresh(key)
  }

  /** Loads the newest page anew. */
  async refresh(key = this.#key): Promise<void> {
    if (this.#isRefreshing) {
      this.#isAgain = true
      return
    }
    this.#isRefreshing = true
    this.#key = key
    this.#loadedAtMillis = Date.now()
    const { filter } = this.#store.state.history
    try {
      const all = filter === "all" ? undefined : await this.#api.get<RunsPage>(`runs?limit=${recentRuns}`)
      const page = await this.#api.get<RunsPage>(runsPath(filter))
      const { runs } = all ?? page
      const recent = runs.slice(0, recentRuns)
      const lastDetails = await this.#details(recent)
      // Somebody who chose another filter meanwhile sees that one's.
      const { history } = this.#store.state
      if (history.filter === filter) this.#store.update({ history: withNewest(history, page) })
      else this.#isAgain = true
      this.#store.update({ recent, lastDetails })
    } catch (error) {
      this.#fail(error)
      this.#key = ""
    }
    this.#isRefreshing = false
    if (!this.#isAgain) return
    this.#isAgain = false
    await this.refresh()
  }

  /** Steps of the run that ended last, where they tell why it was not started. */
  async #details(recent: PageState["recent"]): Promise<RunDetails | undefined> {
    const last = endedLast(recent)
    if (last?.state !== "failed") return undefined
    const { lastDetails } = this.#store.state
    if (lastDetails?.request_id === last.request_id && lastDetails.state === last.state) return lastDetails
    const { run } = await this.#api.get<{ readonly run: RunDetails }>(`runs/${last.request_id}`)
    return run
  }

  /** Shows another part. */
  setFilter(filter: HistoryFilter): void {
    const { history } = this.#store.state
    if (history.filter === filter) return
    this.#store.update({ history: { ...history, filter, runs: [], nextCursor: undefined, error: undefined } })
    void this.refresh()
  }

  /** Loads the next page of older ones; `limit` runs of them. */
  async loadOlder(limit?: number): Promise<void> {
    const { history } = this.#store.state
    const { filter, nextCursor, isLoading } = history
    if (isLoading || typeof nextCursor !== "string") return
    this.#store.update({ history: { ...history, isLoading: true } })
    try {
      const page = await this.#api.get<RunsPage>(runsPath(filter, nextCursor, limit))
      const now = this.#store.state.history
      if (now.filter === filter && now.nextCursor === nextCursor) this.#store.update({ history: withOlder(now, page) })
    } catch (error) {
      this.#fail(error)
    }
    // Whatever came of it: the list was replaced meanwhile, too.
    const now = this.#store.state.history
    if (now.isLoading) this.#store.update({ history: { ...now, isLoading: false } })
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#store.update({ history: { ...this.#store.state.history, error: message } })
  }
}
