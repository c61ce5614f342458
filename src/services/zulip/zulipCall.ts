/** One call of the Zulip API. */
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import { guardedCall, type Settle } from "../delivery/guardedCall.ts"
import { userAgent } from "../delivery/userAgent.ts"
import { secretsOf, type ZulipAccess } from "./zulipAccess.ts"
import { judge, type ZulipSuccess } from "./zulipReply.ts"

/** A request with a form is a POST, whose repetition could post twice. */
export interface ZulipRequest {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  /** What of the answer is read; left out: 64 KiB. */
  readonly maxAnswerBytes?: number
  /** Asks without credentials. */
  readonly isAnonymous?: boolean
  /** For a POST that may have arrived. */
  readonly settle?: Settle<ZulipSuccess>
}

/** A connection of its own for each request: the server may close one kept alive just as a message is written. */
const toHttp = (access: ZulipAccess, request: ZulipRequest): HttpClientRequest.HttpClientRequest => {
  const url = `${access.apiUrl}${request.path}`
  const base =
    request.form === undefined
      ? HttpClientRequest.get(url).pipe(HttpClientRequest.setUrlParams(request.query ?? {}))
      : HttpClientRequest.bodyUrlParams(HttpClientRequest.post(url), request.form)
  const named = HttpClientRequest.setHeaders(base, { "user-agent": userAgent, connection: "close" })
  return request.isAnonymous ? named : HttpClientRequest.basicAuth(named, access.email, access.apiKey)
}

/** Says in the log that a request is repeated. */
export const logRetry = (wait: { readonly reason: string; readonly delay_seconds: number }) =>
  Effect.logWarning("zulip.send.retry").pipe(Effect.annotateLogs(wait))

/** Asks the server; see {@link guardedCall}. */
export const zulipCall = (access: ZulipAccess, request: ZulipRequest) => {
  const secrets = secretsOf(access)
  return guardedCall({
    server: "Zulip",
    request: toHttp(access, request),
    isLookup: request.form === undefined,
    maxAnswerBytes: request.maxAnswerBytes,
    deadlineMillis: access.deadlineMillis,
    secrets,
    judge: (reply) => judge(reply, secrets, request.form?.content),
    settle: request.settle,
    logRetry
  })
}
