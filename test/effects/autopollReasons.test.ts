/** Why a tick skips, in which order, and what failures and pauses do to the ones that follow. */
import type { StopCause } from "../../src/domain/RunRecord.ts"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { autopollTick } from "../../effects/autopollTick.ts"
import { autopollTick as tickHandler } from "../../handlers/autopollTick.ts"
import { pauseAutopoll } from "../../handlers/pauseAutopoll.ts"
import { resumeAutopoll } from "../../handlers/resumeAutopoll.ts"
import { type SkipReason, skipReasons } from "../../src/domain/RunResult.ts"
import { Autopoll } from "../../src/services/Autopoll.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { makeLogs } from "../services/zulip/sending.ts"
import { makeTickServices } from "./tickServices.ts"

/** A Looper that polls every 300 s, on the test's clock. */
const open = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>> = {}) {
  const { layer, ...facts } = makeTickServices(environment)
  const logs = makeLogs()
  const services = yield* Layer.build(Layer.merge(layer, logs.layer))
  type Services = Layer.Success<typeof layer>
  const perform = Effect.fnUntraced(function* <A, E>(program: Effect.Effect<A, E, Services | Scope.Scope>) {
    const fiber = yield* Effect.forkScoped(Effect.provideContext(program, services), { startImmediately: true })
    yield* TestClock.adjust("0 seconds")
    return yield* Fiber.join(fiber)
  })
  /** The reason, or `started`, or the tag of what a tick failed with. */
  const tick = (options: { readonly ignoresBackoff?: boolean } = {}) =>
    perform(autopollTick(options)).pipe(
      Effect.map((result) => (result.outcome === "started" ? result.outcome : result.reason)),
      Effect.catchTags({ RunLogUnwritable: (error) => Effect.succeed(error._tag) }, (error) =>
        Effect.die(new Error(`unexpected ${error._tag}`))
      )
    )
  const autopoll = Context.get(services, Autopoll)
  const post = (handler: typeof tickHandler | typeof pauseAutopoll) =>
    perform(Effect.orDie(handler.body({}, { requestId: "0a0a0a0a" }) as Effect.Effect<unknown, unknown, Services>))
  return { ...facts, services, logs, perform, tick, post, autopoll }
})
type Opened = Effect.Success<ReturnType<typeof open>>

/** Makes a reason hold, and gives what ends it. */
const circumstances: {
  readonly [Reason in SkipReason]: (looper: Opened) => Effect.Effect<() => Effect.Effect<unknown>, never, Scope.Scope>
} = {
  paused: ({ autopoll }) => Effect.as(autopoll.setPaused(true), () => autopoll.setPaused(false)),
  run_lock_busy: ({ services }) =>
    Effect.gen(function* () {
      const end = yield* Deferred.make<void>()
      const options = {
        requestId: "0b0b0b0b",
        operation: "run",
        step: "notify",
        sequence: Deferred.await(end)
      } as const
      const held = Context.get(services, RunLock).tryRun(options)
      const fiber = yield* Effect.forkScoped(held, { startImmediately: true })
      return () => Effect.andThen(Deferred.succeed(end, undefined), Fiber.await(fiber))
    }),
  alive_tasks: ({ world }) =>
    Effect.sync(() => {
      world.targets = [42]
      return () => Effect.sync(() => (world.targets = []))
    }),
  recent_log_activity: ({ world }) =>
    Effect.sync(() => {
      world.newestChangeMillis = 0
      return () => TestClock.adjust("600 seconds")
    }),
  misconfigured: ({ world }) =>
    Effect.sync(() => {
      world.hasWorkspace = false
      return () => Effect.sync(() => (world.hasWorkspace = true))
    }),
  backoff: ({ autopoll }) =>
    Effect.gen(function* () {
      // The fifth failure's wait is 2,400 s.
      for (let failure = 1; failure <= 5; failure++) yield* autopoll.failed
      return () => TestClock.adjust("2400 seconds")
    })
}

describe("a tick skips", () => {
  it.effect.each(skipReasons)("with %s where that alone holds, and starts once it is over", (reason) =>
    Effect.gen(function* () {
      const looper = yield* open({ LOOPER_IDLE_LOG_STALE_SECONDS: "600" })
      const end = yield* circumstances[reason](looper)
      for (let tick = 1; tick <= 3; tick++) assert.strictEqual(yield* looper.tick(), reason)
      assert.lengthOf(looper.runs, 0)
      const record = { request_id: "auto0a0a0a0a", reason }
      assert.deepStrictEqual(looper.logs.of("codex.exec.autopoll.skipped"), [record, record, record])
      yield* end()
      assert.strictEqual(yield* looper.tick(), "started")
      assert.lengthOf(looper.runs, 1)
    })
  )

  it.effect("with the first reason where all hold, in the documented order", () =>
    Effect.gen(function* () {
      const looper = yield* open({ LOOPER_IDLE_LOG_STALE_SECONDS: "600" })
      const ends = []
      for (const reason of skipReasons) ends.push(yield* circumstances[reason](looper))
      const found: Array<string> = []
      for (const end of ends) {
        found.push(yield* looper.tick())
        yield* end()
      }
      assert.deepStrictEqual(found, [...skipReasons])
      assert.strictEqual(yield* looper.tick(), "started")
    })
  )

  it.effect("with no reason beside a log from the future, where fresh logs do not count", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.newestChangeMillis = 1_000
      assert.strictEqual(yield* looper.tick(), "started")
    })
  )

  it.effect("with misconfigured, and a warning that says what is missing", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.hasBinary = false
      assert.strictEqual(yield* looper.tick(), "misconfigured")
      looper.world.hasWorkspace = false
      assert.strictEqual(yield* looper.tick(), "misconfigured")
      assert.deepStrictEqual(
        looper.logs.of("codex.exec.autopoll.misconfigured").map(({ error }) => error),
        ["required tool is missing from PATH: codex", "workspace is not a directory: /w"]
      )
    })
  )
})

