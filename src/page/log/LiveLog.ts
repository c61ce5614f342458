/** One run's log from its last lines on, while it is written: its lines in order, each once. */
import { ApiError } from "../api/ApiError.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import { LineDecoder, linesOf, type LogLine } from "./LineDecoder.ts"
import { tailLines } from "./limits.ts"
import { LineKinds } from "./lineKind.ts"
import type { LogFile } from "./LogFile.ts"
import { LogStream, type StreamListener, type StreamState } from "./LogStream.ts"
import { waitMillis } from "./waits.ts"

/** Whom it tells. */
export interface LiveListener extends Pick<StreamListener, "onShutdown" | "onUnauthorized"> {
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
  #isOpening = false

  constructor(options: Options, listener: LiveListener) {
    this.#options = options
    this.#listener = listener
    options.signal.addEventListener("abort", () => {
      clearTimeout(this.#timer)
      this.#stream?.close()
    })
    void this.#open()
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

  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable
    if (!isReachable) clearTimeout(this.#timer)
    this.#stream?.setReachable(isReachable)
    if (isReachable && !this.#isOpened && !this.#isOpening) void this.#open()
  }

  async #open(): Promise<void> {
    clearTimeout(this.#timer)
    this.#isOpening = true
    const { api, file, runId, isFinal, signal } = this.#options
    try {
      const tail = await file.tail(tailLines)
      if (signal.aborted) return
      this.#isOpening = false
      const { lines, decoder } = linesOf(tail.bytes, tail)
      this.#decoder = decoder
      this.#kinds = new LineKinds(tail.offset === 0)
      this.#isOpened = true
      this.#give(lines)
    } catch (error) {
      this.#isOpening = false
      if (!signal.aborted) this.#afterFailure(error)
      return
    }
    if (isFinal) return this.#end({ kind: "ended" })
    this.#listener.onState({ kind: "open" })
    this.#stream = new LogStream(
      { api, runId, offset: this.#decoder.offset },
      {
        onBytes: (bytes) => this.#give(this.#decoder.push(bytes)),
        onState: (state) => (state.kind === "ended" ? this.#end(state) : this.#listener.onState(state)),
        onShutdown: this.#listener.onShutdown,
        onUnauthorized: this.#listener.onUnauthorized
      }
    )
    this.#stream.setReachable(this.#isReachable)
  }

  #end(state: StreamState): void {
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
        this.#isReachable = false
        return this.#listener.onUnauthorized()
      }
      if (failure.status === 404 || failure.status === 410) {
        return this.#listener.onState({ kind: "gone", reason: failure.message })
      }
    }
    const wait = waitMillis(this.#attempt)
    this.#attempt += 1
    if (this.#isReachable) this.#timer = setTimeout(() => void this.#open(), wait)
    this.#listener.onState({ kind: "broken", nextTryMillis: this.#isReachable ? Date.now() + wait : undefined })
  }
}
