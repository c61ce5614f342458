/** One HTTP call of a notifier: a time limit a try, and another try only where the first provably did nothing. */
import { Clock, Duration, Effect, Option } from "effect"
import { HttpClient, type HttpClientError, type HttpClientRequest } from "effect/http"
import { NotifyFailed } from "../../domain/errors.ts"
import { faultOf } from "./connectionFault.ts"
import { foreignText } from "./foreignText.ts"
import { type HttpReply, maxTriesWhenDown, type Verdict } from "./httpReply.ts"
import { readHead } from "./readHead.ts"

/** One call: what is asked, how its answer is judged, and until when it may be tried. */
export interface GuardedCall<A> {
  /** Who is asked, as sentences name it. */
  readonly server: string
  readonly request: HttpClientRequest.HttpClientRequest
  /** A request that changes nothing may be repeated whatever became of it. */
  readonly isLookup: boolean
  /** What of its answer's body is read; left out: 64 KiB, far more than a reason takes. */
  readonly maxAnswerBytes?: number | undefined
  /** On the monotonic clock; no wait passes it. */
  readonly deadlineMillis: number
  /** What no sentence may show. */
  readonly secrets: ReadonlyArray<string>
  readonly judge: (reply: HttpReply) => Verdict<A>
  /** Finds out what became of a request that may have arrived; left out where nobody can tell. */
  readonly settle?: Settle<A> | undefined
  /** Says a wait in the log, before it. */
  readonly logRetry: (wait: { readonly reason: string; readonly delay_seconds: number }) => Effect.Effect<void>
}

/** What is known of a request that may have arrived: what went wrong, and when it was begun, on the monotonic clock. */
export interface Doubt {
  readonly reason: string
  readonly sinceMillis: number
}

/** The success that a doubtful request turned out to be, if it was one; it must keep to the call's deadline. */
export type Settle<A> = (doubt: Doubt) => Effect.Effect<Option.Option<A>, never, HttpClient.HttpClient>

const defaultMaxAnswerBytes = 64 * 1024

const requestTimeoutMillis = 15_000

/** Over all calls and waits of one message. */
const sendLimitMillis = 30_000

/** Whole milliseconds on the monotonic clock. */
export const elapsedMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** 30 seconds from now. */
export const sendDeadlineMillis = Effect.map(elapsedMillis, (now) => now + sendLimitMillis)

/** Whether a wait of so many seconds ends before the deadline. */
export const isTimeFor = (deadlineMillis: number, seconds: number): Effect.Effect<boolean> =>
  Effect.map(elapsedMillis, (now) => now + seconds * 1000 < deadlineMillis)

const whenBroken = <A>(call: GuardedCall<A>, error: HttpClientError.HttpClientError): Verdict<A> => {
  const fault = faultOf(error.reason.cause)
  const reason = `${call.server} request failed: ${foreignText(fault.text, call.secrets)}`
  return fault.isUnsent
    ? { _tag: "Later", reason, delaySeconds: undefined, maxTries: maxTriesWhenDown }
    : { _tag: "Unsure", reason }
}

const noTimeLeft = (server: string): Verdict<never> => ({
  _tag: "Later",
  reason: `${server} request not begun`,
  delaySeconds: 0,
  maxTries: maxTriesWhenDown
})

const tryOnce = Effect.fnUntraced(function* <A>(call: GuardedCall<A>) {
  const client = yield* HttpClient.HttpClient
  const limitMillis = Math.min(requestTimeoutMillis, call.deadlineMillis - (yield* elapsedMillis))
  if (limitMillis <= 0) return noTimeLeft(call.server)
  const timedOut: Verdict<A> = {
    _tag: "Unsure",
    reason: `${call.server} request failed: no answer within ${limitMillis / 1000} s`
  }
  return yield* Effect.gen(function* () {
    const response = yield* client.execute(call.request)
    const body = yield* readHead(response, call.maxAnswerBytes ?? defaultMaxAnswerBytes)
    const { "retry-after": retryAfter, location, date } = response.headers
    const receivedAtMillis = yield* Clock.currentTimeMillis
    return call.judge({ ...body, status: response.status, retryAfter, location, date, receivedAtMillis })
  }).pipe(
    Effect.catch((error) => Effect.succeed(whenBroken(call, error))),
    Effect.timeoutOrElse({ duration: limitMillis, orElse: () => Effect.succeed(timedOut) })
  )
})

/** A lookup changes nothing, so a doubtful one is only a late one. */
const repeatable = <A>(verdict: Verdict<A>): Verdict<A> =>
  verdict._tag === "Unsure"
    ? { ...verdict, _tag: "Later", delaySeconds: undefined, maxTries: maxTriesWhenDown }
    : verdict

/** What a call ended with: the server's success, or its refusal with the `code` it gave. */
export type CallResult<A> = Extract<Verdict<A>, { readonly _tag: "Success" | "Refused" }>

/**
 * Asks the server, again after a wait where that is safe.
 *
 * **Details** A request that may have arrived is never sent again; at most the server is asked what became of it.
 *
 * **Errors** `NotifyFailed`: the reason says whether the message may have been delivered.
 */
export const guardedCall = Effect.fnUntraced(function* <A>(
  call: GuardedCall<A>
): Effect.fn.Return<CallResult<A>, NotifyFailed, HttpClient.HttpClient> {
  for (let tries = 1; ; tries++) {
    const sinceMillis = yield* elapsedMillis
    const answer = yield* tryOnce(call)
    const verdict = call.isLookup ? repeatable(answer) : answer
    if (verdict._tag === "Unsure") {
      const settled = yield* call.settle?.({ reason: verdict.reason, sinceMillis }) ?? Effect.succeedNone
      if (Option.isSome(settled)) return { _tag: "Success", body: settled.value }
      const reason = `${verdict.reason}; the message may have been delivered, so it is not sent again`
      return yield* new NotifyFailed({ reason, mayBeDelivered: true })
    }
    if (verdict._tag !== "Later") return verdict
    const delaySeconds = verdict.delaySeconds ?? tries
    if (tries >= verdict.maxTries) {
      const reason = `${verdict.reason}; gave up after ${tries} tries, not delivered`
      return yield* new NotifyFailed({ reason, retryAfterSeconds: delaySeconds })
    }
    if (!(yield* isTimeFor(call.deadlineMillis, delaySeconds))) {
      const reason = `${verdict.reason}; waiting ${delaySeconds} s more would pass the limit of 30 s, not delivered`
      return yield* new NotifyFailed({ reason, retryAfterSeconds: delaySeconds })
    }
    yield* call.logRetry({ reason: verdict.reason, delay_seconds: delaySeconds })
    yield* Effect.sleep(Duration.seconds(delaySeconds))
  }
})
