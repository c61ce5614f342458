import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { RunLock } from "../../../src/services/runs/RunLock.ts"
import { Shutdown } from "../../../src/services/Shutdown.ts"

const layer = RunLock.layerNoDeps.pipe(
  Layer.provide(Layer.mock(RunRecords, { has: () => false })),
  Layer.provide(Shutdown.layerNoDeps),
  Layer.provide(LooperConfig.layer({ root: "/", environment: {} }))
)

describe("the lock's end", () => {
  it.effect("waits for a sequence that had not waited for anything yet when the end began", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const lock = Context.get(yield* Layer.buildWithScope(layer, scope), RunLock)
      const begun = yield* Deferred.make<void>()
      const opened = yield* Deferred.make<void>()
      let isOver = false
      const closing = yield* Deferred.await(begun).pipe(
        Effect.andThen(Scope.close(scope, Exit.void)),
        Effect.map(() => isOver),
        Effect.forkChild({ startImmediately: true })
      )
      const sequence = Deferred.succeed(begun, undefined).pipe(
        Effect.andThen(Deferred.await(opened)),
        Effect.andThen(Effect.sync(() => (isOver = true)))
      )
      const held = yield* Effect.forkChild(
        lock.tryRun({ requestId: "0a1b2c3d", operation: "kill", step: "kill", sequence })
      )
      yield* Deferred.await(begun)
      for (let turns = 0; turns < 10; turns++) yield* Effect.yieldNow
      yield* Deferred.succeed(opened, undefined)
      assert.isTrue(yield* Fiber.join(closing))
      assert.isTrue(yield* Fiber.join(held))
    })
  )
})
