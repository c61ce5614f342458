/** Answers by idempotency key: what was done once under the run lock is not done again, for a day. */
import { Clock, Context, Deferred, Effect, Exit, Layer, Schema, Scope } from "effect"
import { ProcessTable } from "../processes/ProcessTable.ts"
import { LockTaken } from "../runs/RunLock.ts"
import { monotonicMillis } from "../Shutdown.ts"
import { Database } from "./Database.ts"

/** An answer as it went out. */
export interface StoredAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The key came with another body before; nothing was done. */
export class KeyReused extends Schema.TaggedError<KeyReused>()("KeyReused", {}) {}

/** The sequence of this key was cut by the end of its Looper, so nobody knows what it did; nothing more was done. */
export class AnswerLost extends Schema.TaggedError<AnswerLost>()("AnswerLost", {}) {}

/** The database takes nothing, so a repeat could not be told from a first request; nothing was done. */
export class AnswersUnavailable extends Schema.TaggedError<AnswersUnavailable>()("AnswersUnavailable", {}) {}

/** Why a key keeps a request from being done. */
export type AnswerOnceError = KeyReused | AnswerLost | AnswersUnavailable

/** An answer, and whether somebody got it before. */
export interface GivenAnswer {
  readonly answer: StoredAnswer
  readonly isReplay: boolean
}

/** Answers are forgotten after this. */
export const keptMillis = 24 * 3_600_000

/** What makes a request the same as an earlier one. */
export interface Identity {
  readonly route: string
  readonly key: string
  /** Equal for bodies that ask for the same. */
  readonly bodyHash: string
}

/** A request with a key: what it does, and how that is answered. */
export interface KeyedRequest<A, E, R> extends Identity {
  /** What must not happen twice. */
  readonly program: Effect.Effect<A, E, R>
  /** What is answered to its end; only a final answer is stored, none that says "later". */
  readonly answerOf: (
    exit: Exit.Exit<A, E>
  ) => Effect.Effect<{ readonly answer: StoredAnswer; readonly isFinal: boolean }, never, R>
}

/** A request under way, or one whose answer the database has not taken. */
interface Entry extends Identity {
  readonly given: Deferred.Deferred<GivenAnswer, AnswerOnceError>
  lock: "none" | "taken" | "refused"
  /** On the monotonic clock; undefined where the database has the answer or there is none to keep. */
  keptAtMillis: number | undefined
}

/** Answers under way in memory, final ones in the database for 24 hours. */
export class StoredAnswers extends Context.Service<
  StoredAnswers,
  {
    /**
     * Answers a request by its key: runs its program, waits for the same one under way, or gives what is stored.
     *
     * **Details** The program belongs to this layer: a caller that is interrupted changes nothing. A row is written
     * as soon as the program holds the run lock, before its first effect; the answer replaces it. A program that
     * ends without the lock leaves nothing, and its key is free.
     *
     * **Errors**
     * - `KeyReused`, `AnswersUnavailable`: nothing was done.
     * - `AnswerLost`: a Looper ended in the middle of the first request's sequence.
     */
    readonly once: <A, E, R>(request: KeyedRequest<A, E, R>) => Effect.Effect<GivenAnswer, AnswerOnceError, R>
  }
