/** How a call of the client fails; an operation's own errors are {@link OperationError}s. */
import { type Cause, Data, Schema } from "effect"

/** A failure of the operation itself: `_tag` is its tag, `fields` are what the answer says beside the sentence. */
export interface OperationError<out Tag extends string, out Fields> extends Cause.YieldableError {
  readonly _tag: Tag
  /** Of the HTTP answer. */
  readonly status: number
  /** The answer's sentence. */
  readonly message: string
  /** Finds the request in Looper's log. */
  readonly requestId: string
  readonly fields: Fields
}

/** An {@link OperationError}, whatever its tag. */
export class OperationFailure extends Data.Error<{
  readonly _tag: string
  readonly status: number
  readonly message: string
  readonly requestId: string
  readonly fields: unknown
}> {
  override get name(): string {
    return this._tag
  }
}

/** Looper refused the request before, or beside, its operation: `unauthorized`, `not_found`, `internal_error`, … */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  /** Of the HTTP answer. */
  status: Schema.Int,
  /** In snake_case. */
  code: Schema.String,
  message: Schema.String,
  /** Finds the request in Looper's log. */
  requestId: Schema.String,
  /** When to ask again, where the answer says so. */
  retryAfterSeconds: Schema.optionalKey(Schema.Number)
}) {}

/**
 * No answer, or not all of it: nothing listens there, the connection was cut, or its bytes stopped coming.
 *
 * **Details** Unless `isUnsent`, the request may have arrived, and what it asks for may be done.
 */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  url: Schema.String,
  reason: Schema.String,
  /** The request was provably not sent: it did nothing. */
  isUnsent: Schema.Boolean
}) {
  override get message(): string {
    return `no answer from ${this.url}: ${this.reason}`
  }
}

/** Something answered that is no Looper: a page, another service's JSON, a redirect. */
export class NotLooper extends Schema.TaggedError<NotLooper>()("NotLooper", {
  url: Schema.String,
  /** Absent where it was not even HTTP. */
  status: Schema.optionalKey(Schema.Int),
  reason: Schema.String
}) {
  override get message(): string {
    const status = this.status === undefined ? "" : ` with status ${this.status}`
    return `what answers at ${this.url}${status} is not Looper: ${this.reason}`
  }
}

/** The request is not valid, so it was not sent. */
export class RequestInvalid extends Schema.TaggedError<RequestInvalid>()("RequestInvalid", {
  /** The field at fault, where it is one. */
  field: Schema.optionalKey(Schema.String),
  message: Schema.String
}) {}

/** A log that was followed cannot be followed any more: it was removed, truncated or cannot be read. */
export class LogLost extends Schema.TaggedError<LogLost>()("LogLost", {
  id: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `the log of run ${this.id} cannot be followed any more: ${this.reason}`
  }
}

/** How a call of any method can fail beside its operation's errors. */
export type CallError = Refused | Unreachable | NotLooper | RequestInvalid
