/** What a handler is: a value that names its route and whose body runs one operation. */
import type { Effect, Schema } from "effect"
import type { RequestId } from "../domain/RequestId.ts"

/** Who may call a route: anyone, holders of the token (without one: loopback peers), or also a live run's ticket. */
export type Access = "public" | "token" | "tokenOrTicket"

/** What the runtime tells a handler about the request. */
export interface RequestContext {
  readonly requestId: RequestId
}

/** How an operation's failure is answered; its `code` is the tag in snake_case. */
export interface ErrorAnswer<E> {
  readonly status: 409 | 500 | 503
  /** The error's own fields in the answer. */
  readonly fields?: (error: E) => Readonly<Record<string, unknown>>
}

/** A tagged error. */
interface Tagged {
  readonly _tag: string
  readonly message: string
}

/** One answer for each tag: one that is missing does not compile. */
export type ErrorAnswers<E extends Tagged> = { readonly [Tag in E["_tag"]]: ErrorAnswer<Extract<E, { _tag: Tag }>> }

type PlainSchema<A> = Schema.Codec<A, unknown>

/** A route and its function. */
export interface HandlerDefinition<Input, Output, E extends Tagged, R> {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly access: Access
  /** Decodes the body of a `POST`; its fields are the known ones. */
  readonly request: PlainSchema<Input> & { readonly fields: Readonly<Record<string, unknown>> }
  /** Accepts an empty body without a content type. */
  readonly isBodyOptional?: boolean
  /** Takes an `Idempotency-Key`: what it answered under the run lock is answered again, and not done again. */
  readonly isIdempotent?: boolean
  /** Fields that choose a program to execute: for callers that are trusted to. */
  readonly programFields?: ReadonlyArray<string>
  readonly success: PlainSchema<Output>
  readonly errors: ErrorAnswers<E>
  readonly body: (input: Input, context: RequestContext) => Effect.Effect<Output, E, R>
}

/** A handler as the runtime sees it, whatever its input and its errors are. */
export interface Handler<out R>
  extends Omit<HandlerDefinition<never, unknown, never, R>, "body" | "errors" | "request" | "success"> {
  readonly request: Schema.Codec<unknown, unknown> & { readonly fields: Readonly<Record<string, unknown>> }
  readonly success: Schema.Codec<unknown, unknown>
  readonly errors: Readonly<
    Record<string, { readonly status: number; fields?(error: Tagged): Readonly<Record<string, unknown>> }>
  >
  body(input: unknown, context: RequestContext): Effect.Effect<unknown, Tagged, R>
}

/** Makes a handler; the one place where its types are forgotten. */
export const handler = <Input, Output, Body extends Effect.Effect<Output, unknown, unknown>>(
  definition: Omit<HandlerDefinition<Input, Output, Tagged, unknown>, "body" | "errors"> & {
    readonly body: (input: Input, context: RequestContext) => Body
    readonly errors: ErrorAnswers<Extract<Effect.Error<NoInfer<Body>>, Tagged>>
  }
): Handler<Effect.Services<Body>> => definition as unknown as Handler<Effect.Services<Body>>
