/** The `Idempotency-Key` of a request, and what makes two bodies the same. */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import type { ShutdownNotice } from "../domain/shutdownNotice.ts"
import { type AnswerOnceError, type KeyedRequest, StoredAnswers } from "../services/records/StoredAnswers.ts"
import { idempotencyKeyReused, idempotencyUnavailable, interrupted, invalid, type Refusal } from "./refusals.ts"
import { type Answer, logDefects, refusalOf, refuse } from "./respond.ts"

const header = "Idempotency-Key"
/** Characters of a key. */
export const maxKeyLength = 255

/**
 * The key of a request, undefined where it has none.
 *
 * **Details** `rawHeaders` are names and values as the parser read them: `Headers` would join values that came apart.
 */
export const idempotencyKey = (
  headers: Headers,
  rawHeaders: ReadonlyArray<string> | undefined
): Effect.Effect<string | undefined, Refusal> => {
  const joined = headers.get(header)
  if (joined === null) return Effect.undefined
  const times = rawHeaders?.filter((name, index) => index % 2 === 0 && name.toLowerCase() === header.toLowerCase())
  const problem = times !== undefined && times.length > 1 ? `it came ${times.length} times` : keyProblem(joined)
  if (problem === undefined) return Effect.succeed(joined)
  return Effect.fail(
    invalid(`'${header}' must come once, as 1 to ${maxKeyLength} visible ASCII characters: ${problem}`)
  )
}

const keyProblem = (key: string): string | undefined => {
  if (key === "") return "it is empty"
  if (key.length > maxKeyLength) return `it has ${key.length}`
  const index = key.search(/[^!-~]/)
  if (index < 0) return undefined
  const code = key.charCodeAt(index).toString(16).toUpperCase().padStart(4, "0")
  return `its character ${index + 1} is U+${code}`
}

/** SHA-256 of a decoded body, whatever the order of its fields. */
export const bodyHash = (input: unknown): string =>
  createHash("sha256").update(JSON.stringify(input, withSortedKeys)).digest("hex")

const withSortedKeys = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** What is answered where a key keeps a request from being done. */
const refusals: { readonly [Tag in AnswerOnceError["_tag"]]: Refusal } = {
  KeyReused: idempotencyKeyReused,
  AnswerLost: interrupted,
  AnswersUnavailable: idempotencyUnavailable
}

/** Answers a request by its key; the log knows of a key how long it is. */
export const makeAnswerOnce = Effect.map(StoredAnswers, (storedAnswers) =>
  Effect.fnUntraced(function* <A, E, R>(request: KeyedRequest<A, E, R>): Effect.fn.Return<Answer, Refusal, R> {
    const fields = { key_len: request.key.length }
    const { answer, isReplay } = yield* storedAnswers.once(request).pipe(
      Effect.mapError(({ _tag }) => refusals[_tag]),
      Effect.tapError(({ code }) =>
        Effect.logWarning("http.idempotency.refused").pipe(Effect.annotateLogs({ ...fields, code }))
      )
    )
    if (!isReplay) return answer
    const { request_id } = JSON.parse(answer.body)
    yield* Effect.logInfo("http.idempotency.replayed").pipe(
      Effect.annotateLogs({ ...fields, first_request_id: request_id })
    )
    return { ...answer, headers: { ...answer.headers, "Idempotency-Replayed": "true" } }
  })
)

/** An answer whatever became of it; one that says "later" is not final. */
export const finalAnswer = <R>(
  answered: Effect.Effect<Answer, Refusal, R>,
  { requestId, notice }: { readonly requestId: string; readonly notice: () => ShutdownNotice | undefined }
) =>
  answered.pipe(
    Effect.tapCause(logDefects),
    Effect.catchCause((cause) => Effect.succeed(refuse(refusalOf(cause, notice()), requestId))),
    Effect.map((answer) => ({ answer, isFinal: answer.status !== 503 }))
  )
