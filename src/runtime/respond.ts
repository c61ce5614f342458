/** Answers as they go out: JSON, ending in a newline. */
import { Cause, Effect, Option } from "effect"
import type { StoredAnswer } from "../services/records/StoredAnswers.ts"
import { internalError, type Refusal, refusalBody, shuttingDown } from "./refusals.ts"

/** An answer whose body is written. */
export type Answer = StoredAnswer

export const answerWith = (given: {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}): Answer => ({ status: given.status, headers: given.headers ?? {}, body: `${JSON.stringify(given.body)}\n` })

export const refuse = (refusal: Refusal, requestId: string): Answer =>
  answerWith({ ...refusal, body: refusalBody(refusal, requestId) })

/** What a program that neither answered nor refused was: cut by the shutdown, or a defect. */
export const refusalOf = (cause: Cause.Cause<Refusal>): Refusal =>
  Option.getOrElse(Cause.findErrorOption(cause), () => (Cause.hasInterruptsOnly(cause) ? shuttingDown : internalError))

export const logDefects = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasDies(cause) ? Effect.logError("http.defect", cause) : Effect.void

export const responseOf = ({ status, headers, body }: Answer): Response =>
  new Response(body, {
    status,
    headers: { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", ...headers }
  })
