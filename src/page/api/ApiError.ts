/** What went wrong with a request. */

/** Looper, or something before it, answered with an error. */
export class ApiError extends Error {
  override readonly name = "ApiError"
  readonly status: number
  /** Of Looper's own errors; `undefined` where somebody else answered. */
  readonly code: string | undefined
  /** The whole answer, with the error's own fields. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body.error === "string" ? body.error : `HTTP ${status}`)
    this.status = status
    this.code = typeof body.code === "string" ? body.code : undefined
    this.body = body
  }
}

/** There was no answer: nobody listens, or the connection broke. */
export class Unreachable extends Error {
  override readonly name = "Unreachable"
}

/** Is it unknown what became of the request? A gateway that got no answer says no more than nobody. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof ApiError && error.status >= 500 && error.code === undefined)
