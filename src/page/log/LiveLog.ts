/** One run's log from its last lines on, while it is written: its lines in order, each once. */
import { ApiError } from "../api/ApiError.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import { LineDecoder, linesOf, type LogLine } from "./LineDecoder.ts"
import { tailLines } from "./limits.ts"
import { LineKinds } from "./lineKind.ts"
import type { LogFile } from "./LogFile.ts"
import type { LogStream, StreamListener, StreamState } from "./LogStream.ts"
import { waitMillis } from "./waits.ts"

/** Whom it tells. */
export interface LiveListener extends Pick<StreamListener, "onShutdown" | "onUnauthorized" | "onOther"> {
  /** More lines are whole, or the one that is not has grown. */
  readonly onLines: (lines: ReadonlyArray<LogLine>) => void
  readonly onState: (state: StreamState) => void
}

interface Options {
  readonly api: LooperApi
  readonly file: LogFile
  readonly runId: string
  /** The run has ended: its log is read once. */
  readonly isFinal: boolean
  readonly signal: AbortSignal
}

/** Reads until it is closed by its signal. */
export class LiveLog {
  readonly #options: Options
  readonly #listener: LiveListener
  #decoder = new LineDecoder(0, 1)
  #kinds = new LineKinds(true)
  #stream: LogStream | undefined
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isReachable = true
  #hasOutput = false
  #isOpened = false
  #isBusy = false
  /** Ended or gone: nothing more comes. */
  #isOver = false

  constructor(options: Options, listener: LiveListener) {
    this.#options = options
    this.#listener = listener
    const { signal } = options
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer)
      this.#stream?.close()
    })
    document.addEventListener("visibilitychange", () => document.hidden || this.#tryNow(), { signal })
    addEventListener("online", () => this.#tryNow(), { signal })
    void this.#begin()
  }

  /** Every line before this place is whole and was given out; 0 before the first answer. */
  get boundary(): number {
    return this.#decoder.lineStart
  }

  /** Bytes of the log that are known of. */
  get size(): number {
    return this.#decoder.offset
  }

  /** The number of the line at {@link boundary}. */
  get number(): number | undefined {
    return this.#decoder.number
  }

  get partial(): LogLine | undefined {
    const line = this.#decoder.partial
    if (line !== undefined) line.kind = "plain"
    return line
  }

  /** What codex runs just now. */
  get command(): string | undefined {
    return this.#kinds.command
  }

  /** Something stands behind the header. */
  get hasOutput(): boolean {
    return this.#hasOutput || this.#decoder.offset > this.#decoder.lineStart
  }

  /** The first answer came. */
  get isOpened(): boolean {
    return this.#isOpened
  }

  /** Only a change has an effect: what failed keeps its waits. */
  setReachable(isReachable: boolean): void {
    if (this.#isReachable === isReachable) return
    this.#isReachable = isReachable
    if (!isReachable) clearTimeout(this.#timer)
    this.#stream?.setReachable(isReachable)
    this.#tryNow()
  }

  /** What waits to be tried again waits no longer; a stream hears of it itself. */
  #tryNow(): void {
    if (!this.#isReachable || this.#stream !== undefined || this.#isBusy || this.#isOver) return
    this.#attempt = 0
    void this.#begin()
  }

  /** Reads the tail where it was not read yet, and follows from there. */
  async #begin(): Promise<void> {
    clearTimeout(this.#timer)
    this.#isBusy = true
    const { isFinal, signal } = this.#options
    try {
      if (!this.#isOpened) await this.#open()
      if (isFinal && !signal.aborted) this.#end({ kind: "ended" })
      else if (!signal.aborted) await this.#follow()
      this.#isBusy = false
    } catch (error) {
      this.#isBusy = false
      if (!signal.aborted) this.#afterFailure(error)
    }
  }

  async #open(): Promise<void> {
    const { file, isFinal, signal } = this.#options
    const tail = await file.tail(tailLines)
    if (signal.aborted) return
    const { lines, decoder } = linesOf(tail.bytes, tail)
    this.#decoder = decoder
    this.#kinds = new LineKinds(tail.offset === 0)
    this.#isOpened = true
    this.#attempt = 0
    this.#give(lines)
    if (!isFinal) this.#listener.onState({ kind: "open" })
  }

  /** What reads the stream is loaded once there are lines to see. */
  async #follow(): Promise<void> {
    await nextFrame()
    const { LogStream } = await import("./LogStream.ts")
    const { api, runId, signal } = this.#options
    if (signal.aborted) return
    this.#stream = new LogStream(
      { api, runId, offset: this.#decoder.offset },
      {
        onBytes: (bytes) => this.#give(this.#decoder.push(bytes)),
        onState: (state) => (state.kind === "ended" ? this.#end(state) : this.#listener.onState(state)),
        onShutdown: this.#listener.onShutdown,
        onOther: this.#listener.onOther,
        onUnauthorized: () => this.#onUnauthorized()
      }
    )
    this.#stream.setReachable(this.#isReachable)
  }

  #end(state: StreamState): void {
    this.#isOver = true
    const last = this.#decoder.finish()
    if (last !== undefined) this.#give([last])
    this.#listener.onState(state)
  }

  #give(lines: ReadonlyArray<LogLine>): void {
    for (const line of lines) {
      line.kind = this.#kinds.next(line.text)
      this.#hasOutput ||= line.text !== "" && !line.text.startsWith("# ")
    }
    this.#listener.onLines(lines)
  }

  #afterFailure(failure: unknown): void {
    if (failure instanceof ApiError) {
      if (failure.status === 401) {
        this.#listener.onState({ kind: "broken", nextTryMillis: undefined })
        return this.#onUnauthorized()
      }
      if (failure.status === 404 || failure.status === 410) {
        this.#isOver = true
        return this.#listener.onState({ kind: "gone", reason: failure.message })
      }
    }
    const wait = waitMillis(this.#attempt)
    this.#attempt += 1
    if (this.#isReachable) this.#timer = setTimeout(() => void this.#begin(), wait)
    const nextTryMillis = this.#isReachable ? Date.now() + wait : undefined
    this.#listener.onState({ kind: "broken", nextTryMillis, isNotLoaded: this.#isOpened })
  }

  /** It is asked again once somebody says that Looper would answer. */
  #onUnauthorized(): void {
    this.#isReachable = false
    this.#listener.onUnauthorized()
  }
}

/** Lines that were given out are drawn then; a hidden page has no frames. */
const nextFrame = (): Promise<void> =>
  new Promise((resolve) => (document.hidden ? resolve() : requestAnimationFrame(() => setTimeout(resolve))))
