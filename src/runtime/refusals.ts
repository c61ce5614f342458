/** Answers of the runtime itself: requests that reach no operation. */
import { type ShutdownNotice, shutdownFields } from "../domain/shutdownNotice.ts"

/** Status, `code` and sentence of an answer, and the headers beyond those of all answers. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly error: string
  readonly headers?: Readonly<Record<string, string>>
  /** Its own fields. */
  readonly fields?: Readonly<Record<string, unknown>>
}

const refusal = (status: number, code: string, error: string, headers?: Record<string, string>): Refusal =>
  headers === undefined ? { status, code, error } : { status, code, error, headers }

/** The rest of a body that nobody reads must not be taken for the next request. */
export const closing = { Connection: "close" }

/** How long a caller may wait before it asks a Looper again that was stopping, in seconds. */
const retryAfterSeconds = "10"

export const malformed = refusal(400, "malformed_request", "malformed HTTP request", closing)
export const invalid = (sentence: string) => refusal(400, "invalid_request", sentence)
export const unauthorized = refusal(401, "unauthorized", "unauthorized", { "WWW-Authenticate": "Bearer" })
export const hostNotAllowed = refusal(403, "host_not_allowed", "this Host is not allowed; see LOOPER_ALLOWED_HOSTS")
export const originNotAllowed = refusal(
  403,
  "origin_not_allowed",
  "this Origin is not allowed; see LOOPER_ALLOWED_HOSTS"
)
export const remoteNotAllowed = refusal(
  403,
  "remote_not_allowed",
  "remote peers are answered only with LOOPER_API_TOKEN set; a request with forwarding headers counts as remote"
)
export const programNotAllowed = (field: string) =>
  refusal(
    403,
    "program_not_allowed",
    `'${field}' chooses a program: it needs the token or, without one, a loopback peer`
  )
export const notFound = refusal(404, "not_found", "no such route")
export const methodNotAllowed = (allowed: ReadonlyArray<string>) =>
  refusal(405, "method_not_allowed", `allowed here: ${allowed.join(", ")}`, { Allow: allowed.join(", ") })
export const timedOut = refusal(408, "request_timeout", "the request did not arrive in time", closing)
/** Without `Connection: close`: that would reset a caller who still sends, and many then never read the answer. */
export const bodyTooLarge = (maxBytes: number) =>
  refusal(413, "body_too_large", `the body must be at most ${maxBytes} bytes long`)
export const unsupportedMediaType = refusal(
  415,
  "unsupported_media_type",
  "the body must be JSON, with Content-Type: application/json"
)
export const expectationFailed = refusal(417, "expectation_failed", "the only Expect is 100-continue", closing)
export const idempotencyKeyReused = refusal(
  422,
  "idempotency_key_reused",
  "this Idempotency-Key came with another body before; nothing was done for this one"
)
export const headersTooLarge = refusal(431, "headers_too_large", "the header fields are too large", closing)
export const internalError = refusal(500, "internal_error", "internal error")
export const interrupted = refusal(
  500,
  "interrupted",
  "the first request with this Idempotency-Key was cut by the end of its Looper; what it did is not known"
)
/** Of every answer that asks to come again. */
export const retryLater = { "Retry-After": retryAfterSeconds }
export const idempotencyUnavailable = refusal(
  503,
  "idempotency_unavailable",
  "the database is not usable, so a repeat of this Idempotency-Key could not be told; nothing was done",
  retryLater
)
/** With the shutdown's notice; a request may also be cut where nobody began one. */
export const shuttingDown = (notice?: ShutdownNotice): Refusal => ({
  ...refusal(503, "shutting_down", "shutting down", { ...closing, ...retryLater }),
  ...(notice !== undefined && { fields: shutdownFields(notice) })
})

/** The body of every answer that is an error. */
export const refusalBody = (given: Refusal, requestId: string): Record<string, unknown> => ({
  ok: false,
  error: given.error,
  code: given.code,
  request_id: requestId,
  ...given.fields
})
