import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { rmSync } from "node:fs"
import type { StopCause } from "../../src/domain/RunRecord.ts"
import { Autopoll } from "../../src/services/Autopoll.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { ProcessTable } from "../../src/services/processes/ProcessTable.ts"
import { Database } from "../../src/services/records/Database.ts"
import { execute, holdLock, makeRoots } from "./records/recording.ts"
import { makeLogs } from "./zulip/sending.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")

/** Autopoll of a Looper in the test's folder, in one boot or another. */
const polling = (seconds: number, bootId = "this boot") =>
  Layer.unwrap(
    Effect.sync(() =>
      Autopoll.layerNoDeps.pipe(
        Layer.provideMerge(Database.layerNoDeps),
        Layer.provide(Layer.mock(ProcessTable, { bootId, self: 1 })),
        Layer.provide(LooperConfig.layer({ root: root(), environment: { LOOPER_IDLE_POLL_SECONDS: String(seconds) } }))
      )
    )
  )

/** The waits, in seconds, that so many failures in a row make. */
const waitsOf = Effect.fnUntraced(function* (failures: number) {
  const autopoll = yield* Autopoll
  const waits: Array<number> = []
  for (let failure = 1; failure <= failures; failure++) {
    yield* autopoll.failed
    waits.push((yield* autopoll.backoffMillis) / 1_000)
  }
  return waits
})

describe("backoff", () => {
  it.effect("begins with the third failure and doubles up to an hour", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* waitsOf(8), [0, 0, 600, 1_200, 2_400, 3_600, 3_600, 3_600])
    }).pipe(Effect.provide(polling(300)))
  )

  it.effect("is never shorter than the interval, and stays an hour after any number of failures", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.provide(waitsOf(4), polling(7_200)), [0, 0, 7_200, 7_200])
      assert.strictEqual((yield* Effect.provide(waitsOf(2_000), polling(0.001))).at(-1), 3_600)
    })
  )

  it.effect("runs off with time, and tells how long it is as a whole", () =>
    Effect.gen(function* () {
      const autopoll = yield* Autopoll
      assert.strictEqual(autopoll.wholeBackoffMillis(), 0)
      yield* waitsOf(3)
      yield* TestClock.adjust("599 seconds")
      assert.strictEqual(yield* autopoll.backoffMillis, 1_000)
      assert.strictEqual(autopoll.wholeBackoffMillis(), 600_000)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* autopoll.backoffMillis, 0)
    }).pipe(Effect.provide(polling(300)))
  )

  it.effect("is reset by a run that ends with 0, by no other end", () =>
    Effect.gen(function* () {
      const autopoll = yield* Autopoll
      let runs = 0
      const end = (returnCode: number | "unknown", stoppedBy?: StopCause) =>
        Effect.andThen(
          autopoll.ended(`auto${String(++runs).padStart(8, "0")}`, { returnCode, stoppedBy }),
          Effect.map(autopoll.backoffMillis, (millis) => millis / 1_000)
        )
      yield* waitsOf(2)
      for (const by of ["request", "replacement", "shutdown"] as const) {
        assert.strictEqual(yield* end(0, by), 0)
        assert.strictEqual(yield* end(137, by), 0)
      }
      assert.strictEqual(yield* end("unknown"), 600)
      assert.strictEqual(yield* end(0, "request"), 600)
      assert.strictEqual(yield* end(1), 1_200)
      assert.strictEqual(yield* end(0, "max_silent_seconds"), 2_400)
      assert.strictEqual(yield* end(0), 0)
      assert.deepStrictEqual(yield* waitsOf(3), [0, 0, 600])
    }).pipe(Effect.provide(polling(300)))
  )
})

/** What a Looper that starts now knows of the earlier one. */
const remembered = Effect.gen(function* () {
  const autopoll = yield* Autopoll
  return [autopoll.isPaused(), (yield* autopoll.backoffMillis) / 1_000]
})