>()("looper/services/records/StoredAnswers") {
  /** Must end after the run lock, whose end completes the sequences, and before the database. */
  static readonly layerNoDeps = Layer.effect(
    StoredAnswers,
    Effect.gen(function* () {
      const { bootId } = yield* ProcessTable
      const table = answersTable(yield* Database, bootId)
      const scope = yield* Scope.make()
      const entries = new Map<string, Entry>()
      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          for (const { lock, given } of entries.values()) {
            if (lock === "taken") yield* Effect.exit(Deferred.await(given))
          }
          yield* Scope.close(scope, Exit.void)
        })
      )

      const perform = <A, E, R>(entry: Entry, request: KeyedRequest<A, E, R>) =>
        Effect.gen(function* (): Effect.gen.Return<GivenAnswer, AnswerOnceError, R> {
          const stored = yield* table.find(entry)
          if (stored !== undefined) return { answer: stored, isReplay: true }
          const exit = yield* request.program.pipe(
            Effect.provideService(LockTaken, noteLock(table, entry)),
            Effect.interruptible,
            Effect.exit
          )
          if (entry.lock === "refused") return yield* new AnswersUnavailable()
          const { answer, isFinal } = yield* request.answerOf(exit)
          if (entry.lock === "taken" && isFinal && !(yield* table.complete(entry, answer))) {
            entry.keptAtMillis = yield* monotonicMillis
            yield* Effect.logWarning("http.idempotency.unstored")
          }
          return { answer, isReplay: false }
        })

      const begin = Effect.fnUntraced(function* <A, E, R>(
        entry: Entry,
        request: KeyedRequest<A, E, R>
      ): Effect.fn.Return<void, never, R> {
        const fiber = yield* Effect.forkIn(perform(entry, request), scope, {
          startImmediately: true,
          uninterruptible: true
        })
        fiber.addObserver((exit) => {
          if (entry.keptAtMillis === undefined) entries.delete(idOf(entry))
          Deferred.doneUnsafe(entry.given, exit)
        })
      })

      const once = <A, E, R>(request: KeyedRequest<A, E, R>) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* (): Effect.gen.Return<GivenAnswer, AnswerOnceError, R> {
            const now = yield* monotonicMillis
            const known = entries.get(idOf(request))
            if (known !== undefined && (known.keptAtMillis ?? now) > now - keptMillis) {
              if (known.bodyHash !== request.bodyHash) return yield* new KeyReused()
              return { ...(yield* restore(Deferred.await(known.given))), isReplay: true }
            }
            // From the look to here nobody else has run.
            const entry = newEntry(request)
            entries.set(idOf(request), entry)
            yield* begin(entry, request)
            return yield* restore(Deferred.await(entry.given))
          })
        )
      return StoredAnswers.of({ once })
    })
  )
}

const newEntry = ({ route, key, bodyHash }: Identity): Entry => ({
  route,
  key,
  bodyHash,
  given: Deferred.makeUnsafe(),
  lock: "none",
  keptAtMillis: undefined
})

/** A key has no space. */
const idOf = ({ route, key }: Identity): string => `${key} ${route}`

type Table = ReturnType<typeof answersTable>

/** Where the row is not written, the sequence dies before its first effect. */
const noteLock = Effect.fnUntraced(function* (table: Table, entry: Entry) {
  if (entry.lock === "taken") return
  entry.lock = (yield* table.begin(entry)) ? "taken" : "refused"
  if (entry.lock === "refused") return yield* Effect.die(new AnswersUnavailable())
})

/** Is a row kept? By the monotonic clock, which nobody sets; by the wall clock where the machine was started since. */
const isKept = "CASE WHEN boot_id = ? THEN created_ms > ? ELSE created_at > ? END"

/** The rows of `answers`; one without a status is a sequence in progress, or one that was cut. */
const answersTable = (database: Database["Service"], bootId: string) => {
  const cut = Effect.gen(function* () {
    return [bootId, (yield* monotonicMillis) - keptMillis, (yield* Clock.currentTimeMillis) - keptMillis] as const
  })
  const find = Effect.fnUntraced(function* ({ route, key, bodyHash }: Identity) {
    if (!(yield* database.isUsable)) return yield* new AnswersUnavailable()
    const rows = yield* database.read(
      `SELECT body_hash, status, headers, body FROM answers WHERE route = ? AND key = ? AND ${isKept}`,
      route,
      key,
      ...(yield* cut)
    )
    if (rows === undefined) return yield* new AnswersUnavailable()
    const [row] = rows
    if (row === undefined) return undefined
    if (row.body_hash !== bodyHash) return yield* new KeyReused()
    if (row.status === null) return yield* new AnswerLost()
    return { status: Number(row.status), headers: JSON.parse(String(row.headers)), body: String(row.body) }
  })
  const begin = Effect.fnUntraced(function* ({ route, key, bodyHash }: Identity) {
    yield* database.tryWrite(`DELETE FROM answers WHERE NOT ${isKept}`, ...(yield* cut))
    return yield* database.tryWrite(
      `INSERT OR REPLACE INTO answers (route, key, body_hash, created_at, boot_id, created_ms)
       VALUES (?, ?, ?, ?, ?, ?)`,
      route,
      key,
      bodyHash,
      yield* Clock.currentTimeMillis,
      bootId,
      yield* monotonicMillis
    )
  })
  /** True where the answer is written; otherwise it is as soon as the database takes it. */
  const complete = Effect.fnUntraced(function* ({ route, key, bodyHash }: Identity, answer: StoredAnswer) {
    yield* database.write(
      `INSERT OR REPLACE INTO answers (route, key, body_hash, created_at, boot_id, created_ms, status, headers, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      route,
      key,
      bodyHash,
      yield* Clock.currentTimeMillis,
      bootId,
      yield* monotonicMillis,
      answer.status,
      JSON.stringify(answer.headers),
      answer.body
    )
    return yield* database.isUsable
  })
  return { find, begin, complete }
}
