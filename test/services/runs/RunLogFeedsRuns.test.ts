/** Following real runs, by Looper's own records: to their end, past a deleted log, and until Looper stops. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { readFileSync, rmSync } from "node:fs"
import { killCodex } from "../../../effects/killCodex.ts"
import { run } from "../../../effects/run.ts"
import { runLogTrailer } from "../../../src/domain/runLog.ts"
import { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { RunLogFeeds } from "../../../src/services/runs/RunLogFeeds.ts"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type EmbeddedLooper, openLooper, staying, untilTrue } from "../../effects/embeddedLooper.ts"
import { bytesOf, decodeAll, startFollower } from "./followedRun.ts"

/** A follower of a run that was just started, from the log's beginning. */
const followRun = Effect.fnUntraced(function* (looper: EmbeddedLooper, requestId: string) {
  const feeds = yield* Layer.build(Layer.provide(RunLogFeeds.layerNoDeps, Layer.succeedContext(looper.services)))
  const record = yield* looper.perform(Effect.flatMap(RunRecords, ({ find }) => find(requestId)))
  assert.isDefined(record)
  return yield* Effect.provideContext(
    Effect.flatMap(RunLogFeeds, ({ follow }) => Effect.flatMap(follow({ run: record, from: 0 }), startFollower)),
    feeds
  )
})

describe("a follower of a real run", () => {
  it.live("gets its log from the header to the trailer, and how it ended", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const prompt = codexScript([
        { print: "ö€😀\r\n" },
        { flood: { bytes: 500_000 } },
        { sleep: 50 },
        { printBase64: "/+KC" },
        { exit: 7 }
      ])
      const { requestId, started } = yield* looper.perform(run({ message: "m", prompt }))
      const follower = yield* followRun(looper, requestId)
      const events = yield* follower.all
      const log = readFileSync(started?.logPath ?? "")
      assert.isTrue(log.toString("latin1").endsWith(runLogTrailer(7)))
      assert.isTrue((yield* bytesOf(events)).equals(log))
      const end = { state: "failed", return_code: 7, cause: "exited" } as const
      assert.deepStrictEqual((yield* decodeAll(events)).at(-1), { kind: "end", end, offset: log.length })
    })
  )

  it.live("gets all of it also where the log was deleted before it came", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt, up } = staying(looper, [{ print: "one\n" }])
      const { requestId, started } = yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      const header = readFileSync(started?.logPath ?? "")
      rmSync(started?.logPath ?? "")
      const follower = yield* followRun(looper, requestId)
      yield* follower.until((bytes) => bytes.endsWith("one\n"))
      yield* looper.perform(killCodex())
      const events = yield* follower.all
      assert.strictEqual(`${yield* bytesOf(events)}`, `${header}${runLogTrailer(143)}`)
      const last = (yield* decodeAll(events)).at(-1)
      assert.deepInclude(last, { end: { state: "stopped", return_code: 143, cause: "request" } })
    })
  )

  it.live("is told when Looper stops, which it does not delay", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt, up } = staying(looper, [{ print: "one\n" }])
      const { requestId } = yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      const follower = yield* followRun(looper, requestId)
      yield* follower.until((bytes) => bytes.endsWith("one\n"))
      yield* looper.close
      const kinds = (yield* follower.all).map(({ kind }) => kind)
      assert.strictEqual(kinds.pop(), "shutdown")
      assert.isTrue(kinds.every((kind) => kind === "chunk"))
      yield* untilTrue(() => looper.runFiles().length === 1, "its side file is gone")
    })
  )
})
