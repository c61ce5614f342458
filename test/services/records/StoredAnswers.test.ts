import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { LockHolder, RunBusy, ShuttingDown } from "../../../src/domain/errors.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { keptMillis, StoredAnswers } from "../../../src/services/records/StoredAnswers.ts"
import { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { RunLock } from "../../../src/services/runs/RunLock.ts"
import { Shutdown } from "../../../src/services/Shutdown.ts"
import { makeMemoryDatabase, type MemoryDatabase } from "../../support/memoryDatabase.ts"

const config = Layer.orDie(LooperConfig.layer({ root: "/", environment: {} }))

/** Lock and answers over one database, as layers.ts has them, until `close`. */
const openHouse = Effect.fnUntraced(function* (database: MemoryDatabase = makeMemoryDatabase(), bootId = "b") {
  const scope = yield* Scope.make()
  const close = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => close)
  const answersScope = yield* Scope.fork(scope)
  const answersLayer = Layer.provide(StoredAnswers.layerNoDeps, [
    database.layer,
    Layer.mock(ProcessTable, { bootId, self: 1 })
  ])
  const answers = Context.get(yield* Layer.buildWithScope(answersLayer, answersScope), StoredAnswers)
  const lockLayer = RunLock.layerNoDeps.pipe(
    Layer.provide([Layer.provide(Shutdown.layerNoDeps, config), Layer.mock(RunRecords, { has: () => false })])
  )
  const lock = Context.get(yield* Layer.buildWithScope(lockLayer, scope), RunLock)
  const closeAnswers = Scope.close(answersScope, Exit.void)
  const done: Array<string> = []

  /** A sequence that takes the lock, does `name` and then what is given. */
  const sequence = (name: string, then: Effect.Effect<void> = Effect.void) =>
    lock.tryRun({
      requestId: "0a0a0a0a",
      operation: "run",
      step: "notify",
      sequence: Effect.andThen(
        Effect.sync(() => void done.push(name)),
        then
      )
    })

  const once = <A, E extends { readonly _tag: string }>(
    program: Effect.Effect<A, E>,
    over: { readonly route?: string; readonly key?: string; readonly bodyHash?: string } = {}
  ) =>
    answers.once({
      route: "POST /run",
      key: "k",
      bodyHash: "a",
      ...over,
      program,
      answerOf: (exit) => {
        const status = Exit.isSuccess(exit) ? 200 : Exit.hasInterrupts(exit) ? 503 : 500
        const tag = Exit.isFailure(exit) && exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error._tag
        const isFinal = status !== 503 && tag !== "ShuttingDown"
        return Effect.succeed({ answer: { status, headers: { a: "b" }, body: `${status} of ${done.length}` }, isFinal })
      }
    })
  return { database, lock, close, closeAnswers, done, sequence, once }
})

const given = (body: string, isReplay: boolean) => ({
  answer: { status: Number(body.slice(0, 3)), headers: { a: "b" }, body },
  isReplay
})

const tagOf = <A, E extends { readonly _tag: string }>(program: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(program), ({ _tag }) => _tag)

/** Something that waits until it is opened. */
const makeGate = Effect.gen(function* () {
  const entered = yield* Deferred.make<void>()
  const opened = yield* Deferred.make<void>()
  return {
    pass: Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(opened)),
    entered: Deferred.await(entered),
    open: Deferred.succeed(opened, undefined)
  }
})

const begin = <A, E>(program: Effect.Effect<A, E>) => Effect.forkChild(program, { startImmediately: true })

