import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { RunEnd } from "../../src/domain/RunResult.ts"
import { Autopoll } from "../../src/services/Autopoll.ts"
import { LooperConfig } from "../../src/services/LooperConfig.ts"

const polling = (seconds: number) =>
  Autopoll.layerNoDeps.pipe(
    Layer.provide(LooperConfig.layer({ root: "/nowhere", environment: { LOOPER_IDLE_POLL_SECONDS: String(seconds) } }))
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

  it.effect("runs off with time", () =>
    Effect.gen(function* () {
      yield* waitsOf(3)
      const autopoll = yield* Autopoll
      yield* TestClock.adjust("599 seconds")
      assert.strictEqual(yield* autopoll.backoffMillis, 1_000)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* autopoll.backoffMillis, 0)
    }).pipe(Effect.provide(polling(300)))
  )

  it.effect("is reset by a run that ends with 0, by no other end", () =>
    Effect.gen(function* () {
      const autopoll = yield* Autopoll
      const end = Effect.fnUntraced(function* (runEnd: RunEnd) {
        const ended = yield* Deferred.make<RunEnd>()
        yield* autopoll.watch(Deferred.await(ended))
        yield* Deferred.succeed(ended, runEnd)
        yield* TestClock.adjust("0 seconds")
        return (yield* autopoll.backoffMillis) / 1_000
      })
      yield* waitsOf(2)
      assert.strictEqual(yield* end({ returnCode: 0, wasStopped: true }), 0)
      assert.strictEqual(yield* end({ returnCode: 137, wasStopped: true }), 0)
      assert.strictEqual(yield* end({ returnCode: "unknown", wasStopped: false }), 600)
      assert.strictEqual(yield* end({ returnCode: 0, wasStopped: true }), 600)
      assert.strictEqual(yield* end({ returnCode: 1, wasStopped: false }), 1_200)
      assert.strictEqual(yield* end({ returnCode: 0, wasStopped: false }), 0)
      assert.deepStrictEqual(yield* waitsOf(3), [0, 0, 600])
    }).pipe(Effect.provide(polling(300)))
  )
})

it.effect("watching a run's end does not wait for it", () =>
  Effect.gen(function* () {
    const autopoll = yield* Autopoll
    yield* autopoll.watch(Effect.never)
    assert.strictEqual(yield* autopoll.backoffMillis, 0)
    assert.isFalse(autopoll.isPaused())
  }).pipe(Effect.provide(polling(300)))
)
