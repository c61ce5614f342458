/** Which run is open below the band: the one that the address names, or the newest as long as somebody follows. */
import type { Run, RunDetails } from "../api/answers.ts"
import { ApiError } from "../api/ApiError.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import type { LogPlace } from "../log/LogPane.ts"
import { fragmentOf } from "../log/place.ts"
import { addressOf, searchFor } from "./address.ts"
import type { PageState } from "./PageState.ts"
import { newestRun } from "./newestRun.ts"
import { promptOf } from "./promptOf.ts"
import type { Store } from "./Store.ts"

/** A header lies within; a prompt is one argument, so it has an end. */
const headerBytes = 262_144

/** State of the browser's history, so that it outlives a reload: only a mark in its log pins the run. */
const byMark = "mark"

/** Keeps `pinnedRunId`, `shownRun`, `newerRunId` and `prompt` true. */
export class Shown {
  readonly #store: Store<PageState>
  readonly #api: LooperApi
  #place: LogPlace | undefined
  /** Is it read now, or was it: not again. */
  #promptAsked = ""
  #detailsAsked = ""
  /** The log was followed to its end, and is not left since. */
  #hasFollowed = true
  /** It was followed as long as it grew: who comes to the end of one that has ended only finishes it. */
  #wasFollowed = true

  constructor(store: Store<PageState>, api: LooperApi) {
    this.#store = store
    this.#api = api
    this.#read()
    addEventListener("popstate", () => {
      const { pinnedRunId } = store.state
      this.#read()
      // A place in the same log is no other run.
      if (store.state.pinnedRunId !== pinnedRunId) this.#open(store.state.pinnedRunId)
      else this.choose()
    })
  }

  #read(): void {
    const { runId, place } = addressOf(location)
    this.#place = place
    this.#detailsAsked = ""
    this.#store.update({ pinnedRunId: runId, newerRunId: undefined })
  }

  /** Bytes of the open run's log that the address points at; told once. */
  takePlace(run: Run | undefined): LogPlace | undefined {
    const { pinnedRunId } = this.#store.state
    if (run === undefined || (pinnedRunId !== undefined && pinnedRunId !== run.request_id)) return undefined
    const place = this.#place
    this.#place = undefined
    return place
  }

  /** Opens a run and writes it into the address. */
  show(runId: string | undefined): void {
    const search = searchFor(runId, location.search)
    if (search !== location.search || location.hash !== "") {
      history.pushState(null, "", `${location.pathname}${search}`)
    }
    this.#open(runId)
  }

  /** Something of a run's log is marked, or nothing any more: the address says so, and pins the run as long. */
  mark(runId: string, place: LogPlace | undefined): void {
    const isFree = this.#store.state.pinnedRunId === undefined || history.state === byMark
    const pinnedRunId = isFree && place === undefined ? undefined : runId
    const address = searchFor(pinnedRunId, location.search) + (place === undefined ? "" : fragmentOf(place))
    history.replaceState(isFree && place !== undefined ? byMark : null, "", location.pathname + address)
    this.#store.update({ pinnedRunId })
  }

  /** What was seen is forgotten, so that all of it is asked for again. */
  reset(): void {
    this.#promptAsked = ""
    this.#detailsAsked = ""
    this.#follow()
  }

  #open(runId: string | undefined): void {
    this.#detailsAsked = ""
    this.#follow()
    this.#store.update({
      pinnedRunId: runId,
      newerRunId: undefined,
      missingRun: undefined,
      ...(runId === undefined && { shownRun: undefined })
    })
    this.choose()
  }

  /** The log says how it is read. */
  onLog({ stream, isFollowing }: PageState["log"]): void {
    if (stream === "none" || this.#store.state.newerRunId !== undefined) return
    if (stream !== "ended") this.#wasFollowed = isFollowing
    this.#hasFollowed = this.#wasFollowed && isFollowing
  }

  #follow(): void {
    this.#hasFollowed = true
    this.#wasFollowed = true
  }

  /** Takes what is newest into what is shown. */
  choose(): void {
    const { pinnedRunId, shownRun, status, recent } = this.#store.state
    const newest = newestRun(this.#store.state)
    const known = (id: string): Run | undefined => {
      if (status?.run?.request_id === id) return status.run
      return (
        recent.find((run) => run.request_id === id) ??
        this.#store.state.history.runs.find((run) => run.request_id === id)
      )
    }
    if (pinnedRunId !== undefined) {
      const run = known(pinnedRunId)
      if (run !== undefined) this.#update(run)
      else void this.#find(pinnedRunId)
      if (history.state === byMark) this.#offer(newest)
      return
    }
    if (newest === undefined) return
    if (shownRun === undefined || shownRun.request_id === newest.request_id) {
      this.#update(newest)
      // A start that was named may have failed.
      return this.#offer(newest)
    }
    if (this.#hasFollowed || (shownRun.log_path === null && !shownRun.is_log_pruned)) {
      this.#update(newest)
      return
    }
    const current = known(shownRun.request_id)
    if (current !== undefined) this.#update(current)
    this.#offer(newest)
  }

  #offer(newest: Run | undefined): void {
    const { newerRunId, shownRun } = this.#store.state
    const offered = newest?.request_id === shownRun?.request_id ? undefined : newest?.request_id
    if (offered !== newerRunId) this.#store.update({ newerRunId: offered })
  }

  #update(run: Run): void {
    const { shownRun, newerRunId } = this.#store.state
    if (shownRun?.request_id !== run.request_id) this.#follow()
    if (newerRunId === run.request_id) this.#store.update({ newerRunId: undefined })
    if (shownRun !== run) this.#store.update({ shownRun: run })
    void this.#readPrompt(run)
  }

  async #find(id: string): Promise<void> {
    const { shownRun } = this.#store.state
    if (this.#detailsAsked === id || shownRun?.request_id === id) return
    this.#detailsAsked = id
    try {
      const { run } = await this.#api.get<{ readonly run: RunDetails }>(`runs/${id}`)
      if (this.#store.state.pinnedRunId === id) this.#update(run)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#store.update({ missingRun: error.message })
      else this.#detailsAsked = ""
    }
  }

  async #readPrompt(run: Run): Promise<void> {
    const runId = run.request_id
    // The header is there before the launch.
    if (this.#promptAsked === runId) return
    this.#promptAsked = runId
    const text = run.log_path === null || run.is_log_pruned ? undefined : await this.#promptText(runId)
    if (this.#promptAsked === runId) this.#store.update({ prompt: { runId, text } })
  }

  async #promptText(runId: string): Promise<string | undefined> {
    try {
      const response = await this.#api.fetch(`runs/${runId}/log`, { headers: { Range: `bytes=0-${headerBytes - 1}` } })
      return response.ok ? promptOf(await response.text()) : undefined
    } catch {
      // Asked again with the next answer.
      this.#promptAsked = ""
      return undefined
    }
  }
}
