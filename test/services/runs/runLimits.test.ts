import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { StopCause } from "../../../src/domain/RunRecord.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { exceededLimit, type LimitWatch, limitsLeft, makeLimitWatch } from "../../../src/services/runs/runLimits.ts"
import { RunLogs } from "../../../src/services/runs/RunLogs.ts"

/** A run under these limits whose log has `size()` bytes, 10 of them its header. */
const watched = (
  limits: { readonly seconds?: string; readonly silent?: string; readonly bytes?: string },
  size: () => number | undefined = () => 10,
  startedAtMillis = 0,
  watch: LimitWatch = makeLimitWatch()
) =>
  exceededLimit({
    log: { requestId: "0a0a0a0a", path: "/l", sidePath: "/s", headerBytes: 10 },
    startedAtMillis,
    watch
  }).pipe(
    Effect.provide(
      Layer.merge(
        LooperConfig.layer({
          root: "/",
          environment: {
            CODEX_EXEC_MAX_SECONDS: limits.seconds,
            CODEX_EXEC_MAX_SILENT_SECONDS: limits.silent,
            CODEX_EXEC_MAX_LOG_BYTES: limits.bytes
          }
        }),
        Layer.mock(RunLogs)({ has: () => true, sizeOf: () => Effect.sync(size) })
      )
    ),
    Effect.forkChild({ startImmediately: true })
  )

/** Lets time pass as it does for a Looper that is not suspended. */
const live = (seconds: number, tick: (second: number) => void = () => undefined) =>
  Effect.gen(function* () {
    for (let second = 1; second <= seconds; second++) {
      for (let quarter = 0; quarter < 4; quarter++) yield* TestClock.adjust(250)
      tick(second)
    }
  })

/** What the limits leave a run, `[limit, seconds]` each. */
const leftOf = (environment: Readonly<Record<string, string>>, watch: LimitWatch, startedAtMillis = 0) =>
  Effect.map(
    Effect.provide(limitsLeft({ watch, startedAtMillis }), LooperConfig.layer({ root: "/", environment })),
    (limits) => limits.map(({ limit, leftMillis }) => [limit, leftMillis === undefined ? "-" : leftMillis / 1_000])
  )

const isOver = (fiber: Fiber.Fiber<StopCause, unknown>) => fiber.pollUnsafe() !== undefined

describe("a run is over its limit", () => {
  it.effect("of seconds when it has lasted that long, and not before", () =>
    Effect.gen(function* () {
      const run = yield* watched({ seconds: "10" })
      yield* live(9)
      assert.isFalse(isOver(run))
      yield* live(1)
      assert.strictEqual(yield* Fiber.join(run), "max_seconds")
    })
  )

  it.effect("of seconds counted from its start, also where that was before Looper's", () =>
    Effect.gen(function* () {
      const run = yield* watched({ seconds: "10" }, () => 10, -8_000)
      yield* live(1)
      assert.isFalse(isOver(run))
      yield* live(1)
      assert.strictEqual(yield* Fiber.join(run), "max_seconds")
    })
  )

  it.effect("of silence when its log stood still that long; a byte begins it anew", () =>
    Effect.gen(function* () {
      let size = 10
      const run = yield* watched({ silent: "10" }, () => size)
      yield* live(9)
      size += 1
      yield* live(9)
      assert.isFalse(isOver(run))
      yield* live(2)
      assert.strictEqual(yield* Fiber.join(run), "max_silent_seconds")
    })
  )

  it.effect("of silence never while it writes a little, or while its log cannot be looked at", () =>
    Effect.gen(function* () {
      let size = 10
      const writing = yield* watched({ silent: "2" }, () => size)
      const deleted = yield* watched({ silent: "2" }, () => undefined)
      yield* live(60, () => {
        size += 1
      })
      assert.isFalse(isOver(writing))
      assert.isFalse(isOver(deleted))
      yield* Effect.forEach([writing, deleted], Fiber.interrupt)
    })
  )

  it.effect("of bytes when what it wrote is more, its header apart", () =>
    Effect.gen(function* () {
      let size = 110
      const run = yield* watched({ bytes: "100" }, () => size)
      yield* live(5)
      assert.isFalse(isOver(run))
      size = 111
      yield* live(1)
      assert.strictEqual(yield* Fiber.join(run), "max_log_bytes")
    })
  )

  it.effect("never where nothing is limited", () =>
    Effect.gen(function* () {
      const run = yield* watched({}, () => 2 ** 40)
      yield* TestClock.adjust("30 days")
      assert.isFalse(isOver(run))
      yield* Fiber.interrupt(run)
    })
  )
})

describe("what a limit leaves a run", () => {
  const environment = {
    CODEX_EXEC_MAX_SECONDS: "100",
    CODEX_EXEC_MAX_SILENT_SECONDS: "10",
    CODEX_EXEC_MAX_LOG_BYTES: "1000"
  }

  it.effect("counts from its start, and from its last byte that Looper saw", () =>
    Effect.gen(function* () {
      let size = 10
      const watch = makeLimitWatch()
      const run = yield* watched({ seconds: "100", silent: "10" }, () => size, -5_000, watch)
      yield* live(6)
      const left = () => leftOf(environment, watch, -5_000)
      assert.deepStrictEqual(yield* left(), [
        ["max_seconds", 89],
        ["max_silent_seconds", 4],
        ["max_log_bytes", "-"]
      ])
      size += 1
      yield* live(1)
      assert.deepStrictEqual((yield* left())[1], ["max_silent_seconds", 9.25])
      yield* Fiber.interrupt(run)
    })
  )

  it.effect("is as much after a time in which Looper was suspended, which is no silence", () =>
    Effect.gen(function* () {
      const watch = makeLimitWatch()
      watch.lookedAtMillis = -3_600_000
      watch.silentMillis = 2_000
      assert.deepStrictEqual((yield* leftOf(environment, watch))[1], ["max_silent_seconds", 7])
    })
  )

  it.effect("is nothing where nothing is limited", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* leftOf({}, makeLimitWatch()), [])
    })
  )
})
