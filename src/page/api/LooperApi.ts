/** Requests to the Looper that served the page, with its token. */
import { keep, kept } from "../storage.ts"
import { ApiError, Unreachable } from "./ApiError.ts"

const tokenKey = "looper.token"

/** How long an answer may take, in milliseconds; a sequence (`POST /run`) takes as long as it takes. */
const patienceMillis = 10_000

/** Speaks to this page's origin alone. */
export class LooperApi {
  /** The server's clock minus this one, in milliseconds, by the last answer's `Date`; a second exact. */
  #clockOffsetMillis = 0

  /** Of a tab that may keep none. */
  #token: string | undefined

  /** Kept for this tab, until it is closed; never in an address, a title or a log. */
  get token(): string | undefined {
    return kept("sessionStorage", tokenKey) ?? this.#token
  }

  set token(token: string | undefined) {
    this.#token = token
    keep("sessionStorage", tokenKey, token)
  }

  /** The server's time now, in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#clockOffsetMillis
  }

  /** Sets the server's clock by a time that it told just now. */
  tellTime(serverMillis: number): void {
    this.#clockOffsetMillis = serverMillis - Date.now()
  }

  /** An answer as it is, whatever its status; fails with {@link Unreachable} alone, or as its signal aborts. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    const { token } = this
    if (token !== undefined) headers.set("Authorization", `Bearer ${token}`)
    try {
      return await fetch(new URL(path, document.baseURI), { ...init, headers, cache: "no-store", redirect: "error" })
    } catch (error) {
      if (init.signal?.aborted === true && init.signal.reason?.name !== "TimeoutError") throw error
      throw new Unreachable("Looper does not answer", { cause: error })
    }
  }

  /** `GET` of JSON; fails with {@link ApiError} or {@link Unreachable}. */
  async get<Answer>(path: string): Promise<Answer> {
    return json<Answer>(await this.fetch(path, { signal: AbortSignal.timeout(patienceMillis) }))
  }

  /** `POST` of JSON, as {@link get}; without a limit of time. */
  async post<Answer>(path: string, body: object = {}, idempotencyKey?: string): Promise<Answer> {
    const headers = new Headers({ "Content-Type": "application/json" })
    if (idempotencyKey !== undefined) headers.set("Idempotency-Key", idempotencyKey)
    return json<Answer>(await this.fetch(path, { method: "POST", body: JSON.stringify(body), headers }))
  }
}

const json = async <Answer>(response: Response): Promise<Answer> => {
  const text = await response.text().catch((error: unknown) => {
    throw new Unreachable("the answer broke off", { cause: error })
  })
  const body = parse(text)
  if (response.ok && body !== undefined) return body as Answer
  throw new ApiError(response.status, body ?? { error: `HTTP ${response.status}: ${text.slice(0, 200)}` })
}

const parse = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