/** Whether a tick is due in so many seconds, and not a second earlier. */
const waits = Effect.fnUntraced(function* (looper: Opened, seconds: number) {
  yield* TestClock.adjust(`${seconds - 1} seconds`)
  assert.strictEqual(yield* looper.tick(), "backoff")
  yield* TestClock.adjust("1 second")
})

describe("after failures", () => {
  it.effect("the third in a row waits twice the interval, later ones twice as long, an hour at most", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.launch = "fails"
      for (let failure = 1; failure <= 3; failure++) assert.strictEqual(yield* looper.tick(), "RunLogUnwritable")
      for (const seconds of [600, 1_200, 2_400, 3_600, 3_600]) {
        yield* waits(looper, seconds)
        assert.strictEqual(yield* looper.tick(), "RunLogUnwritable")
      }
      assert.deepStrictEqual(
        looper.logs.of("codex.exec.autopoll.backoff").map(({ failures, seconds }) => [failures, seconds]),
        [600, 1_200, 2_400, 3_600, 3_600, 3_600].map((seconds, index) => [index + 3, seconds])
      )
    })
  )

  it.effect("a run that ends with another code than 0 counts, one that was stopped counts as nothing", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      const endsWith = Effect.fnUntraced(function* (returnCode: number | "unknown", stoppedBy?: StopCause) {
        assert.strictEqual(yield* looper.tick(), "started")
        const run = looper.runs.at(-1)
        if (run !== undefined) yield* Deferred.succeed(run, { returnCode, stoppedBy })
        yield* TestClock.adjust("0 seconds")
      })
      yield* endsWith(1)
      yield* endsWith("unknown")
      for (const by of ["request", "replacement", "shutdown"] as const) yield* endsWith(143, by)
      yield* endsWith(0, "request")
      yield* endsWith(2)
      yield* waits(looper, 600)
      yield* endsWith(0)
      yield* endsWith(1)
      yield* endsWith(1)
      yield* endsWith(1)
      yield* waits(looper, 600)
      yield* endsWith(0)
    })
  )

  it.effect("a tick that dies counts too", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.launch = "dies"
      for (let failure = 1; failure <= 3; failure++) yield* Effect.exit(looper.tick())
      looper.world.launch = "starts"
      yield* waits(looper, 600)
      assert.strictEqual(yield* looper.tick(), "started")
    })
  )

  it.effect("a skipped tick counts as nothing", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.launch = "fails"
      for (let failure = 1; failure <= 2; failure++) yield* looper.tick()
      looper.world.targets = [42]
      for (let times = 0; times < 5; times++) assert.strictEqual(yield* looper.tick(), "alive_tasks")
      looper.world.targets = []
      assert.strictEqual(yield* looper.tick(), "RunLogUnwritable")
      assert.strictEqual(yield* looper.tick(), "backoff")
    })
  )

  it.effect("a tick that the shutdown refuses counts as nothing", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      looper.world.launch = "fails"
      for (let failure = 1; failure <= 2; failure++) yield* looper.tick()
      yield* Context.get(looper.services, Shutdown).begin
      assert.strictEqual((yield* Effect.flip(looper.perform(autopollTick())))._tag, "ShuttingDown")
      assert.lengthOf(looper.logs.of("codex.exec.autopoll.backoff"), 0)
    })
  )

  it.effect("POST /autopoll/tick starts nevertheless; other reasons it heeds", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      yield* circumstances.backoff(looper)
      assert.strictEqual(yield* looper.tick(), "backoff")
      assert.deepInclude(yield* looper.post(tickHandler), { ok: true, outcome: "started" })
      assert.lengthOf(looper.runs, 1)
      looper.world.targets = [42]
      assert.deepStrictEqual(yield* looper.post(tickHandler), { ok: true, outcome: "skipped", reason: "alive_tasks" })
      assert.strictEqual(yield* looper.tick({ ignoresBackoff: true }), "alive_tasks")
    })
  )
})

describe("POST /autopoll/pause and /autopoll/resume", () => {
  it.effect("hold ticks back, those asked for too, and let them go on; twice is as good as once", () =>
    Effect.gen(function* () {
      const looper = yield* open()
      for (let times = 0; times < 2; times++) {
        assert.deepStrictEqual(yield* looper.post(pauseAutopoll), { ok: true, paused: true })
        assert.strictEqual(yield* looper.tick(), "paused")
      }
      assert.deepStrictEqual(yield* looper.post(tickHandler), { ok: true, outcome: "skipped", reason: "paused" })
      for (let times = 0; times < 2; times++) {
        assert.deepStrictEqual(yield* looper.post(resumeAutopoll), { ok: true, paused: false })
      }
      assert.strictEqual(yield* looper.tick(), "started")
      assert.lengthOf(looper.logs.of("codex.exec.autopoll.paused"), 2)
      assert.lengthOf(looper.logs.of("codex.exec.autopoll.resumed"), 2)
    })
  )
})
