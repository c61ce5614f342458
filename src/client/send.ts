/** Sends a request to Looper, and says in plain words why no answer came. */
import { Duration, Effect, Redacted, type Scope, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { faultOf, rootOf } from "../services/delivery/connectionFault.ts"
import { makeNodeClient } from "../services/delivery/nodeClient.ts"
import { version } from "../version.ts"
import { NotLooper, RequestInvalid, Unreachable } from "./clientErrors.ts"
import type { EncodedRequest } from "./encodeRequest.ts"

/** Where Looper is and how to speak to it. */
export interface ClientOptions {
  /** `http://127.0.0.1:3456`; behind a proxy perhaps with a path. */
  readonly url: string
  /** `LOOPER_API_TOKEN`, or a run's ticket. */
  readonly token?: Redacted.Redacted | undefined
  /** Bounds the connection attempt; default 10 seconds. Answers take as long as they take. */
  readonly connectTimeout?: Duration.Input
}

/** An answer, while its scope is open. */
export interface Sent {
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Stream.Stream<Uint8Array, Unreachable | NotLooper>
}

/** Asks Looper; the answer is whatever came. */
export type Send = (
  request: EncodedRequest
) => Effect.Effect<Sent, Unreachable | NotLooper | RequestInvalid, Scope.Scope>

/** As Looper's log names the client. */
const userAgent = `looper-client/${version}`

const plainWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  ECONNABORTED: "the connection was aborted",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "no way leads to that host",
  ENETUNREACH: "no way leads to that network",
  ENOTFOUND: "nobody knows that host name",
  EAI_AGAIN: "the name server does not answer",
  ERR_STREAM_PREMATURE_CLOSE: "the connection ended before the answer did"
}

/** The address without a slash at its end; it may hold neither credentials nor what would be cut off. */
const baseOf = (text: string): Effect.Effect<string, RequestInvalid> => {
  const url = URL.parse(text)
  const problem =
    url === null || !/^https?:$/.test(url.protocol)
      ? "must be an http or https address"
      : url.username !== "" || url.password !== ""
        ? "must not hold a user or password; Looper takes a token"
        : url.search !== "" || url.hash !== ""
          ? "must end with its path"
          : undefined
  return url === null || problem !== undefined
    ? Effect.fail(new RequestInvalid({ field: "url", message: `'url' ${problem}` }))
    : Effect.succeed(`${url.origin}${url.pathname.replace(/\/+$/, "")}`)
}

/** A header field could not hold another one, and Node would throw. */
const authorizationOf = (token: Redacted.Redacted | undefined) => {
  if (token === undefined) return Effect.succeed({})
  const text = Redacted.value(token)
  return /^[!-~]+$/.test(text)
    ? Effect.succeed({ authorization: `Bearer ${text}` })
    : Effect.fail(
        new RequestInvalid({ field: "token", message: "'token' must be one or more visible ASCII characters" })
      )
}

/**
 * Makes what sends requests of one client.
 *
 * **Errors** `Unreachable`: no whole answer. `NotLooper`: what listens does not speak HTTP. `RequestInvalid`: address
 * or token cannot be used. None holds the token.
 */
export const makeSend = ({ url, token, connectTimeout = "10 seconds" }: ClientOptions): Send => {
  const connectMillis = Duration.toMillis(Duration.fromInputUnsafe(connectTimeout))
  const makeClient = Effect.map(makeNodeClient(connectMillis), HttpClient.withScope)
  return Effect.fnUntraced(function* (request) {
    const base = yield* baseOf(url)
    const authorization = yield* authorizationOf(token)
    const client = yield* makeClient
    const bare = HttpClientRequest.make(request.method)(`${base}${request.path}`, {
      urlParams: request.query,
      headers: { accept: "*/*", "user-agent": userAgent, ...request.headers, ...authorization }
    })
    const whole = request.body === undefined ? bare : HttpClientRequest.bodyText(bare, request.body, "application/json")
    const fault = faultAt(base)
    // Without a span: it would tell a tracer where the token goes.
    const response = yield* client.execute(whole).pipe(
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
      Effect.mapError((error) => fault(error, undefined))
    )
    return sentOf(base, response)
  })
}

const sentOf = (url: string, response: HttpClientResponse.HttpClientResponse): Sent => ({
  url,
  status: response.status,
  headers: response.headers,
  body: Stream.mapError(response.stream, (error) => faultAt(url)(error, response.status))
})

const faultAt =
  (url: string) =>
  (error: HttpClientError.HttpClientError, status: number | undefined): Unreachable | NotLooper => {
    const { cause } = error.reason
    const code = rootOf(cause)?.code ?? ""
    if (code.startsWith("HPE_")) {
      return new NotLooper({ url, ...(status !== undefined && { status }), reason: `it does not speak HTTP (${code})` })
    }
    const { text, isUnsent } = faultOf(cause)
    const words = plainWords[code]
    const reason = words === undefined ? text : `${words} (${code})`
    return new Unreachable({ url, reason, isUnsent })
  }
