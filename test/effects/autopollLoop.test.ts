/** The loop of ticks: when it ticks, what it says at start, and that it outlives whatever a tick comes to. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { layerAutopoll, tickForever } from "../../src/runtime/autopoll.ts"
import { HttpServer } from "../../src/runtime/server.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { makeLogs } from "../services/zulip/sending.ts"
import { makeTickServices, type World } from "./tickServices.ts"

/** What the n-th tick comes to, in turn: it cannot start its run, it dies in its sequence, it dies before. */
const troubles = ["fails", "dies", "throws"] as const

it.effect("a tick that fails or dies is logged, releases the lock and is followed by the next", () =>
  Effect.gen(function* () {
    // Backoff never lasts longer than to the next tick.
    const { layer, world, ticks } = makeTickServices({ LOOPER_IDLE_POLL_SECONDS: "0.001" })
    const logs = makeLogs()
    const services = yield* Layer.build(Layer.merge(layer, logs.layer))
    const lock = Context.get(services, RunLock)
    world.launch = troubles[0]
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
      world.launch = troubles[tick % troubles.length] ?? "starts"
      yield* TestClock.adjust("1 minute")
    }
    assert.isUndefined(loop.pollUnsafe())
    yield* Fiber.interrupt(loop)
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(ticks(), 7)
    assert.isTrue(logs.lines.every(({ event, level }) => event !== "codex.exec.autopoll.fail" || level === "Error"))
  })
)

/** Starts the loop as Looper does; what it logs and how often it has ticked. */
const startLoop = Effect.fnUntraced(function* (
  environment: Readonly<Record<string, string>>,
  found: Partial<World> = {}
) {
  const { layer, world, ticks } = makeTickServices({ LOOPER_DEFAULT_WORKSPACE: "/w", ...environment })
  Object.assign(world, found)
  const logs = makeLogs()
  const server = Layer.succeed(HttpServer, { url: "http://127.0.0.1:1" })
  const scope = yield* Scope.fork(yield* Effect.scope)
  const loop = layerAutopoll.pipe(Layer.provide(Layer.mergeAll(layer, server)), Layer.provideMerge(logs.layer))
  yield* Layer.buildWithScope(loop, scope)
  yield* TestClock.adjust("0 seconds")
  return { logs, ticks, close: Scope.close(scope, Exit.void) }
})

it.effect("no tick comes after the end of the loop's scope", () =>
  Effect.gen(function* () {
    const { ticks, close } = yield* startLoop({})
    yield* close
    yield* TestClock.adjust("1 day")
    assert.strictEqual(ticks(), 1)
  })
)

describe("at start", () => {
  it.effect("one record says when autopoll ticks, what it starts and how to switch it off", () =>
    Effect.gen(function* () {
      const { logs, ticks } = yield* startLoop({ LOOPER_DEFAULT_PROMPT: "go on", LOOPER_IDLE_POLL_SECONDS: "60" })
      assert.deepStrictEqual(logs.of("codex.exec.autopoll.enabled"), [
        {
          first_tick: "now",
          every_seconds: 60,
          workspace: "/w",
          prompt: "5 characters",
          switch_off: "LOOPER_AUTO_START_WHEN_IDLE=0"
        }
      ])
      assert.strictEqual(logs.lines[0]?.event, "codex.exec.autopoll.enabled")
      assert.strictEqual(ticks(), 1)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(ticks(), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(ticks(), 2)
    })
  )

  it.effect("the record names the prompt's file", () =>
    Effect.gen(function* () {
      const { logs } = yield* startLoop({ LOOPER_DEFAULT_PROMPT_FILE: "/p.txt" })
      assert.deepInclude(logs.of("codex.exec.autopoll.enabled")[0], { prompt: "/p.txt", every_seconds: 300 })
    })
  )

  it.effect("what is missing is a warning, also where the first tick skips for another reason", () =>
    Effect.gen(function* () {
      const { logs, ticks } = yield* startLoop({}, { targets: [42], hasWorkspace: false })
      assert.deepStrictEqual(
        logs.lines.map(({ event, level }) => [event, level]),
        [
          ["codex.exec.autopoll.enabled", "Info"],
          ["codex.exec.autopoll.misconfigured", "Warn"],
          ["codex.exec.autopoll.skipped", "Info"]
        ]
      )
      assert.deepStrictEqual(logs.of("codex.exec.autopoll.misconfigured"), [
        { error: "workspace is not a directory: /w" }
      ])
      assert.strictEqual(ticks(), 1)
    })
  )

  it.effect("autopoll that is switched off says so and never ticks", () =>
    Effect.gen(function* () {
      const { logs, ticks } = yield* startLoop({ LOOPER_AUTO_START_WHEN_IDLE: "0" })
      assert.deepStrictEqual(
        logs.lines.map(({ event }) => event),
        ["codex.exec.autopoll.disabled"]
      )
      yield* TestClock.adjust("1 day")
      assert.strictEqual(ticks(), 0)
    })
  )
})