describe("an answer by its key", () => {
  it.effect("is given to every repeat, and the sequence runs once", () =>
    Effect.gen(function* () {
      const { once, sequence, done } = yield* openHouse()
      assert.deepStrictEqual(yield* once(sequence("first")), given("200 of 1", false))
      assert.deepStrictEqual(yield* once(sequence("second")), given("200 of 1", true))
      assert.deepStrictEqual(yield* once(sequence("third")), given("200 of 1", true))
      assert.deepStrictEqual(done, ["first"])
    })
  )

  it.effect("is given to a repeat that another Looper gets", () =>
    Effect.gen(function* () {
      const first = yield* openHouse()
      yield* first.once(first.sequence("first"))
      yield* first.close
      const second = yield* openHouse(first.database)
      assert.deepStrictEqual(yield* second.once(second.sequence("second")), given("200 of 1", true))
      assert.deepStrictEqual(second.done, [])
    })
  )

  it.effect("is given where the sequence failed, or died, too", () =>
    Effect.gen(function* () {
      const { once, lock, done } = yield* openHouse()
      const ends = [["failed", Effect.fail({ _tag: "Failed" })] as const, ["died", Effect.die("oven")] as const]
      for (const [key, end] of ends) {
        const program = lock.tryRun({
          requestId: "0a0a0a0a",
          operation: "run",
          step: "kill",
          sequence: Effect.andThen(
            Effect.sync(() => void done.push(key)),
            end
          )
        })
        const first = yield* once<never, RunBusy | ShuttingDown | { _tag: string }>(program, { key })
        assert.strictEqual(first.answer.status, 500)
        assert.deepStrictEqual(yield* once(program, { key }), { ...first, isReplay: true })
      }
      assert.deepStrictEqual(done, ["failed", "died"])
    })
  )

  it.effect("belongs to its route", () =>
    Effect.gen(function* () {
      const { once, sequence, done } = yield* openHouse()
      const gate = yield* makeGate
      const first = yield* begin(once(sequence("first", gate.pass)))
      yield* gate.entered
      const elsewhere = { route: "POST /spawn" }
      assert.deepStrictEqual(yield* once(sequence("busy"), elsewhere), given("500 of 1", false))
      yield* gate.open
      yield* Fiber.join(first)
      yield* once(sequence("second"), elsewhere)
      assert.deepStrictEqual(done, ["first", "second"])
    })
  )

  it.effect("is refused to another body, also while the first is in progress", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const { once, sequence, done } = yield* openHouse()
      const first = yield* begin(once(sequence("first", gate.pass)))
      yield* gate.entered
      assert.strictEqual(yield* tagOf(once(sequence("second"), { bodyHash: "b" })), "KeyReused")
      yield* gate.open
      yield* Fiber.join(first)
      assert.strictEqual(yield* tagOf(once(sequence("third"), { bodyHash: "b" })), "KeyReused")
      assert.deepStrictEqual(done, ["first"])
    })
  )

  it.effect("is waited for by a repeat that comes while it is in progress", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const { once, sequence, done } = yield* openHouse()
      const asking = [yield* begin(once(sequence("1", gate.pass))), yield* begin(once(sequence("2")))]
      yield* gate.entered
      asking.push(yield* begin(once(sequence("3"))))
      assert.deepStrictEqual(
        asking.map((fiber) => fiber.pollUnsafe()),
        [undefined, undefined, undefined]
      )
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.joinAll(asking), [
        given("200 of 1", false),
        given("200 of 1", true),
        given("200 of 1", true)
      ])
      assert.deepStrictEqual(done, ["1"])
    })
  )
})

