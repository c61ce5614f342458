/** Answers a request that was let in: input, programs, `Idempotency-Key`, the handler's operation. */
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { codeOf } from "../domain/errors.ts"
import type { RequestId } from "../domain/RequestId.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { Shutdown } from "../services/Shutdown.ts"
import type { Caller } from "./Authentication.ts"
import { type DecodedInput, decodeInput, type RawInput } from "./body.ts"
import { type AnyErrorAnswer, type Content, type Handler, isContent } from "./Handler.ts"
import { bodyHash, finalAnswer, idempotencyKey, makeAnswerOnce } from "./idempotency.ts"
import { programNotAllowed, type Refusal, retryLater, shuttingDown } from "./refusals.ts"
import { type Answer, answerWith } from "./respond.ts"

/** A request that was let in. */
interface Sent extends RawInput {
  readonly rawHeaders: ReadonlyArray<string> | undefined
  readonly requestId: RequestId
  readonly caller: Caller
}

/** An answer that is not written yet. */
export type Answered = { readonly answer: Answer } | { readonly content: Content }

/**
 * Makes what answers by a handler, in this order: content type, size, schema, programs, `Idempotency-Key`, the
 * handler's operation.
 */
export const makeAnswering = Effect.gen(function* () {
  const config = yield* LooperConfig
  const shutdown = yield* Shutdown
  const answerOnce = yield* makeAnswerOnce
  const redact = redactor(config)

  const answerOf = <R>(
    handler: Handler<R>,
    exit: Exit.Exit<unknown, { readonly _tag: string; readonly message: string }>,
    requestId: string
  ): Exit.Exit<Answer, Refusal> => {
    if (Exit.isSuccess(exit)) {
      const { success } = handler
      if (isContent(success)) return Exit.die("content is no stored answer")
      const encoded = Schema.encodeExit(success)(exit.value)
      return Exit.isSuccess(encoded)
        ? Exit.succeed(answerWith({ status: 200, body: encoded.value }))
        : Exit.die(Cause.squash(encoded.cause))
    }
    const { cause } = exit
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error === undefined) {
      return Cause.hasInterruptsOnly(cause)
        ? Exit.fail(shuttingDown(shutdown.notice()))
        : Exit.failCause(Cause.die(cause))
    }
    const known: AnyErrorAnswer | undefined = handler.errors[error._tag]
    if (known === undefined) return Exit.die(error)
    const body = { ok: false, error: redact(error.message), code: codeOf(error._tag), request_id: requestId }
    return Exit.succeed(
      answerWith({
        status: known.status,
        body: known.fields === undefined ? body : { ...body, ...Object(known.fields.of(error)) },
        headers: { ...(known.status === 503 && retryLater), ...known.headers?.(error) }
      })
    )
  }

  /** What a decoded request asks for, or why it may not; no generators, because every request passes here. */
  const operate = <R>(
    handler: Handler<R>,
    { request, rawHeaders, requestId, caller }: Sent,
    { input, fields }: DecodedInput
  ): Effect.Effect<Answered, Refusal, R> => {
    const programField = handler.programFields?.find((field) => fields.includes(field))
    if (programField !== undefined && !caller.isTrusted) return Effect.fail(programNotAllowed(programField))
    const operation = handler.body(input, { requestId })
    const anew = Effect.flatMap(Effect.exit(operation), (exit): Exit.Exit<Answered, Refusal> => {
      // The body of such a handler succeeds with nothing else.
      if (Exit.isSuccess(exit) && isContent(handler.success)) return Exit.succeed({ content: exit.value as Content })
      return Exit.map(answerOf(handler, exit, requestId), (answer) => ({ answer }))
    })
    if (!handler.isIdempotent) return anew
    return Effect.flatMap(idempotencyKey(request.headers, rawHeaders), (key) => {
      if (key === undefined) return anew
      const once = answerOnce({
        route: `${handler.method} ${handler.path}`,
        key,
        bodyHash: bodyHash(input),
        program: operation,
        answerOf: (exit) => finalAnswer(answerOf(handler, exit, requestId), { requestId, notice: shutdown.notice })
      })
      return Effect.map(once, (answer) => ({ answer }))
    })
  }

  return <R>(handler: Handler<R>, sent: Sent): Effect.Effect<Answered, Refusal, R> =>
    Effect.flatMap(decodeInput(handler, sent), (decoded) => {
      const { unknownFields } = decoded
      if (unknownFields.length === 0) return operate(handler, sent, decoded)
      const tell = Effect.annotateLogs(Effect.logInfo("http.fields.unknown"), { fields: unknownFields })
      return Effect.flatMap(tell, () => operate(handler, sent, decoded))
    })
})