describe("over a restart", () => {
  it.effect("a pause is remembered, and said, until it is taken back", () =>
    Effect.gen(function* () {
      const set = (isPaused: boolean) =>
        Effect.provide(
          Effect.flatMap(Autopoll, (autopoll) => autopoll.setPaused(isPaused)),
          polling(300)
        )
      const said = makeLogs()
      yield* set(true)
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300).pipe(Layer.provide(said.layer))), [true, 0])
      assert.deepStrictEqual(
        said.lines.map(({ event }) => event),
        ["codex.exec.autopoll.paused"]
      )
      yield* set(false)
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300)), [false, 0])
    })
  )

  it.effect("the rest of a backoff is waited for, and its next failure doubles it", () =>
    Effect.gen(function* () {
      yield* Effect.provide(waitsOf(4), polling(300))
      yield* TestClock.adjust("200 seconds")
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300)), [false, 1_000])
      assert.deepStrictEqual(yield* Effect.provide(waitsOf(1), polling(300)), [2_400])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300)), [false, 0])
    })
  )

  it.effect("the count goes on where nothing is waited for yet, and a success is remembered", () =>
    Effect.gen(function* () {
      yield* Effect.provide(waitsOf(2), polling(300))
      assert.deepStrictEqual(yield* Effect.provide(waitsOf(1), polling(300)), [600])
      yield* Effect.provide(
        Effect.flatMap(Autopoll, ({ ended }) => ended("auto0a0a0a0a", { returnCode: 0, stoppedBy: undefined })),
        polling(300)
      )
      assert.deepStrictEqual(yield* Effect.provide(waitsOf(2), polling(300)), [0, 0])
    })
  )

  it.effect("of the machine, a backoff begins anew in full; its clock tells nothing", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("10 hours")
      yield* Effect.provide(waitsOf(4), polling(300))
      yield* TestClock.adjust("200 seconds")
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300, "next boot")), [false, 1_200])
    })
  )

  it.effect("with a shorter interval, no longer is waited than that one asks for", () =>
    Effect.gen(function* () {
      yield* Effect.provide(waitsOf(3), polling(300))
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(10)), [false, 20])
    })
  )

  it.effect("what somebody else wrote is as good as nothing", () =>
    Effect.gen(function* () {
      yield* Effect.provide(waitsOf(3), polling(300))
      execute(file(), "UPDATE autopoll SET is_paused = 'x', failures = 'many', not_before_ms = 'never'")
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300)), [false, 0])
    })
  )
})

describe("without a database at its start", () => {
  const withState = Effect.gen(function* () {
    yield* waitsOf(5)
    yield* (yield* Autopoll).setPaused(true)
  }).pipe((before) => Effect.provide(before, polling(300)))

  it.effect("autopoll is not paused, until it can be read", () =>
    Effect.gen(function* () {
      yield* withState
      const lock = holdLock(file(), "EXCLUSIVE")
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* remembered, [false, 0])
        yield* TestClock.adjust("3 seconds")
        lock.release()
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* remembered, [true, 2_400 - 5])
      }).pipe(Effect.provide(polling(300)))
    })
  )

  it.effect("what happens meanwhile counts, and undoes nothing else", () =>
    Effect.gen(function* () {
      for (const isPauseSet of [false, true]) {
        yield* withState
        const lock = holdLock(file(), "EXCLUSIVE")
        yield* Effect.gen(function* () {
          if (isPauseSet) yield* (yield* Autopoll).setPaused(false)
          else yield* waitsOf(3)
          lock.release()
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(yield* remembered, isPauseSet ? [false, 3_600 - 2] : [true, 600 - 2])
        }).pipe(Effect.provide(polling(300)))
        const left = yield* Effect.provide(remembered, polling(300))
        assert.deepStrictEqual(left, isPauseSet ? [false, 3_600 - 2] : [true, 600 - 2])
        yield* TestClock.adjust("2 hours")
      }
    })
  )

  it.effect("what was lost with a database is written into the next", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const autopoll = yield* Autopoll
        yield* waitsOf(3)
        yield* autopoll.setPaused(true)
        rmSync(file())
        assert.isTrue(yield* (yield* Database).isUsable)
        yield* TestClock.adjust("0 seconds")
      }).pipe(Effect.provide(polling(300)))
      assert.deepStrictEqual(yield* Effect.provide(remembered, polling(300)), [true, 600])
    })
  )
})