describe("the row of a key", () => {
  it.effect("is there before the first effect of the sequence, and has the answer at its end", () =>
    Effect.gen(function* () {
      const { once, sequence, database } = yield* openHouse()
      const seen: Array<unknown> = []
      yield* once(
        sequence(
          "first",
          Effect.sync(() => void seen.push(...database.rows()))
        )
      )
      const row = { route: "POST /run", key: "k", body_hash: "a", created_at: 0, boot_id: "b", created_ms: 0 }
      assert.deepEqual(seen, [{ ...row, status: null, headers: null, body: null }])
      assert.deepEqual(database.rows(), [{ ...row, status: 200, headers: '{"a":"b"}', body: "200 of 1" }])
    })
  )

  it.effect("is not there where the lock was not taken: the key stays free", () =>
    Effect.gen(function* () {
      const { once, sequence, database, lock, done } = yield* openHouse()
      assert.deepStrictEqual(yield* once(Effect.fail({ _tag: "ToolMissing" })), given("500 of 0", false))
      const gate = yield* makeGate
      const holding = yield* begin(sequence("holder", gate.pass))
      yield* gate.entered
      assert.deepStrictEqual(yield* once(sequence("busy")), given("500 of 1", false))
      assert.strictEqual((lock.holder() as LockHolder).requestId, "0a0a0a0a")
      yield* gate.open
      yield* Fiber.join(holding)
      assert.deepStrictEqual(database.statements, [])
      assert.deepStrictEqual(yield* once(sequence("second"), { bodyHash: "b" }), given("200 of 2", false))
      assert.deepStrictEqual(done, ["holder", "second"])
    })
  )

  it.effect("without an answer is what a Looper that died left: its effects are unknown", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const first = yield* openHouse()
      yield* begin(first.once(first.sequence("first", gate.pass)))
      yield* gate.entered
      const second = yield* openHouse(first.database)
      for (const _ of [1, 2]) assert.strictEqual(yield* tagOf(second.once(second.sequence("second"))), "AnswerLost")
      assert.strictEqual(yield* tagOf(second.once(second.sequence("third"), { bodyHash: "b" })), "KeyReused")
      assert.deepStrictEqual(second.done, [])
      yield* gate.open
    })
  )

  it.effect("of another boot is forgotten after a day of the wall clock: there is no other", () =>
    Effect.gen(function* () {
      const database = makeMemoryDatabase()
      const first = yield* openHouse(database)
      yield* first.once(first.sequence("first", Effect.void))
      yield* first.close
      yield* TestClock.adjust(keptMillis - 1)
      const second = yield* openHouse(database, "another")
      assert.isTrue((yield* second.once(second.sequence("second", Effect.void))).isReplay)
      yield* TestClock.adjust(1)
      assert.isFalse((yield* second.once(second.sequence("third", Effect.void))).isReplay)
    })
  )

  it.effect("is forgotten after a day, at the next insert also by the table", () =>
    Effect.gen(function* () {
      const { once, sequence, database, done } = yield* openHouse()
      yield* once(sequence("first"))
      yield* TestClock.adjust(keptMillis - 1)
      yield* once(sequence("other"), { key: "other" })
      assert.strictEqual((yield* once(sequence("second"))).isReplay, true)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* once(Effect.fail({ _tag: "ToolMissing" }))).isReplay, false)
      assert.lengthOf(database.rows(), 2)
      yield* once(sequence("third"), { key: "third" })
      assert.deepStrictEqual(
        database.rows().map(({ key }) => key),
        ["other", "third"]
      )
      yield* once(sequence("fourth"), { bodyHash: "b" })
      assert.deepStrictEqual(done, ["first", "other", "third", "fourth"])
    })
  )

  it.effect("keeps its answer where something that the sequence began takes the lock later", () =>
    Effect.gen(function* () {
      const { once, sequence, lock } = yield* openHouse()
      const gate = yield* makeGate
      const later = yield* Deferred.make<void>()
      const background = Effect.andThen(gate.pass, sequence("later")).pipe(
        Effect.ignore,
        Effect.andThen(Deferred.succeed(later, undefined))
      )
      yield* once(sequence("first", Effect.asVoid(Effect.forkDetach(background))))
      yield* gate.open
      yield* Deferred.await(later)
      assert.isUndefined(lock.holder())
      assert.deepStrictEqual(yield* once(sequence("second")), given("200 of 1", true))
    })
  )
})

describe("a caller that is interrupted", () => {
  it.effect("changes nothing: the sequence goes on and its answer is stored", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const { once, sequence, done, database } = yield* openHouse()
      const caller = yield* begin(once(sequence("first", gate.pass)))
      yield* gate.entered
      yield* Fiber.interrupt(caller)
      const repeat = yield* begin(once(sequence("second")))
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(repeat), given("200 of 1", true))
      assert.strictEqual(database.rows()[0]?.status, 200)
      assert.deepStrictEqual(done, ["first"])
    })
  )

  it.effect("changes nothing before the lock either", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const { once, sequence } = yield* openHouse()
      const caller = yield* begin(once(Effect.andThen(gate.pass, sequence("first"))))
      yield* gate.entered
      yield* Fiber.interrupt(caller)
      const repeat = yield* begin(once(sequence("second")))
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(repeat), given("200 of 1", true))
    })
  )
})

