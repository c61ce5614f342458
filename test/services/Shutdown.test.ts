import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { monotonicMillis, Shutdown } from "../../src/services/Shutdown.ts"

const withGrace = (seconds: string) =>
  Effect.provide(
    Shutdown,
    Shutdown.layerNoDeps.pipe(
      Layer.provide(LooperConfig.layer({ root: "/", environment: { LOOPER_SHUTDOWN_GRACE_SECONDS: seconds } }))
    )
  )

/** Grace, drain and deadline, in milliseconds from the beginning. */
const timesOf = Effect.fnUntraced(function* (seconds: string) {
  const shutdown = yield* withGrace(seconds)
  const now = yield* monotonicMillis
  const times = yield* shutdown.begin
  return [times.graceEndsMillis, times.drainEndsMillis, times.deadlineMillis].map((at) => Math.round(at - now))
})

describe("a shutdown", () => {
  it.effect("has not begun before somebody begins it", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      assert.isUndefined(shutdown.times())
      assert.deepStrictEqual(shutdown.leftovers(), [])
    })
  )

  it.effect("leaves the grace to the trees, then time for trailers and mirrors, and ends in time", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* timesOf("10"), [5_000, 9_500, 9_800])
      assert.deepStrictEqual(yield* timesOf("60"), [5_000, 59_500, 59_800])
      assert.deepStrictEqual(yield* timesOf("5"), [3_000, 4_500, 4_800])
      assert.deepStrictEqual(yield* timesOf("1"), [600, 500, 800])
      assert.deepStrictEqual(yield* timesOf("0.1"), [60, 0, 0])
    })
  )

  it.effect("begins once: a second beginning moves nothing", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      const first = yield* shutdown.begin
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* shutdown.begin, first)
      assert.deepStrictEqual(shutdown.times(), first)
    })
  )

  it.effect("tells on the wall clock when it ends at the latest, and what becomes of runs", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      assert.isUndefined(shutdown.notice())
      yield* TestClock.adjust("1 hour")
      yield* shutdown.begin
      const notice = { deadlineAtMillis: 3_609_800, onShutdown: "stop" } as const
      assert.deepStrictEqual(shutdown.notice(), notice)
      yield* TestClock.adjust("3 seconds")
      yield* shutdown.begin
      assert.deepStrictEqual(shutdown.notice(), notice)
      yield* shutdown.leaveRuns
      assert.deepStrictEqual(shutdown.notice(), { ...notice, onShutdown: "leave" })
    })
  )

  it.effect("skips to SIGKILL when it is forced, and keeps its other times", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      const first = yield* shutdown.begin
      yield* TestClock.adjust("1 second")
      yield* shutdown.force
      assert.deepStrictEqual(shutdown.times(), { ...first, graceEndsMillis: yield* monotonicMillis })
      assert.strictEqual(Math.round((yield* monotonicMillis) - first.graceEndsMillis), -4_000)
    })
  )

  it.effect("begins by being forced", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      yield* shutdown.force
      assert.strictEqual(shutdown.times()?.graceEndsMillis, yield* monotonicMillis)
    })
  )

  it.effect("remembers what was not stopped, in order", () =>
    Effect.gen(function* () {
      const shutdown = yield* withGrace("10")
      shutdown.report("process 7")
      shutdown.report("Looper itself")
      assert.deepStrictEqual(shutdown.leftovers(), ["process 7", "Looper itself"])
    })
  )
})
