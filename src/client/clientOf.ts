/** A client of any record of handlers: one typed method for each. */
import { Effect, Stream } from "effect"
import type { Schema } from "effect"
import { type ContentSchema, type Handler, isContent, type TypedHandler } from "../runtime/Handler.ts"
import { type CallError, type OperationError, RequestInvalid } from "./clientErrors.ts"
import { encodeRequest } from "./encodeRequest.ts"
import { readContent, readJson } from "./readAnswer.ts"
import { type ClientOptions, makeSend, type Send } from "./send.ts"

/** What one call may say beside its input. */
export interface CallOptions {
  /** 1 to 255 visible ASCII characters; only where the handler keeps answers, such as `run`. */
  readonly idempotencyKey?: string
}

type RequestOf<H> = H extends TypedHandler<unknown, infer Request, infer _S, infer _E> ? Request : never
type SuccessOf<H> = H extends TypedHandler<unknown, infer _R, infer Success, infer _E> ? Success : never
type ErrorsOf<H> = H extends TypedHandler<unknown, infer _R, infer _S, infer Errors> ? Errors : never

type Simple<T> = { readonly [Field in keyof T]: T[Field] }
type EitherForm<Type, Encoded> = {
  readonly [Field in keyof Type]: Type[Field] | (Field extends keyof Encoded ? Encoded[Field] : never)
}

/** A handler's input: each field decoded, or as it is sent. */
export type InputOf<H> =
  RequestOf<H> extends Schema.Codec<infer Type, infer Encoded> ? Simple<EitherForm<Type, Encoded>> : never

type FieldsOf<Answer> = Answer extends { readonly fields: { readonly schema: Schema.Schema<infer Fields> } }
  ? Fields
  : Readonly<Record<never, never>>

/** The errors of a handler's operation, one for each of its tags. */
export type OperationErrorOf<H> = {
  readonly [Tag in keyof ErrorsOf<H> & string]: OperationError<Tag, FieldsOf<ErrorsOf<H>[Tag]>>
}[keyof ErrorsOf<H> & string]

/** Every way a call of a handler's method fails. */
export type ErrorOf<H> = OperationErrorOf<H> | CallError

/** An answer: decoded JSON, or of content that is not JSON its bytes as they come. */
export type AnswerOf<H> =
  SuccessOf<H> extends ContentSchema
    ? Stream.Stream<Uint8Array, ErrorOf<H>>
    : SuccessOf<H> extends Schema.Schema<infer Answer>
      ? Effect.Effect<Answer, ErrorOf<H>>
      : never

/** A handler's method; one whose input has no required field may be called without any. */
export type MethodOf<H> =
  Readonly<Record<never, never>> extends InputOf<H>
    ? (input?: InputOf<H>, options?: CallOptions) => AnswerOf<H>
    : (input: InputOf<H>, options?: CallOptions) => AnswerOf<H>

/** A method for each handler, under its name. */
export type ClientOf<Handlers> = { readonly [Name in keyof Handlers]: MethodOf<Handlers[Name]> }

/** Makes a method of each handler. */
export const clientOf = <const Handlers extends Readonly<Record<string, Handler<unknown>>>>(
  handlers: Handlers,
  options: ClientOptions
): ClientOf<Handlers> => {
  const send = makeSend(options)
  const methods = Object.entries(handlers).map(([name, handler]) => [name, methodOf(name, handler, send)])
  return Object.fromEntries(methods) as ClientOf<Handlers>
}

/** Its types are those that {@link ClientOf} derives. */
const methodOf =
  (name: string, handler: Handler<unknown>, send: Send) =>
  (input: Readonly<Record<string, unknown>> = {}, { idempotencyKey }: CallOptions = {}) => {
    const sent = Effect.gen(function* () {
      const request = yield* encodeRequest(handler, input)
      const key = idempotencyKey === undefined ? {} : yield* keyHeader(name, handler, idempotencyKey)
      return yield* send({ ...request, headers: { ...request.headers, ...key } })
    })
    const { success } = handler
    if (isContent(success)) {
      return Stream.unwrap(Effect.map(sent, (answer) => readContent(answer, handler)))
    }
    return Effect.scoped(Effect.flatMap(sent, (answer) => readJson(answer, { ...handler, success })))
  }

const keyHeader = (name: string, { isIdempotent }: Handler<unknown>, key: string) => {
  const problem =
    isIdempotent !== true
      ? `is not for '${name}', which keeps no answers`
      : /^[!-~]{1,255}$/.test(key)
        ? undefined
        : "must be 1 to 255 visible ASCII characters"
  return problem === undefined
    ? Effect.succeed({ "Idempotency-Key": key })
    : Effect.fail(new RequestInvalid({ field: "idempotencyKey", message: `'idempotencyKey' ${problem}` }))
}
