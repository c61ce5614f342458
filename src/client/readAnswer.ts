/** What an answer means: the handler's success, one of its errors, a refusal, or no Looper at all. */
import { Effect, Option, Schema, Stream } from "effect"
import { codeOf } from "../domain/errors.ts"
import type { AnyErrorAnswer, Handler } from "../runtime/Handler.ts"
import { type CallError, NotLooper, OperationFailure, Refused } from "./clientErrors.ts"
import type { Sent } from "./send.ts"

/** Of a handler, how it may fail. */
export type ErrorShape = Pick<Handler<unknown>, "errors">

/** Looper's JSON is far smaller; a stranger's may be endless. */
const maxJsonBytes = 16 * 1024 * 1024

/** Of what a stranger says, in characters. */
const maxShown = 100

const ErrorBody = Schema.Struct({
  ok: Schema.Literal(false),
  error: Schema.String,
  code: Schema.String,
  request_id: Schema.String
})
const decodeErrorBody = Schema.decodeUnknownOption(ErrorBody)

const notLooper = ({ url, status }: Sent, reason: string) => new NotLooper({ url, status, reason })

/** Where a redirect leads, without what may be secret in it. */
const targetOf = (sent: Sent): string => {
  const target = URL.parse(sent.headers["location"] ?? "", sent.url)
  return target === null ? "another address" : `${target.origin}${target.pathname}`.slice(0, maxShown)
}

/** The body as JSON. */
const jsonOf = Effect.fnUntraced(function* (sent: Sent): Effect.fn.Return<unknown, CallError> {
  const type = sent.headers["content-type"] ?? "no content type"
  if (!/^application\/json\b/i.test(type))
    return yield* notLooper(sent, `its answer is ${type.slice(0, maxShown)}, not JSON`)
  const chunks: Array<Uint8Array> = []
  let length = 0
  yield* Stream.runForEach(sent.body, (chunk) => {
    length += chunk.length
    chunks.push(chunk)
    return length > maxJsonBytes ? Effect.fail(notLooper(sent, "its answer is too long")) : Effect.void
  })
  return yield* Effect.try({
    try: (): unknown => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))),
    catch: () => notLooper(sent, "its answer is not JSON")
  })
})

/** Fails with what an answer other than a success says. */
export const failWith = Effect.fnUntraced(function* (
  sent: Sent,
  { errors }: ErrorShape
): Effect.fn.Return<never, CallError | OperationFailure> {
  const { status } = sent
  if (status >= 300 && status < 400) return yield* notLooper(sent, `it redirects to ${targetOf(sent)}`)
  if (status < 400) return yield* notLooper(sent, "no answer of Looper has this status")
  const json = yield* jsonOf(sent)
  const body = decodeErrorBody(json)
  if (Option.isNone(body)) return yield* notLooper(sent, "its answer is not in the form of Looper's errors")
  const { code, error: message, request_id: requestId } = body.value
  const [tag, known] = Object.entries(errors).find(([tag]) => codeOf(tag) === code) ?? []
  if (tag !== undefined && known !== undefined) {
    const fields = yield* Effect.option(fieldsOf(known, json))
    if (Option.isSome(fields)) {
      return yield* new OperationFailure({ _tag: tag, status, message, requestId, fields: fields.value })
    }
  }
  const retryAfterSeconds = Number(sent.headers["retry-after"] ?? "none")
  const later = Number.isFinite(retryAfterSeconds) ? { retryAfterSeconds } : {}
  return yield* new Refused({ status, code, message, requestId, ...later })
})

/** The fields of a Looper of another version may be others. */
const fieldsOf = ({ fields }: AnyErrorAnswer, json: unknown) =>
  fields === undefined ? Effect.succeed({}) : Schema.decodeUnknownEffect(fields.schema)(json)

/** The success of an answer that is JSON. */
export const readJson = Effect.fnUntraced(function* <A>(
  sent: Sent,
  shape: ErrorShape & { readonly success: Schema.Codec<A, unknown> }
): Effect.fn.Return<A, CallError | OperationFailure> {
  if (sent.status !== 200) return yield* failWith(sent, shape)
  const json = yield* jsonOf(sent)
  return yield* Schema.decodeUnknownEffect(shape.success)(json).pipe(
    Effect.mapError(() => notLooper(sent, "its answer is JSON, but not in the form of Looper's"))
  )
})

/** The bytes of an answer that is not JSON. */
export const readContent = (sent: Sent, shape: ErrorShape): Stream.Stream<Uint8Array, CallError | OperationFailure> =>
  sent.status === 200 || sent.status === 206 ? sent.body : Stream.fromEffect(failWith(sent, shape))
