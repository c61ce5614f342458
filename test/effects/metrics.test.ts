/** What a scrape says of a Looper at work. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { killCodex } from "../../effects/killCodex.ts"
import { metrics } from "../../effects/metrics.ts"
import { notify } from "../../effects/notify.ts"
import { run } from "../../effects/run.ts"
import { NotifyFailed } from "../../src/domain/errors.ts"
import { metricTable } from "../../src/services/metrics/metricTable.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { increases, seriesOf } from "../support/scrape.ts"
import { type EmbeddedLooper, openLooper, staying, untilTrue } from "./embeddedLooper.ts"

/** What a program adds to the counters that match. */
const counting = Effect.fnUntraced(function* <A, E>(
  looper: EmbeddedLooper,
  pattern: RegExp,
  program: Effect.Effect<A, E>
) {
  const before = yield* looper.perform(metrics())
  yield* program
  return increases(before, yield* looper.perform(metrics()), pattern)
})
const gauge = (looper: EmbeddedLooper, name: string) =>
  Effect.map(looper.perform(metrics()), (text) => seriesOf(text).get(name))
const untilGauge = (looper: EmbeddedLooper, name: string, value: number) =>
  untilTrue(() => Effect.runPromise(Effect.map(gauge(looper, name), (now) => now === value)), `${name} is ${value}`)

describe("a scrape", () => {
  it.live("has every metric, and no other", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      yield* looper.perform(run({ message: "m", prompt: codexScript([]) }))
      const text = yield* looper.perform(metrics())
      const found = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`)
      const expected = Object.values(metricTable).map(({ name, kind }) => `${name} ${kind}`)
      // Those of the server, which nobody asked here.
      const unserved = expected.filter((each) => !each.startsWith("looper_http_"))
      assert.deepStrictEqual(found.toSorted(), unserved.toSorted())
      assert.strictEqual([...text.matchAll(/^# HELP /gm)].length, found.length)
    })
  )

  it.live("says how many runs live, how much they wrote, and how much of it is mirrored", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      assert.strictEqual(yield* gauge(looper, "looper_live_runs"), 0)
      const { prompt, up } = staying(looper, [{ print: "whole\n" }, { print: "half" }])
      yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      assert.strictEqual(yield* gauge(looper, "looper_live_runs"), 1)
      assert.isAbove((yield* gauge(looper, "looper_live_run_log_bytes")) ?? 0, 11)
      // An unfinished line waits for its end.
      yield* untilGauge(looper, "looper_mirror_lag_bytes", "half".length)
      yield* looper.perform(killCodex())
      yield* untilGauge(looper, "looper_live_runs", 0)
      assert.strictEqual(yield* gauge(looper, "looper_mirror_lag_bytes"), 0)
    })
  )

  it.live("says that a sequence is in progress", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const lock = Context.get(looper.services, RunLock)
      const sequence = looper.perform(gauge(looper, "looper_run_lock_held"))
      const held = yield* looper.perform(
        lock.tryRun({ requestId: "0a1b2c3d", operation: "run", step: "notify", sequence })
      )
      assert.deepStrictEqual([held, yield* gauge(looper, "looper_run_lock_held")], [1, 0])
    })
  )
})

it.live("two Loopers in one process count for themselves", () =>
  Effect.gen(function* () {
    const [one, other] = [yield* openLooper(), yield* openLooper()]
    yield* one.perform(notify({ message: "m" }))
    const delivered = 'looper_notifications_total{outcome="delivered"}'
    assert.deepStrictEqual([yield* gauge(one, delivered), yield* gauge(other, delivered)], [1, 0])
  })
)

describe("counted once, and nothing else with it,", () => {
  it.live("is a run that is stopped: its end, its stop and its processes", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt, up } = staying(looper)
      yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      const stop = Effect.andThen(looper.perform(killCodex()), untilGauge(looper, "looper_live_runs", 0))
      const difference = yield* counting(looper, /runs_ended|signals|survivors|_count/, stop)
      assert.deepStrictEqual(difference, {
        'looper_runs_ended_total{state="stopped",cause="request"}': 1,
        'looper_run_duration_seconds_count{state="stopped"}': 1,
        'looper_kill_signals_total{signal="SIGTERM",outcome="sent"}': 1,
        looper_kill_duration_seconds_count: 1,
        'looper_step_duration_seconds_count{step="stop",result="ok"}': 1
      })
    })
  )

  it.live("is a run that ends by itself, with the bytes of its log", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const ending = Effect.andThen(
        looper.perform(run({ message: "m", prompt: codexScript([{ exit: 3 }]) })).pipe(Effect.ignore),
        untilGauge(looper, 'looper_runs_ended_total{state="failed",cause="exited"}', 1)
      )
      const difference = yield* counting(looper, /runs_ended|log_bytes_total/, ending)
      assert.strictEqual(difference['looper_runs_ended_total{state="failed",cause="exited"}'], 1)
      assert.isAbove(difference.looper_run_log_bytes_total ?? 0, 50)
      assert.strictEqual(Object.keys(difference).length, 2)
    })
  )

  it.live("are a message that arrives and one that does not", () =>
    Effect.gen(function* () {
      let isRefusing = false
      const send = () => (isRefusing ? Effect.fail(new NotifyFailed({ reason: "no" })) : Effect.succeed("OK"))
      const looper = yield* openLooper({ parts: { notifier: Layer.succeed(Notifier, { send }) } })
      const tell = looper.perform(notify({ message: "m" })).pipe(Effect.ignore)
      const told = yield* counting(looper, /notifications/, tell)
      isRefusing = true
      const refused = yield* counting(looper, /notifications/, tell)
      assert.deepStrictEqual(told, { 'looper_notifications_total{outcome="delivered"}': 1 })
      assert.deepStrictEqual(refused, { 'looper_notifications_total{outcome="failed"}': 1 })
    })
  )

  it.live("is a tick, with its reason", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({ env: () => ({ LOOPER_DEFAULT_WORKSPACE: "/nowhere" }) })
      const tick = looper.perform(autopollTick()).pipe(Effect.ignore)
      const difference = yield* counting(looper, /autopoll_ticks/, tick)
      assert.deepStrictEqual(difference, {
        'looper_autopoll_ticks_total{outcome="skipped",reason="misconfigured"}': 1
      })
    })
  )
})
