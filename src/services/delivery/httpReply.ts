/** What a server's answer to a message means: is it delivered, and may it be sent again? */
import { Duration, Result } from "effect"
import { Headers } from "effect/http"

/** One answer as it came. */
export interface HttpReply {
  readonly status: number
  readonly text: string
  /** How much of a body that was longer was read, in bytes. */
  readonly cutAtBytes: number | undefined
  /** The headers `Retry-After`, `Location` and `Date`. */
  readonly retryAfter: string | undefined
  readonly location: string | undefined
  readonly date: string | undefined
  /** By this machine's clock, since the epoch. */
  readonly receivedAtMillis: number
}

/**
 * - `Success`: the server did it.
 * - `Refused`: the server did not do it and will not.
 * - `Later`: the server did not do it and may be asked again.
 * - `Unsure`: the server may have done it.
 */
export type Verdict<A> =
  | { readonly _tag: "Success"; readonly body: A }
  | { readonly _tag: "Refused"; readonly reason: string; readonly code: string | undefined }
  | {
      readonly _tag: "Later"
      readonly reason: string
      readonly delaySeconds: number | undefined
      readonly maxTries: number
    }
  | { readonly _tag: "Unsure"; readonly reason: string }

/** A server that is down seldom returns within 30 seconds. */
export const maxTriesWhenDown = 3

/** Bounds a server that always answers `Retry-After: 0`. */
const maxTriesWhenLimited = 10

/** Whether the status is 2xx. */
export const isSuccess = ({ status }: HttpReply): boolean => status >= 200 && status < 300

/** Whether the status is 3xx; a notifier follows none. */
export const isRedirect = ({ status }: HttpReply): boolean => status >= 300 && status < 400

/** The verdict on an answer that is no success, by its status; `waitInBody` is what its body says of `Retry-After`. */
export const judgeFailure = (
  reply: HttpReply,
  said: { readonly reason: string; readonly code?: string | undefined; readonly waitInBody: unknown }
): Verdict<never> => {
  const { status } = reply
  const { reason, code, waitInBody } = said
  const delaySeconds = retryDelaySeconds(reply, waitInBody)
  if (status === 429) return { _tag: "Later", reason, delaySeconds: delaySeconds ?? 1, maxTries: maxTriesWhenLimited }
  if (status === 503) return { _tag: "Later", reason, delaySeconds, maxTries: maxTriesWhenDown }
  return status >= 500 ? { _tag: "Unsure", reason } : { _tag: "Refused", reason, code }
}

const seconds = (value: unknown): number | undefined => {
  if (typeof value === "number") return value >= 0 ? value : undefined
  return typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined
}

const secondsUntil = (httpDate: string, nowMillis: number): number | undefined => {
  const parsed = Headers.parseRetryAfter(httpDate)
  return Result.isSuccess(parsed) ? Duration.toSeconds(Headers.retryAfterDelay(parsed.success, nowMillis)) : undefined
}

/**
 * How long the server asks to wait: the header, else the body; both may be fractions.
 *
 * **Details** A date counts from the answer's own `Date`, where it has one: the server's clock may be off.
 */
export const retryDelaySeconds = (
  { retryAfter, date, receivedAtMillis }: Pick<HttpReply, "retryAfter" | "date" | "receivedAtMillis">,
  waitInBody: unknown
): number | undefined => {
  const sentAtMillis = Date.parse(date ?? "") || receivedAtMillis
  return seconds(retryAfter) ?? secondsUntil(retryAfter ?? "", sentAtMillis) ?? seconds(waitInBody)
}
