/** One call of the Zulip API: a time limit a try, and another try only where the first provably did nothing. */
import { Clock, Duration, Effect, Redacted } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { NotifyFailed } from "../../domain/errors.ts"
import { faultOf } from "./zulipFault.ts"
import { judge, maxTriesWhenDown, type Verdict, type ZulipBody } from "./zulipReply.ts"
import { foreignText } from "./zulipText.ts"
import { userAgent } from "./zulipUserAgent.ts"

/** A server, who speaks to it, and until when. */
export interface ZulipAccess {
  readonly apiUrl: string
  readonly email: string
  readonly apiKey: Redacted.Redacted<string>
  /** On the monotonic clock; no wait passes it. */
  readonly deadlineMillis: number
}

/** A request with a form is a POST, whose repetition could post twice. */
export interface ZulipRequest {
  readonly path: string
  readonly form?: Readonly<Record<string, string>>
}

const requestTimeoutMillis = 15_000

/** Over all calls and waits of one message. */
const sendLimitMillis = 30_000

const elapsedMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** 30 seconds from now. */
export const sendDeadlineMillis = Effect.map(elapsedMillis, (now) => now + sendLimitMillis)

/** What must never be shown: the key, and the token that is made of it. */
export const secretsOf = (access: ZulipAccess): ReadonlyArray<string> => {
  const key = Redacted.value(access.apiKey)
  return [Buffer.from(`${access.email}:${key}`).toString("base64"), key]
}

/** A connection of its own for each request: one kept alive may be closed by the server just as a message is written. */
const toHttp = (access: ZulipAccess, request: ZulipRequest): HttpClientRequest.HttpClientRequest => {
  const url = `${access.apiUrl}${request.path}`
  const base =
    request.form === undefined
      ? HttpClientRequest.get(url)
      : HttpClientRequest.bodyUrlParams(HttpClientRequest.post(url), request.form)
  return base.pipe(
    HttpClientRequest.basicAuth(access.email, access.apiKey),
    HttpClientRequest.setHeaders({ "user-agent": userAgent, connection: "close" })
  )
}

const noTimeLeft: Verdict = {
  _tag: "Later",
  reason: "Zulip request not begun",
  delaySeconds: 0,
  maxTries: maxTriesWhenDown
}

const whenBroken = (access: ZulipAccess, error: HttpClientError.HttpClientError): Verdict => {
  const fault = faultOf(error.reason.cause)
  const reason = `Zulip request failed: ${foreignText(fault.text, secretsOf(access))}`
  return fault.isUnsent
    ? { _tag: "Later", reason, delaySeconds: undefined, maxTries: maxTriesWhenDown }
    : { _tag: "Unsure", reason }
}

const tryOnce = Effect.fnUntraced(function* (access: ZulipAccess, request: ZulipRequest) {
  const client = yield* HttpClient.HttpClient
  const limitMillis = Math.min(requestTimeoutMillis, access.deadlineMillis - (yield* elapsedMillis))
  if (limitMillis <= 0) return noTimeLeft
  const timedOut: Verdict = { _tag: "Unsure", reason: `Zulip request failed: no answer within ${limitMillis / 1000} s` }
  return yield* Effect.gen(function* () {
    const response = yield* client.execute(toHttp(access, request))
    const text = yield* response.text
    const { "retry-after": retryAfter, location } = response.headers
    return judge({ status: response.status, text, retryAfter, location }, secretsOf(access))
  }).pipe(
    Effect.catch((error) => Effect.succeed(whenBroken(access, error))),
    Effect.timeoutOrElse({ duration: limitMillis, orElse: () => Effect.succeed(timedOut) })
  )
})

/** A lookup changes nothing, so a doubtful one is only a late one. */
const repeatable = (verdict: Verdict): Verdict =>
  verdict._tag === "Unsure"
    ? { ...verdict, _tag: "Later", delaySeconds: undefined, maxTries: maxTriesWhenDown }
    : verdict

/** Says a wait in the log, then waits. */
const waitFor = Effect.fnUntraced(function* (reason: string, delaySeconds: number) {
  yield* Effect.logWarning("zulip.send.retry").pipe(Effect.annotateLogs({ reason, delay_seconds: delaySeconds }))
  yield* Effect.sleep(Duration.seconds(delaySeconds))
})

/** What a call ended with: the server's success, or its refusal with the `code` it gave. */
export type CallResult =
  | { readonly _tag: "Success"; readonly body: ZulipBody }
  | { readonly _tag: "Refused"; readonly reason: string; readonly code: string | undefined }

/**
 * Asks the server, again after a wait where that is safe.
 *
 * **Errors** `NotifyFailed`: the reason says whether the message may have been delivered.
 */
export const zulipCall = Effect.fnUntraced(function* (access: ZulipAccess, request: ZulipRequest) {
  for (let tries = 1; ; tries++) {
    const answer = yield* tryOnce(access, request)
    const verdict = request.form === undefined ? repeatable(answer) : answer
    if (verdict._tag === "Unsure") {
      const reason = `${verdict.reason}; the message may have been delivered, so it is not sent again`
      return yield* new NotifyFailed({ reason })
    }
    if (verdict._tag !== "Later") return verdict satisfies CallResult
    if (tries >= verdict.maxTries) {
      return yield* new NotifyFailed({ reason: `${verdict.reason}; gave up after ${tries} tries, not delivered` })
    }
    const delaySeconds = verdict.delaySeconds ?? tries
    if ((yield* elapsedMillis) + delaySeconds * 1000 >= access.deadlineMillis) {
      const reason = `${verdict.reason}; waiting ${delaySeconds} s more would pass the limit of 30 s, not delivered`
      return yield* new NotifyFailed({ reason })
    }
    yield* waitFor(verdict.reason, delaySeconds)
  }
})
