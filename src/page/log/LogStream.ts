/** Follows a run's log from an offset over broken connections: every byte once, in order. */
import { ApiError, Unreachable } from "../api/ApiError.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import type { FollowedEvent } from "./LogEvents.ts"
import { readEvents } from "./LogEvents.ts"
import { errorOf, logPath } from "./LogFile.ts"
import { waitMillis } from "./waits.ts"

/** How the stream stands. */
export type StreamState =
  | { readonly kind: "open" }
  /**
   * `nextTryMillis` by this browser's clock; `undefined`: it waits until somebody says that Looper answers. `isNotLoaded`:
   * what reads the stream could not be loaded, and some browsers try that once only.
   */
  | { readonly kind: "broken"; readonly nextTryMillis: number | undefined; readonly isNotLoaded?: boolean }
  /** Nobody looks: closed, and opened again when somebody does. */
  | { readonly kind: "resting" }
  | { readonly kind: "ended" }
  | { readonly kind: "gone"; readonly reason: string }

/** Whom it tells. */
export interface StreamListener {
  readonly onBytes: (bytes: Uint8Array) => void
  readonly onState: (state: StreamState) => void
  readonly onShutdown: (shutdown: { readonly deadlineMillis: number | undefined; readonly leavesRun: boolean }) => void
  readonly onUnauthorized: () => void
  /** What comes does not go on where this log stands, so that it is another one: this stream is over. */
  readonly onOther: () => void
}

/** A hidden page gives its connection back after so long, in milliseconds: a browser has six for all its tabs. */
const hiddenMillis = 30_000

/** A connection that stood for so long has held, whatever came over it, in milliseconds. */
const heldMillis = 5_000

/** After so long another log is told of, in milliseconds: who begins anew may find yet another. */
const otherMillis = 4_000

/** One stream; {@link close} is its end. */
export class LogStream {
  readonly #api: LooperApi
  readonly #path: string
  readonly #listener: StreamListener
  readonly #closed = new AbortController()
  #connection: AbortController | undefined
  #offset: number
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined
  #isReachable = true
  #isOver = false

  constructor(
    options: { readonly api: LooperApi; readonly runId: string; readonly offset: number },
    to: StreamListener
  ) {
    this.#api = options.api
    this.#path = `${logPath(options.runId)}?follow=1`
    this.#offset = options.offset
    this.#listener = to
    const { signal } = this.#closed
    document.addEventListener("visibilitychange", () => this.#onVisibility(), { signal })
    globalThis.addEventListener("online", () => this.tryNow(), { signal })
    this.#restWhileHidden()
    void this.#connect()
  }

  /** Behind the last byte that came. */
  get offset(): number {
    return this.#offset
  }

  /** Opens a broken connection at once. */
  tryNow(): void {
    if (this.#connection !== undefined || this.#isOver || document.hidden) return
    this.#attempt = 0
    void this.#connect()
  }

  /** While Looper does not answer nobody is asked. */
  setReachable(isReachable: boolean): void {
    if (this.#isReachable === isReachable || this.#isOver) return
    this.#isReachable = isReachable
    if (isReachable) this.tryNow()
    else if (this.#timer !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#listener.onState({ kind: "broken", nextTryMillis: undefined })
    }
  }

  close(): void {
    this.#isOver = true
    this.#closed.abort()
    this.#connection?.abort()
    clearTimeout(this.#timer)
    clearTimeout(this.#hiddenTimer)
  }

  #onVisibility(): void {
    clearTimeout(this.#hiddenTimer)
    if (document.hidden) this.#restWhileHidden()
    else this.tryNow()
  }

  #restWhileHidden(): void {
    if (!document.hidden) return
    this.#hiddenTimer = setTimeout(() => {
      if (this.#isOver) return
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#connection?.abort()
      this.#listener.onState({ kind: "resting" })
    }, hiddenMillis)
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const connection = new AbortController()
    this.#connection = connection
    let failure: unknown
    try {
      await this.#read(connection.signal)
    } catch (error) {
      failure = error
    }
    this.#connection = undefined
    if (this.#isOver) return
    // Given back: becoming visible opens it again, maybe before this was reached.
    if (connection.signal.aborted) return document.hidden ? undefined : this.tryNow()
    this.#afterFailure(failure)
  }

  async #read(signal: AbortSignal): Promise<void> {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(this.#offset) }
    const response = await this.#api.fetch(this.#path, { headers, signal })
    if (!response.ok) throw await errorOf(response)
    if (response.body === null) throw new Unreachable("the log has no body")
    this.#listener.onState({ kind: "open" })
    const heldAtMillis = performance.now() + heldMillis
    try {
      await readEvents(response.body, (event) => !signal.aborted && this.#take(event))
    } finally {
      if (performance.now() >= heldAtMillis) this.#attempt = 0
    }
  }

  /** Answers whether the connection is good for more. */
  #take(event: FollowedEvent): boolean {
    switch (event.kind) {
      case "bytes":
        if (event.end - event.bytes.length !== this.#offset) return this.#other()
        this.#offset = event.end
        this.#attempt = 0
        this.#listener.onBytes(event.bytes)
        return true
      case "end":
        if (event.end !== undefined && event.end !== this.#offset) return this.#other()
        this.#finish({ kind: "ended" })
        return false
      case "gone":
        this.#finish({ kind: "gone", reason: event.reason })
        return false
      case "shutdown":
        this.#listener.onShutdown({ deadlineMillis: event.deadlineMillis, leavesRun: event.leavesRun })
        return true
      case "unknown":
        return true
    }
  }

  #other(): false {
    this.close()
    this.#timer = setTimeout(() => this.#listener.onOther(), otherMillis)
    this.#listener.onState({ kind: "broken", nextTryMillis: Date.now() + otherMillis })
    return false
  }

  #finish(state: StreamState): void {
    this.#isOver = true
    this.#closed.abort()
    this.#listener.onState(state)
  }

  #afterFailure(failure: unknown): void {
    if (failure instanceof ApiError) {
      if (failure.status === 401) {
        this.#isReachable = false
        this.#listener.onState({ kind: "broken", nextTryMillis: undefined })
        return this.#listener.onUnauthorized()
      }
      // The log is pruned or lost (404, 410), or shorter than what was read of it (416).
      if ([404, 410, 416].includes(failure.status)) return this.#finish({ kind: "gone", reason: failure.message })
    }
    if (!this.#isReachable || document.hidden) {
      return this.#listener.onState({ kind: "broken", nextTryMillis: undefined })
    }
    const wait = waitMillis(this.#attempt)
    this.#attempt += 1
    this.#timer = setTimeout(() => void this.#connect(), wait)
    this.#listener.onState({ kind: "broken", nextTryMillis: Date.now() + wait })
  }
}
