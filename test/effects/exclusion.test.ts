/** Two programs over one layer exclude each other. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { type KillCodexError, killCodex } from "../../effects/killCodex.ts"
import { notify } from "../../effects/notify.ts"
import { type RunError, run } from "../../effects/run.ts"
import { type SpawnCodexError, spawnCodex } from "../../effects/spawnCodex.ts"
import { layerWith } from "../../src/layers.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { isAlive } from "../support/processes.ts"
import {
  drawId,
  type EmbeddedLooper,
  layerNotifying,
  type Services,
  makeGate,
  openLooper,
  staying,
  untilStep
} from "./embeddedLooper.ts"

const replaceByHand = (prompt: string) => Effect.andThen(killCodex(), spawnCodex({ prompt }))

type Contender = readonly [string, Effect.Effect<unknown, RunError | KillCodexError | SpawnCodexError, Services>]

/** Every operation that takes the lock, and two of them composed. */
const contenders: ReadonlyArray<Contender> = [
  ["run", run({ message: "m", prompt: "p" })],
  ["run without a prompt", run({ message: "m", prompt: " " })],
  ["killCodex", killCodex()],
  ["spawnCodex", spawnCodex({ prompt: "p" })],
  ["a program of two operations", replaceByHand("p")]
]

const assertAllBusy = Effect.fnUntraced(function* (looper: EmbeddedLooper, requestId: string, step: string) {
  for (const [name, program] of contenders) {
    const error = yield* Effect.flip(looper.perform(program))
    assert.strictEqual(error._tag, "RunBusy", name)
    if (error._tag === "RunBusy") {
      assert.deepStrictEqual([error.holder.requestId, error.holder.step], [requestId, step], name)
    }
  }
  assert.deepStrictEqual(yield* looper.perform(autopollTick()), { outcome: "skipped", reason: "run_lock_busy" })
})

describe("two programs over one layer", () => {
  it.live("exclude each other in each wait of a run, and nothing of the refused one happens", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      let sent = 0
      const count = Effect.sync(() => void (sent += 1))
      const looper = yield* openLooper({
        parts: {
          notifier: layerNotifying(Effect.suspend(() => Effect.andThen(count, sent === 0 ? gate.pass : Effect.void)))
        }
      })
      const { prompt, up } = staying(looper)
      const options = { requestId: drawId(), message: "m", prompt, delaySeconds: 0.5, startupCheckSeconds: 0.5 }
      const held = yield* looper.begin(run(options))
      yield* gate.entered
      yield* assertAllBusy(looper, options.requestId, "notify")
      assert.strictEqual(sent, 1)
      yield* gate.open
      for (const step of ["delay", "startup_check"]) {
        yield* untilStep(looper, step)
        const error = yield* Effect.flip(looper.perform(killCodex()))
        assert.deepInclude(error, { _tag: "RunBusy" })
      }
      const { started } = yield* Fiber.join(held)
      yield* up
      assert.isTrue(isAlive(started?.pid ?? 0))
      assert.lengthOf(looper.runLogs(), 1)
      assert.isUndefined(Context.get(looper.services, RunLock).holder())
    })
  )

  it.live("follow each other, and a message alone needs no lock", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      let sent = 0
      const looper = yield* openLooper({
        parts: { notifier: layerNotifying(Effect.suspend(() => (++sent === 1 ? gate.pass : Effect.void))) }
      })
      const { prompt } = staying(looper)
      const held = yield* looper.begin(run({ message: "m", prompt }))
      yield* gate.entered
      assert.strictEqual(yield* looper.perform(notify({ message: "another" })), "OK notifier=test")
      yield* gate.open
      const first = yield* Fiber.join(held)
      const second = yield* looper.perform(replaceByHand(prompt))
      assert.isFalse(isAlive(first.started?.pid ?? 0))
      assert.isTrue(isAlive(second.started?.pid ?? 0))
    })
  )

  it.live("begin at the same moment: one of fifty wins", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper({ parts: { notifier: layerNotifying(gate.pass) } })
      const { prompt } = staying(looper)
      const losers = Array.from({ length: 50 }, () =>
        looper.perform(Effect.option(run({ message: "m", prompt }))).pipe(Effect.tap(() => gate.open))
      )
      const results = yield* Effect.all(losers, { concurrency: "unbounded" })
      assert.lengthOf(
        results.filter(({ _tag }) => _tag === "Some"),
        1
      )
      assert.lengthOf(looper.runLogs(), 1)
    })
  )
})

describe("two sets of services", () => {
  it.live("exclude each other on one log folder, and the first is named", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const config = Layer.succeed(LooperConfig, Context.get(looper.services, LooperConfig))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layerWith(config))))
      assert.deepInclude(error, { _tag: "FolderLocked", logDir: looper.logDir, holder: `pid ${process.pid}` })
      yield* looper.close
      yield* Effect.scoped(Layer.build(layerWith(config)))
    })
  )
})
