/** Parts of one run's log, by their bytes. */
import { ApiError } from "../api/ApiError.ts"
import type { LooperApi } from "../api/LooperApi.ts"

/** Bytes of a log. */
export interface LogPiece {
  /** Of the first byte. */
  readonly offset: number
  readonly bytes: Uint8Array
  /** Of the line in which the first byte lies, from 1; `undefined` where Looper did not say. */
  readonly number: number | undefined
  /** Of the whole log, as far as the answer tells it. */
  readonly size: number
}

/** Of the end of a log so many bytes are asked for at most, however long its lines are. */
const maxTailBytes = 4_000_000

/** The address of a run's log, below the page's. */
export const logPath = (runId: string): string => `runs/${encodeURIComponent(runId)}/log`

/** The name of a log that was downloaded. */
export const fileNameOf = (runId: string): string => `${runId}.log`

/** Reads one run's log; every reading fails as {@link LooperApi.fetch} does, or with {@link ApiError}. */
export class LogFile {
  readonly #api: LooperApi
  readonly #path: string
  readonly #signal: AbortSignal

  constructor(api: LooperApi, runId: string, signal: AbortSignal) {
    this.#api = api
    this.#path = logPath(runId)
    this.#signal = signal
  }

  /** The last lines; less where they are long. */
  async tail(lines: number): Promise<LogPiece & { readonly isLineStart: boolean }> {
    const leave = new AbortController()
    const response = await this.#ask(`?tail=${lines}&numbered=1`, {}, leave.signal)
    const length = Number(response.headers.get("Content-Length") ?? 0)
    if (length <= maxTailBytes) return { ...(await piece(response)), isLineStart: true }
    const end = Number(response.headers.get("X-Log-Offset")) + length
    leave.abort()
    return { ...(await this.range(end - maxTailBytes, end)), isLineStart: false }
  }

  /** Bytes from `start` on, before `end`; fewer where the log ends before. */
  async range(start: number, end: number): Promise<LogPiece> {
    if (end <= start) return { offset: start, bytes: new Uint8Array(), number: undefined, size: start }
    return piece(await this.#ask("?numbered=1", { Range: `bytes=${start}-${end - 1}` }))
  }

  async #ask(query: string, headers: Record<string, string>, leave?: AbortSignal): Promise<Response> {
    const signal = leave === undefined ? this.#signal : AbortSignal.any([this.#signal, leave])
    const response = await this.#api.fetch(this.#path + query, { headers, signal })
    if (response.ok) return response
    throw await errorOf(response)
  }
}

const piece = async (response: Response): Promise<LogPiece> => {
  const bytes = new Uint8Array(await response.arrayBuffer())
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "") ?? []
  const offset = Number(first ?? response.headers.get("X-Log-Offset") ?? 0)
  const line = response.headers.get("X-Log-Line")
  const number = line === null ? (offset === 0 ? 1 : undefined) : Number(line)
  return { offset, bytes, number, size: total === undefined ? offset + bytes.length : Number(total) }
}

/** What Looper, or something before it, answered instead of a log. */
export const errorOf = async (response: Response): Promise<ApiError> => {
  const body: unknown = await response.json().catch(() => undefined)
  return new ApiError(
    response.status,
    typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {}
  )
}
