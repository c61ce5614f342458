/** Every failure that a route can answer: its operation's, and the runtime's own. */
import type { Schema } from "effect"
import { maxBodyBytes } from "../body.ts"
import type { Access, Handler } from "../Handler.ts"
import * as refusals from "../refusals.ts"
import { codeOf } from "../../domain/errors.ts"
import { ShutdownFields } from "../../domain/shutdownNotice.ts"

/** A failure as a document says it. */
export interface Failure {
  readonly status: number
  readonly code: string
  /** What is then true. */
  readonly about: string
  /** The sentence, where it is known before it happens. */
  readonly error?: string
  /** Header fields that its answer has. */
  readonly headers: ReadonlyArray<string>
  /** Its own fields. */
  readonly fields?: Schema.Top | undefined
}

type AnyHandler = Handler<unknown>

/** What every answer may have, or nobody reads. */
const untold = new Set(["Connection"])

const failure = (refusal: refusals.Refusal, about: string, fields?: Schema.Top): Failure => ({
  status: refusal.status,
  code: refusal.code,
  about,
  error: refusal.error,
  headers: Object.keys(refusal.headers ?? {}).filter((name) => !untold.has(name)),
  fields
})

/** Of the route whatever it is; nothing was done. */
const always = [
  failure(refusals.malformed, "not HTTP as it should be; nothing was done"),
  failure(refusals.hostNotAllowed, "a `Host` that is none of Looper's, see `LOOPER_ALLOWED_HOSTS`; nothing was done"),
  failure(refusals.originNotAllowed, "a page of another origin, see `LOOPER_ALLOWED_HOSTS`; nothing was done"),
  failure(refusals.timedOut, "the request did not arrive in time; nothing was done"),
  failure(refusals.expectationFailed, "an `Expect` other than `100-continue`; nothing was done"),
  failure(refusals.headersTooLarge, "the header fields are too large; nothing was done"),
  failure(refusals.internalError, "a defect of Looper; the server log has its cause"),
  failure(refusals.shuttingDown(), "Looper stops; a wait was cut, or nothing was done", ShutdownFields)
]

const { error: _, ...ofInput } = failure(
  refusals.invalid(""),
  "the sentence names the field and what is allowed; nothing was done"
)

const ofBodies = [
  failure(refusals.bodyTooLarge(maxBodyBytes), "a body over 1 MiB; nothing was done"),
  failure(refusals.unsupportedMediaType, "no `Content-Type` of JSON; nothing was done")
]

const ofPeers = [failure(refusals.remoteNotAllowed, "a remote peer, and no token is configured; nothing was done")]
const ofTokens = [failure(refusals.unauthorized, "no, a wrong or an expired token; the body was not read"), ...ofPeers]

const ofAccess: { readonly [A in Access]: ReadonlyArray<Failure> } = {
  public: [],
  publicWithToken: ofPeers,
  token: ofTokens,
  tokenOrTicket: ofTokens
}

const ofKeys = [
  failure(refusals.idempotencyKeyReused, "this `Idempotency-Key` came with another body before; nothing was done"),
  failure(
    refusals.interrupted,
    "the first request of this `Idempotency-Key` was cut by Looper's end, what it did is not known; nothing more was done"
  ),
  failure(refusals.idempotencyUnavailable, "a request with a key, and `looper.db` cannot be written; nothing was done")
]

const ofPrograms = (fields: ReadonlyArray<string>): ReadonlyArray<Failure> =>
  fields
    .slice(0, 1)
    .map((field) =>
      failure(
        refusals.programNotAllowed(field),
        "a field that chooses a program, from a caller who may not; nothing was done"
      )
    )

/** Of requests that reach no route. */
export const unrouted: ReadonlyArray<Failure> = [
  failure(refusals.notFound, "no route has this path"),
  failure(refusals.methodNotAllowed(["POST"]), "the path is a route's, with another method: `Allow` names them")
]

const ofOperation = ({ errors }: AnyHandler): ReadonlyArray<Failure> =>
  Object.entries(errors).map(([tag, { status, about, fields }]) => ({
    status,
    code: codeOf(tag),
    about,
    headers: status === 503 ? Object.keys(refusals.retryLater) : [],
    fields: fields?.schema
  }))

/** By status; a code of the operation counts before the same of the runtime. */
export const failuresOf = (handler: AnyHandler): ReadonlyArray<Failure> => {
  const takesInput = handler.method === "POST" || Object.keys(handler.request.fields).length > 0
  const all = [
    ...ofOperation(handler),
    ...always,
    ...(takesInput ? [ofInput] : []),
    ...(handler.method === "POST" ? ofBodies : []),
    ...ofAccess[handler.access],
    ...(handler.isIdempotent ? ofKeys : []),
    ...ofPrograms(handler.programFields ?? [])
  ]
  const isFirst = ({ code }: Failure, index: number) => all.findIndex((one) => one.code === code) === index
  return all.filter(isFirst).toSorted((a, b) => a.status - b.status)
}
