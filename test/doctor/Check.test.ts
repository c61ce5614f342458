import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { ok, runCheck } from "../../src/doctor/Check.ts"

describe("a check", () => {
  it.effect("that dies is a failure that says so", () =>
    Effect.gen(function* () {
      const look = Effect.die(new Error("/proc is\ngone"))
      assert.deepStrictEqual(yield* runCheck({ name: "x", reads: [], look }), {
        name: "x",
        outcome: "failure",
        found: "the check itself failed: /proc is\\ngone",
        remedy: "mend what it names, or report it as a fault of looper doctor"
      })
    })
  )

  it.effect("that does not end is a failure at its bound, and is interrupted", () =>
    Effect.gen(function* () {
      let isInterrupted = false
      const look = Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => void (isInterrupted = true))))
      const running = yield* Effect.forkChild(runCheck({ name: "x", reads: [], look, boundMillis: 2_500 }))
      yield* TestClock.adjust(2_500)
      const { outcome, found } = yield* Fiber.join(running)
      assert.deepStrictEqual([outcome, found], ["failure", "no answer within 2.5 s"])
      assert.isTrue(isInterrupted)
    })
  )

  it.effect("stays one line whatever it found", () =>
    Effect.gen(function* () {
      const result = yield* runCheck({ name: "x", reads: [], look: Effect.succeed(ok("a\n\u001b[31mb")) })
      assert.deepStrictEqual(result, { name: "x", outcome: "ok", found: "a\\n\\x1b[31mb" })
    })
  )
})
