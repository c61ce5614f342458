/** What ticks tell beside their log. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { autopollTick } from "../../effects/autopollTick.ts"
import { Autopoll } from "../../src/services/Autopoll.ts"
import { makeTickServices } from "./tickServices.ts"

const open = Effect.fnUntraced(function* () {
  const { layer, ...facts } = makeTickServices()
  const services = yield* Layer.build(layer)
  const tick = Effect.gen(function* () {
    yield* Effect.forkScoped(Effect.ignoreCause(autopollTick()), { startImmediately: true })
    yield* TestClock.adjust("0 seconds")
  }).pipe(Effect.provideContext(services))
  return { ...facts, tick, perform: Effect.provideContext(services) }
})

describe("a tick tells", () => {
  it.effect("the run that it started", () =>
    Effect.gen(function* () {
      const { tick, notices } = yield* open()
      yield* tick
      assert.deepStrictEqual(notices, ["started auto0a0a0a0a"])
    })
  )

  it.effect("why it could not start its run, a defect too", () =>
    Effect.gen(function* () {
      const { tick, notices, world } = yield* open()
      for (const launch of ["fails", "dies"] as const) {
        world.launch = launch
        yield* tick
      }
      assert.lengthOf(notices, 2)
      assert.match(notices[0] ?? "", /^failed: .*EROFS/)
      assert.strictEqual(notices[1], "failed: internal error")
    })
  )

  it.effect("the targets that keep it from starting, unless one of them is a run of Looper's own", () =>
    Effect.gen(function* () {
      const { tick, notices, world } = yield* open()
      world.targets = [42, 43]
      world.own = [43]
      yield* tick
      assert.isEmpty(notices)
      world.own = []
      yield* tick
      assert.deepStrictEqual(notices, ["skipped: alive_tasks: codex exec is running that no tick stops: pid 42, 43"])
    })
  )

  it.effect("what is missing, and until when it waits", () =>
    Effect.gen(function* () {
      const { tick, notices, world, perform } = yield* open()
      world.hasWorkspace = false
      yield* tick
      world.hasWorkspace = true
      yield* perform(
        Effect.repeat(
          Effect.flatMap(Autopoll, ({ failed }) => failed),
          { times: 2 }
        )
      )
      yield* TestClock.adjust("100 seconds")
      yield* tick
      assert.deepStrictEqual(notices, [
        "skipped: misconfigured: workspace is not a directory: /w",
        "skipped: backoff: autopoll failed 3 times in a row and waits: 600000"
      ])
    })
  )
})
