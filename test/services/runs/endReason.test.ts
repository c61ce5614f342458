/** What is read of a log for a run's record, and how long that may take. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { RunEnding } from "../../../src/domain/RunRecord.ts"
import { runLogTrailer } from "../../../src/domain/runLog.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { readReason } from "../../../src/services/runs/endReason.ts"
import { RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { makeLogs } from "../zulip/sending.ts"

const log = { requestId: "0a0a0a0a", path: "/l", sidePath: "/s", headerBytes: 0 }
const failed: RunEnding = { returnCode: 1, stoppedBy: undefined }
const output = `ERROR: no way with t0k3n-of-mine\nbye${runLogTrailer(1)}`

/** The reason of an end whose log's end is read by `tail`. */
const reasonOf = (
  end: RunEnding,
  tail: Effect.Effect<Buffer> = Effect.succeed(Buffer.from(output)),
  environment: Readonly<Record<string, string>> = {}
) =>
  readReason({ log }, end).pipe(
    Effect.provide(
      Layer.mergeAll(
        LooperConfig.layer({ root: "/", environment }),
        Layer.mock(RunLogs)({ has: () => true, tail: () => tail }),
        makeLogs().layer
      )
    )
  )

describe("the reason of an end", () => {
  it.effect("is read where a run failed by itself, without a configured secret", () =>
    Effect.gen(function* () {
      const reason = yield* reasonOf(failed, undefined, { LOOPER_API_TOKEN: "t0k3n-of-mine" })
      assert.strictEqual(reason, "no way with ***")
    })
  )

  it.effect("shows no secret that an escape or an unseen character splits, and no end of one that was cut", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_API_TOKEN: "t0k3n-of-mine" }
      const read = (text: string) => reasonOf(failed, Effect.succeed(Buffer.from(text)), environment)
      for (const mark of ["\u001b[31m", "\u001b]0;t\u0007", "\u200b", "\u00ad"])
        assert.strictEqual(yield* read(`no way with t0k${mark}3n-of-mine`), "no way with ***")
      assert.strictEqual(yield* read("no way with \u001bt0k3n-of-mine"), "no way with ***")
      const blank = " ".repeat(64 * 1024 - "of-mine".length)
      assert.isUndefined(yield* read(`of-mine${blank}`))
      assert.strictEqual(yield* read(`of-mine${blank.slice(3)}bye`), "bye")
    })
  )

  it.effect("is none for a success, a stop, and an end that nobody saw", () =>
    Effect.gen(function* () {
      const ends: ReadonlyArray<RunEnding> = [
        { returnCode: 0, stoppedBy: undefined },
        { returnCode: "unknown", stoppedBy: undefined },
        { returnCode: 143, stoppedBy: "request" },
        { returnCode: 143, stoppedBy: "replacement" },
        { returnCode: 1, stoppedBy: "shutdown" }
      ]
      for (const end of ends) assert.isUndefined(yield* reasonOf(end))
    })
  )

  it.effect("is the limit that ended it; none where that is not configured any more", () =>
    Effect.gen(function* () {
      const limited = { returnCode: 143, stoppedBy: "max_seconds" } as const
      const reason = yield* reasonOf(limited, Effect.die("read"), { CODEX_EXEC_MAX_SECONDS: "21600" })
      assert.strictEqual(reason, "ran for 6 h")
      assert.isUndefined(yield* reasonOf(limited, Effect.die("read")))
    })
  )

  it.effect("is given up after a second, and where reading dies", () =>
    Effect.gen(function* () {
      const stuck = yield* Effect.forkChild(Effect.uninterruptible(reasonOf(failed, Effect.never)), {
        startImmediately: true
      })
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(stuck.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(yield* Fiber.join(stuck))
      assert.isUndefined(yield* reasonOf(failed, Effect.die("disk")))
    })
  )
})
