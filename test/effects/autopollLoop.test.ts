/** The loop of ticks outlives whatever a tick comes to. */
import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { AutopollTickServices } from "../../effects/autopollTick.ts"
import { RunLogUnwritable } from "../../src/domain/errors.ts"
import { tickForever } from "../../src/runtime/autopoll.ts"
import { CodexBinary } from "../../src/services/CodexBinary.ts"
import { CodexProcesses } from "../../src/services/CodexProcesses.ts"
import { DefaultPrompt } from "../../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../../src/services/LooperConfig.ts"
import { RequestIds } from "../../src/services/RequestIds.ts"
import { RunLock } from "../../src/services/RunLock.ts"
import { RunLogs } from "../../src/services/RunLogs.ts"
import { RunSupervisor } from "../../src/services/RunSupervisor.ts"
import { RunTickets } from "../../src/services/RunTickets.ts"
import { ServerAddress } from "../../src/services/ServerAddress.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { makeLogs } from "../services/zulip/sending.ts"

/** What the n-th tick comes to, in turn: it cannot start its run, it dies in its sequence, it dies before. */
const troubles = ["fails", "dies", "throws"] as const

const makeServices = () => {
  let ticks = 0
  const trouble = () => troubles[(ticks - 1) % troubles.length]
  const nobody = { targets: [], foreign: [], seeds: { targets: [], leaders: [], markers: new Set<string>() } }
  const layer: Layer.Layer<AutopollTickServices> = Layer.mergeAll(
    Layer.succeed(RequestIds, {
      draw: () => {
        ticks += 1
        if (trouble() === "throws") throw new Error("injected")
        return "auto0a0a0a0a"
      }
    }),
    Layer.mock(CodexProcesses, {
      survey: () =>
        Effect.suspend(() => (trouble() === "dies" ? Effect.die(new Error("injected")) : Effect.succeed(nobody)))
    }),
    Layer.mock(RunLogs, {
      has: () => false,
      ids: () => new Set<string>(),
      freeBytes: Effect.succeed(Number.POSITIVE_INFINITY),
      create: () => Effect.fail(new RunLogUnwritable({ path: "here", reason: "EROFS" }))
    }),
    Layer.succeed(CodexBinary, { resolve: () => Effect.succeed({ path: "/bin/codex", source: "env" }) }),
    Layer.succeed(Workspaces, { resolve: () => ({ given: "/", path: "/" }), check: () => Effect.void }),
    Layer.mock(RunSupervisor, { hasLaunched: () => false, live: () => [], leaders: () => [] }),
    Layer.mock(RunTickets, { issue: () => undefined }),
    ServerAddress.layer,
    DefaultPrompt.layerNoDeps,
    RunLock.layerNoDeps.pipe(Layer.provide(Shutdown.layerNoDeps))
  ).pipe(Layer.provideMerge(Layer.orDie(LooperConfig.layer({ root: "/nowhere", environment: {} }))))
  return { layer, ticks: () => ticks }
}

it.effect("a tick that fails or dies is logged, releases the lock and is followed by the next", () =>
  Effect.gen(function* () {
    const { layer, ticks } = makeServices()
    const logs = makeLogs()
    const services = yield* Layer.build(Layer.merge(layer, logs.layer))
    const lock = Context.get(services, RunLock)
    const loop = yield* tickForever(Duration.minutes(5)).pipe(
      Effect.provideContext(services),
      Effect.forkScoped({ startImmediately: true })
    )
    for (let tick = 1; tick <= 6; tick++) {
      yield* logs.seen("codex.exec.autopoll.fail", tick)
      assert.strictEqual(ticks(), tick)
      assert.isUndefined(lock.holder())
      yield* TestClock.adjust("4 minutes")
      assert.strictEqual(ticks(), tick)
      yield* TestClock.adjust("1 minute")
    }
    assert.isUndefined(loop.pollUnsafe())
    yield* Fiber.interrupt(loop)
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(ticks(), 7)
    assert.isTrue(logs.lines.every(({ event, level }) => event !== "codex.exec.autopoll.fail" || level === "Error"))
  })
)
