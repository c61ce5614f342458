/** Answers as they go out: JSON, ending in a newline. */
import { Cause, Effect, Option } from "effect"
import type { ShutdownNotice } from "../domain/shutdownNotice.ts"
import type { StoredAnswer } from "../services/records/StoredAnswers.ts"
import { NodeResponse } from "./NodeResponse.ts"
import { internalError, type Refusal, refusalBody, shuttingDown } from "./refusals.ts"

/** An answer whose body is written. */
export type Answer = StoredAnswer

/** Writes a body as JSON. */
export const answerWith = (given: {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}): Answer => ({ status: given.status, headers: given.headers ?? {}, body: `${JSON.stringify(given.body)}\n` })

/** A refusal as an answer; its body names the request. */
export const refuse = (refusal: Refusal, requestId: string): Answer =>
  answerWith({ ...refusal, body: refusalBody(refusal, requestId) })

/** What a program that neither answered nor refused was: cut by the shutdown of this notice, or a defect. */
export const refusalOf = (cause: Cause.Cause<Refusal>, notice: ShutdownNotice | undefined): Refusal =>
  Option.getOrElse(Cause.findErrorOption(cause), () =>
    Cause.hasInterruptsOnly(cause) ? shuttingDown(notice) : internalError
  )

/** Logs a cause that holds a defect as `http.defect`; nothing for any other. */
export const logDefects = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasDies(cause) ? Effect.logError("http.defect", cause) : Effect.void

/** An answer as a response; `common` headers count before its own. */
export const responseOf = ({ status, headers, body }: Answer, common: Readonly<Record<string, string>>): Response =>
  new NodeResponse(body, {
    status,
    headers: { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", ...headers, ...common }
  })
