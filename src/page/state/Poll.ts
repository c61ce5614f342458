/** Asks how Looper is, as often as it is worth it, and never twice at once. */
import { ApiError, Unreachable } from "../api/ApiError.ts"
import type { Status } from "../api/answers.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import { millisOf } from "../words/time.ts"
import { pollMillis, retryMillis } from "./pollPace.ts"
import type { PageState } from "./PageState.ts"
import type { Store } from "./Store.ts"

/** A clock that differs by less goes on as it was: what ticks would jump. */
const clockToleranceMillis = 750
/** So long an answer waits for what it brings, in milliseconds. */
const beforeMillis = 1_500
/** How long a token that was refused keeps the form shut. */
const refusalMillis = 2_000

/** Keeps `status` and `connection` true. */
export class Poll {
  readonly #store: Store<PageState>
  readonly #api: LooperApi
  readonly #before: (status: Status) => Promise<void>
  #timer: ReturnType<typeof setTimeout> | undefined
  #isAsking = false
  #isWanted = false
  #failures = 0
  #hurryUntil = 0
  #hasClock = false

  /** What an answer brings with it is waited for, a moment at most, so that both are seen at once. */
  constructor(store: Store<PageState>, api: LooperApi, before: (status: Status) => Promise<void>) {
    this.#store = store
    this.#api = api
    this.#before = before
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#schedule() : this.ask()))
    addEventListener("online", () => this.ask())
    addEventListener("pageshow", ({ persisted }) => persisted && this.ask())
  }

  /** Something was asked of Looper just now: looks at once, and often for a while. */
  hurry(): void {
    this.#hurryUntil = Date.now() + 3_000
    if (!this.#isAsking) this.#schedule(100)
  }

  /** Asks now; while an answer is awaited, once more after it. */
  ask(): void {
    if (this.#isAsking) this.#isWanted = true
    else if (!this.#isShut()) void this.#ask()
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer)
    this.#isAsking = true
    const token = this.#api.token
    try {
      const status = await this.#api.get<Status>("status")
      this.#setClock(status)
      await Promise.race([this.#before(status), new Promise((resolve) => setTimeout(resolve, beforeMillis))])
      this.#took(status)
    } catch (error) {
      // A token that was entered meanwhile is asked with, before anything is said of the old one.
      if (token === this.#api.token) this.#failed(error)
      else this.#isWanted = true
    }
    this.#isAsking = false
    if (this.#isWanted && !this.#isShut()) {
      this.#isWanted = false
      void this.#ask()
    } else this.#schedule()
  }

  /** Without a token nothing is asked: each time would count as a failed one. */
  #isShut(): boolean {
    return this.#store.state.connection.kind === "unauthorized" && this.#api.token === undefined
  }

  #setClock(status: Status): void {
    const serverMillis = millisOf(status.server_time)
    if (serverMillis !== undefined) {
      const isOff = Math.abs(serverMillis - this.#api.now()) > clockToleranceMillis
      if (isOff || !this.#hasClock) this.#api.tellTime(serverMillis)
      this.#hasClock = true
    }
  }

  #took(status: Status): void {
    this.#failures = 0
    const nowMillis = this.#api.now()
    this.#store.update({ status, statusAtMillis: nowMillis, nowMillis, connection: { kind: "online" } })
  }

  #failed(error: unknown): void {
    const nowMillis = this.#api.now()
    const { connection } = this.#store.state
    if (error instanceof ApiError && error.status === 401) {
      const isRefused = this.#api.token !== undefined
      const notBeforeMillis = isRefused ? nowMillis + refusalMillis : undefined
      this.#api.token = undefined
      if (connection.kind === "unauthorized" && !isRefused) return
      this.#store.update({ nowMillis, connection: { kind: "unauthorized", isRefused, notBeforeMillis } })
    } else if (error instanceof ApiError && error.status === 403) {
      this.#store.update({ nowMillis, connection: { kind: "forbidden", error: error.message } })
    } else if (error instanceof ApiError && error.code === "shutting_down") {
      this.#failures = 0
      this.#store.update({ nowMillis, connection: shuttingDown(error) })
    } else {
      if (!(error instanceof ApiError || error instanceof Unreachable)) console.error(error)
      // It has closed its door, and ends its run behind it.
      if (connection.kind === "shuttingDown" && nowMillis < (connection.deadlineMillis ?? 0)) {
        return this.#store.update({ nowMillis })
      }
      this.#failures += 1
      const sinceMillis = connection.kind === "unreachable" ? connection.sinceMillis : nowMillis
      const nextTryMillis = nowMillis + retryMillis(this.#failures)
      const hasEndedRun =
        connection.kind === "unreachable"
          ? connection.hasEndedRun
          : connection.kind === "shuttingDown" && !connection.leavesRun
      this.#store.update({ nowMillis, connection: { kind: "unreachable", sinceMillis, nextTryMillis, hasEndedRun } })
    }
  }

  #schedule(millis = pollMillis(this.#store.state, document.hidden, Date.now() < this.#hurryUntil)): void {
    clearTimeout(this.#timer)
    const { connection } = this.#store.state
    // Without a token nothing is asked.
    if (connection.kind === "unauthorized") return
    const wait = connection.kind === "unreachable" ? connection.nextTryMillis - this.#api.now() : millis
    this.#timer = setTimeout(() => this.ask(), Math.max(0, wait))
  }
}

const shuttingDown = ({ body }: ApiError): PageState["connection"] => ({
  kind: "shuttingDown",
  deadlineMillis: typeof body.deadline_at === "string" ? millisOf(body.deadline_at) : undefined,
  leavesRun: body.on_shutdown === "leave"
})
