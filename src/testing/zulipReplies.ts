/** What a scripted Zulip server may answer instead of behaving like one. */
import type { IncomingHttpHeaders } from "node:http"

/** One request as it arrived; recorded before it is answered. */
export interface ZulipServerRequest {
  readonly method: string
  /** Below `/api/v1`, without the query: `/messages`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
}

/** An answer to write. */
export interface ZulipAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * - `Behave`: as the real server, plus these fields in a success.
 * - `Answer`: these bytes; nothing is stored.
 * - `Override`: the message is stored, but the client gets these bytes, as from a proxy that lost patience.
 * - `SlowHeaders`, `SlowBody`: the message is stored, but the client gets nothing, or half a body, until a side closes.
 * - `Reset`: the connection breaks; `beforeHeaders` stores nothing, `afterStoring` stores and answers nothing,
 *   `afterHeaders` stores and breaks in the middle of the body.
 */
export type ZulipServerReply =
  | { readonly _tag: "Behave"; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly _tag: "Answer"; readonly answer: ZulipAnswer }
  | { readonly _tag: "Override"; readonly answer: ZulipAnswer }
  | { readonly _tag: "SlowHeaders" }
  | { readonly _tag: "SlowBody" }
  | { readonly _tag: "Reset"; readonly at: "beforeHeaders" | "afterHeaders" | "afterStoring" }

/** A reply, or a function that chooses one by the request. */
export type ZulipServerScript = ZulipServerReply | ((request: ZulipServerRequest) => ZulipServerReply)

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): ZulipAnswer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

/** A success with these fields. */
export const success = (fields: Readonly<Record<string, unknown>>): ZulipAnswer =>
  json(200, { result: "success", msg: "", ...fields })

/** An error in the form of Zulip; servers before feature level 36 send no `code`. */
export const failure = (
  status: number,
  code: string | undefined,
  msg: string,
  fields: Readonly<Record<string, unknown>> = {}
): ZulipAnswer => {
  const headers = status === 401 ? { "www-authenticate": 'Basic realm="zulip"' } : {}
  return json(status, { result: "error", msg, ...(code === undefined ? {} : { code }), ...fields }, headers)
}

/** Ready-made scripts for {@link ZulipServerScript}. */
export const zulipReplies = {
  /** Behaves, and says which parameters it does not know. */
  ok: (fields: Readonly<Record<string, unknown>> = {}): ZulipServerReply => ({ _tag: "Behave", fields }),
  answer: (answer: ZulipAnswer): ZulipServerReply => ({ _tag: "Answer", answer }),
  error: (
    status: number,
    code: string | undefined,
    msg: string,
    fields?: Readonly<Record<string, unknown>>
  ): ZulipServerReply => ({ _tag: "Answer", answer: failure(status, code, msg, fields) }),
  /** 429; each of the two places of the wait, in seconds, may be missing. */
  rateLimited: (seconds: { readonly header?: number | string; readonly body?: number | string }): ZulipServerReply => {
    const fields = { code: "RATE_LIMIT_HIT", ...(seconds.body === undefined ? {} : { "retry-after": seconds.body }) }
    const headers: Record<string, string> = seconds.header === undefined ? {} : { "retry-after": `${seconds.header}` }
    const body = { result: "error", msg: "API usage exceeded rate limit", ...fields }
    return { _tag: "Answer", answer: json(429, body, headers) }
  },
  /** A page of a proxy in front of the server. */
  html: (status: number, page: string, headers: Readonly<Record<string, string>> = {}): ZulipServerReply => ({
    _tag: "Answer",
    answer: { status, headers: { "content-type": "text/html", ...headers }, body: page }
  }),
  /** The same after the server has stored the message. */
  htmlAfterStoring: (status: number, page: string): ZulipServerReply => ({
    _tag: "Override",
    answer: { status, headers: { "content-type": "text/html" }, body: page }
  }),
  slowHeaders: { _tag: "SlowHeaders" },
  slowBody: { _tag: "SlowBody" },
  resetBeforeHeaders: { _tag: "Reset", at: "beforeHeaders" },
  resetAfterHeaders: { _tag: "Reset", at: "afterHeaders" },
  resetAfterStoring: { _tag: "Reset", at: "afterStoring" }
} satisfies Record<string, ZulipServerReply | ((...args: Array<never>) => ZulipServerReply)>
