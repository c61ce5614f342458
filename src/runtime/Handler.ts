/** What a handler is: a value that names its route and whose body runs one operation. */
import type { Effect, Schema, Stream } from "effect"
import type { RequestId } from "../domain/RequestId.ts"

/**
 * Who may call a route: anyone; anyone where a token is set (without one: loopback peers); holders of the token
 * (without one: loopback peers); or also a live run's ticket.
 */
export type Access = "public" | "publicWithToken" | "token" | "tokenOrTicket"

/** What the runtime tells a handler about the request. */
export interface RequestContext {
  readonly requestId: RequestId
}

/** A tagged error. */
interface Tagged {
  readonly _tag: string
  readonly message: string
}

type PlainSchema<A> = Schema.Codec<A, unknown>

/** The fields that an error adds to its answer. */
export interface ErrorFields<E, Fields> {
  readonly schema: PlainSchema<Fields>
  readonly of: (error: E) => Fields
}

/** How an operation's failure is answered; its `code` is the tag in snake_case. */
export interface ErrorAnswer<E, Fields = unknown> {
  readonly status: 404 | 409 | 410 | 416 | 500 | 503
  /** What is then true, in a few words, for the documentation. */
  readonly about: string
  readonly fields?: ErrorFields<E, Fields>
  readonly headers?: (error: E) => Readonly<Record<string, string>>
}

/** One answer for each tag: one that is missing does not compile. */
export type ErrorAnswers<E extends Tagged> = { readonly [Tag in E["_tag"]]: ErrorAnswer<Extract<E, { _tag: Tag }>> }

/** An answer that is not JSON. */
export interface Content {
  readonly status?: 200 | 206
  /** `Content-Type` among them. */
  readonly headers: Readonly<Record<string, string>>
  /** A stream is ended by a caller that goes away, and by Looper's shutdown. */
  readonly body: string | Uint8Array<ArrayBuffer> | Stream.Stream<Uint8Array, Tagged>
  /** What is sent behind a stream that Looper's shutdown cuts. */
  readonly last?: () => Uint8Array | undefined
}

/** Stands for a success schema where a handler answers with {@link Content}. */
export interface ContentSchema {
  /** Media types, each with what it holds. */
  readonly contents: Readonly<Record<string, string>>
}

/** A request's fields, in the words of a schema. */
export type RequestSchema = PlainSchema<unknown> & { readonly fields: Readonly<Record<string, Schema.Top>> }

/** What a body succeeds with. */
export type SuccessOf<Success> = Success extends Schema.Schema<infer Output> ? Output : Content

/** A route and its function. */
export interface HandlerDefinition<Request, Success, Errors, Body> {
  /** One line: what it does. */
  readonly summary: string
  readonly method: "GET" | "POST"
  /** `:name` stands for one segment, which is the request's field of that name. */
  readonly path: `/${string}`
  readonly access: Access
  /** Decodes path segments, headers and the rest: the query of a `GET`, the body of a `POST`. */
  readonly request: Request
  /** Fields that are header fields, with their names there. */
  readonly headers?: Readonly<Record<string, string>>
  /** Accepts an empty body without a content type. */
  readonly isBodyOptional?: boolean
  /** Takes an `Idempotency-Key`: what it answered under the run lock is answered again, and not done again. */
  readonly isIdempotent?: boolean
  /** Fields that choose a program to execute: for callers that are trusted to. */
  readonly programFields?: ReadonlyArray<string>
  readonly success: Success
  readonly errors: Errors
  readonly body: Body
}

/** A handler as the runtime sees it, whatever its input and its errors are. */
export interface Handler<out R>
  extends Omit<HandlerDefinition<RequestSchema, unknown, unknown, unknown>, "body" | "errors" | "success"> {
  readonly success: PlainSchema<unknown> | ContentSchema
  readonly errors: Readonly<Record<string, AnyErrorAnswer>>
  body(input: unknown, context: RequestContext): Effect.Effect<unknown, Tagged, R>
}

/** An {@link ErrorAnswer} of any error. */
export interface AnyErrorAnswer extends Omit<ErrorAnswer<Tagged>, "fields" | "headers"> {
  readonly fields?: { readonly schema: PlainSchema<unknown>; of(error: Tagged): unknown }
  headers?(error: Tagged): Readonly<Record<string, string>>
}

/** Handlers by their names, which are those of the client's methods and what `looper invoke` calls them. */
export type Handlers<R> = Readonly<Record<string, Handler<R>>>

/** What {@link handler} keeps of a handler's types. */
export interface TypedHandler<out R, Request, Success, Errors> extends Handler<R> {
  readonly request: Request & RequestSchema
  readonly success: Success & (PlainSchema<unknown> | ContentSchema)
  readonly errors: Errors & Readonly<Record<string, AnyErrorAnswer>>
}

/** Makes a handler; the one place where its body's types are forgotten. */
export const handler = <
  Request extends RequestSchema,
  Success extends PlainSchema<unknown> | ContentSchema,
  const Errors,
  Body extends Effect.Effect<SuccessOf<Success>, unknown, unknown>
>(
  definition: HandlerDefinition<
    Request,
    Success,
    Errors & ErrorAnswers<Extract<Effect.Error<NoInfer<Body>>, Tagged>>,
    (input: Request["Type"], context: RequestContext) => Body
  >
) => definition as unknown as TypedHandler<Effect.Services<Body>, Request, Success, Errors>

/** Does it answer with something else than JSON? */
export const isContent = (success: PlainSchema<unknown> | ContentSchema): success is ContentSchema =>
  "contents" in success