describe("a database that is not usable", () => {
  for (const what of ["writes", "writes and reads", "unnoticed reads"] as const) {
    it.effect(`refuses a key before anything is done: ${what} fail`, () =>
      Effect.gen(function* () {
        const { once, sequence, database, done } = yield* openHouse()
        database.break(what)
        const looking = Effect.andThen(
          Effect.sync(() => void done.push("preflight")),
          sequence("first")
        )
        assert.strictEqual(yield* tagOf(once(looking)), "AnswersUnavailable")
        assert.deepStrictEqual(done, [])
        database.mend()
        assert.deepStrictEqual(yield* once(sequence("second")), given("200 of 1", false))
      })
    )
  }

  it.effect("refuses a key before any effect where it fails at the lock, which is free again", () =>
    Effect.gen(function* () {
      const { once, sequence, database, done, lock } = yield* openHouse()
      database.break("unnoticed writes")
      assert.strictEqual(yield* tagOf(once(sequence("first"))), "AnswersUnavailable")
      assert.deepStrictEqual(done, [])
      assert.isUndefined(lock.holder())
      yield* sequence("without a key")
      database.mend()
      assert.deepStrictEqual(yield* once(sequence("second")), given("200 of 2", false))
    })
  )

  it.effect("that fails before the answer costs nobody the answer as long as this Looper lives", () =>
    Effect.gen(function* () {
      const { once, sequence, database, done } = yield* openHouse()
      const breaking = sequence(
        "first",
        Effect.sync(() => database.break())
      )
      assert.deepStrictEqual(yield* once(breaking), given("200 of 1", false))
      assert.deepStrictEqual(yield* once(sequence("second")), given("200 of 1", true))
      assert.strictEqual(yield* tagOf(once(sequence("third"), { bodyHash: "b" })), "KeyReused")
      database.mend()
      assert.strictEqual(database.rows()[0]?.body, "200 of 1")
      assert.deepStrictEqual(yield* once(sequence("fourth")), given("200 of 1", true))
      yield* TestClock.adjust(keptMillis)
      assert.deepStrictEqual(yield* once(sequence("fifth")), given("200 of 2", false))
      assert.deepStrictEqual(done, ["first", "fifth"])
    })
  )

  it.effect("that never took the answer leaves the next Looper a sequence whose effects are unknown", () =>
    Effect.gen(function* () {
      const first = yield* openHouse()
      yield* first.once(
        first.sequence(
          "first",
          Effect.sync(() => first.database.break())
        )
      )
      first.database.mend("lost")
      const second = yield* openHouse(first.database)
      assert.strictEqual(yield* tagOf(second.once(second.sequence("second"))), "AnswerLost")
    })
  )
})

describe("the end of its Looper", () => {
  it.effect("leaves a sequence that it cut without an answer", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const first = yield* openHouse()
      const caller = yield* begin(first.once(first.sequence("first", Effect.interruptible(gate.pass))))
      yield* gate.entered
      yield* first.close
      assert.strictEqual((yield* Fiber.join(caller)).answer.status, 500)
      assert.strictEqual(first.database.rows()[0]?.status, null)
      const second = yield* openHouse(first.database)
      assert.strictEqual(yield* tagOf(second.once(second.sequence("second"))), "AnswerLost")
    })
  )

  it.effect("waits for a sequence that it did not cut, and its answer is stored", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const first = yield* openHouse()
      yield* begin(first.once(first.sequence("first", gate.pass)))
      yield* gate.entered
      const closing = yield* begin(first.closeAnswers)
      yield* gate.open
      yield* Fiber.join(closing)
      assert.strictEqual(first.database.rows()[0]?.status, 200)
    })
  )

  it.effect("cuts a request that has not taken the lock, whose key stays free", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const first = yield* openHouse()
      const caller = yield* begin(first.once(Effect.andThen(gate.pass, first.sequence("first"))))
      yield* gate.entered
      yield* first.close
      assert.deepStrictEqual(yield* Fiber.join(caller), given("503 of 0", false))
      assert.deepStrictEqual(first.database.rows(), [])
    })
  )
})
