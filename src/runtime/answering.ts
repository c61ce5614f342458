/** Answers a request that was let in: input, programs, `Idempotency-Key`, the handler's operation. */
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { codeOf } from "../domain/errors.ts"
import type { RequestId } from "../domain/RequestId.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { Shutdown } from "../services/Shutdown.ts"
import type { Caller } from "./Authentication.ts"
import { decodeInput, type RawInput } from "./body.ts"
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

  return Effect.fnUntraced(function* <R>(handler: Handler<R>, sent: Sent): Effect.fn.Return<Answered, Refusal, R> {
    const { request, requestId, caller } = sent
    const { input, fields, unknownFields } = yield* decodeInput(handler, sent)
    if (unknownFields.length > 0) {
      yield* Effect.logInfo("http.fields.unknown").pipe(Effect.annotateLogs({ fields: unknownFields }))
    }
    const programField = handler.programFields?.find((field) => fields.includes(field))
    if (programField !== undefined && !caller.isTrusted) return yield* Effect.fail(programNotAllowed(programField))
    const operation = handler.body(input, { requestId })
    const key = handler.isIdempotent ? yield* idempotencyKey(request.headers, sent.rawHeaders) : undefined
    if (key === undefined) {
      const exit = yield* Effect.exit(operation)
      // The body of such a handler succeeds with nothing else.
      if (Exit.isSuccess(exit) && isContent(handler.success)) return { content: exit.value as Content }
      return { answer: yield* answerOf(handler, exit, requestId) }
    }
    const answer = yield* answerOnce({
      route: `${handler.method} ${handler.path}`,
      key,
      bodyHash: bodyHash(input),
      program: operation,
      answerOf: (exit) => finalAnswer(answerOf(handler, exit, requestId), { requestId, notice: shutdown.notice })
    })
    return { answer }
  })
})
