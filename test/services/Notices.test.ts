/** Notices over a notifier that records: their order, their deadline, what is dropped, and what is said twice. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { NotifyFailed } from "../../src/domain/errors.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { makeMetrics, Metrics } from "../../src/services/metrics/Metrics.ts"
import { Notices } from "../../src/services/Notices.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { RunLogs } from "../../src/services/runs/RunLogs.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { seriesOf } from "../support/scrape.ts"
import { makeLogs } from "./zulip/sending.ts"

const all = "autopoll,finish,failure,skip"
const token = "correct-horse-battery"
type Send = Notifier["Service"]["send"]

/** What the notifier got and when, in seconds; what is logged and counted; and the service, until `close`. */
const open = Effect.fnUntraced(function* (
  options: {
    readonly send?: Send
    readonly tail?: string
    readonly environment?: Readonly<Record<string, string>>
  } = {}
) {
  const { send = () => Effect.succeed("OK"), tail = "" } = options
  const logs = makeLogs()
  const sent: Array<string> = []
  const times: Array<number> = []
  const metrics = makeMetrics()
  /** Notices by their outcome, and the seconds that they took. */
  const scraped = () => {
    const series = seriesOf(metrics.text())
    return {
      delivered: series.get('looper_notifications_total{outcome="delivered"}'),
      failed: series.get('looper_notifications_total{outcome="failed"}'),
      took: series.get("looper_notification_duration_seconds_sum")
    }
  }
  const parts = Layer.mergeAll(
    Layer.succeed(Notifier, {
      send: (message) =>
        Clock.currentTimeMillis.pipe(
          Effect.andThen((now) => {
            sent.push(message)
            times.push(now / 1_000)
            return send(message)
          })
        )
    }),
    Layer.mock(RunLogs, {
      has: () => false,
      tail: (_, maxBytes) => Effect.succeed(Buffer.from(tail).subarray(-maxBytes))
    }),
    Shutdown.layerNoDeps,
    Layer.succeed(Metrics, metrics),
    logs.layer
  )
  const environment = { LOOPER_NOTIFY_ON: all, LOOPER_API_TOKEN: token, ...options.environment }
  const layer = Notices.layerNoDeps.pipe(
    Layer.provide(parts),
    Layer.provide(Layer.orDie(LooperConfig.layer({ root: "/nowhere", environment })))
  )
  const scope = yield* Scope.make()
  const notices = Context.get(yield* Layer.buildWithScope(layer, scope), Notices)
  return { notices, sent, times, logs, scraped, close: Scope.close(scope, Exit.void) }
})

const run = (requestId: string) => ({ requestId, workspace: "/w" })
const ended = (returnCode: number, requestId = "1a2b3c4d") => ({
  requestId,
  end: { returnCode, stoppedBy: undefined },
  durationMillis: 1_000,
  log: { requestId, path: "/l", sidePath: "/s", headerBytes: 0 }
})
const idsOf = (sent: ReadonlyArray<string>) => sent.map((text) => /run `(\w+)`/.exec(text)?.[1])
/** Each notice takes a few turns. */
const settled = Effect.repeat(TestClock.adjust("0 seconds"), { times: 9 })
const refused = Effect.fail(new NotifyFailed({ reason: "refused" }))

describe("notices", () => {
  it.effect("are sent only where they are asked for", () =>
    Effect.gen(function* () {
      const { notices, sent } = yield* open({ environment: { LOOPER_NOTIFY_ON: "failure" } })
      yield* notices.started(run("a"))
      yield* notices.ended(ended(0))
      yield* notices.skipped({ reason: "paused", text: "t" })
      yield* notices.ended(ended(1, "b"))
      yield* notices.tickFailed({ requestId: "c", error: "e" })
      yield* settled
      assert.deepStrictEqual(idsOf(sent), ["b", "c"])
    })
  )

  it.effect("go out one at a time, in the order in which they were told, and nobody waits for them", () =>
    Effect.gen(function* () {
      const { notices, sent, times } = yield* open({ send: () => Effect.delay(Effect.succeed("OK"), "5 seconds") })
      for (const id of ["a", "b", "c"]) yield* notices.started(run(id))
      yield* settled
      assert.deepStrictEqual(idsOf(sent), ["a"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(idsOf(sent), ["a", "b", "c"])
      assert.deepStrictEqual(times, [0, 5, 10])
    })
  )

  it.effect("that wait are twenty at most: the oldest is dropped, and the log says so", () =>
    Effect.gen(function* () {
      const { notices, sent, logs, scraped } = yield* open({
        send: () => Effect.delay(Effect.succeed("OK"), "1 second")
      })
      yield* notices.started(run("first"))
      yield* settled
      const ids = Array.from({ length: 22 }, (_, index) => `n${index}`)
      for (const id of ids) yield* Effect.provide(notices.started(run(id)), logs.layer)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(idsOf(sent), ["first", ...ids.slice(2)])
      const dropped = ["n0", "n1"].map((id) => ({ notice: "autopoll", request_id: id, reason: "too many wait" }))
      assert.deepStrictEqual(logs.of("run.notice.dropped"), dropped)
      assert.deepStrictEqual(scraped(), { delivered: 21, failed: 2, took: 21 })
    })
  )

  it.effect(
    "that were provably not delivered are tried again, no sooner than the server asks, until the deadline",
    () =>
      Effect.gen(function* () {
        const waits = [1, 25, 30, 30]
        const { notices, sent, times, logs } = yield* open({
          send: (message) => {
            const retryAfterSeconds = message.includes("`a`") ? waits.shift() : undefined
            if (retryAfterSeconds === undefined) return Effect.succeed("OK")
            return Effect.fail(new NotifyFailed({ reason: "down", retryAfterSeconds }))
          }
        })
        yield* notices.started(run("a"))
        yield* notices.started(run("b"))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(idsOf(sent), ["a", "a", "a", "a", "b"])
        assert.deepStrictEqual(times, [0, 10, 35, 65, 65])
        const lost = { notice: "autopoll", request_id: "a", reason: "down" }
        assert.deepStrictEqual(logs.of("run.notice.fail"), [lost])
      })
  )

  it.effect("that may have been delivered are sent again, ever later, and say so from then on", () =>
    Effect.gen(function* () {
      const fails = [{ mayBeDelivered: true }, { retryAfterSeconds: 1 }, { mayBeDelivered: true }].map(
        (how) => new NotifyFailed({ reason: "r", ...how })
      )
      const { notices, sent, times } = yield* open({
        send: () => {
          const error = fails.shift()
          return error === undefined ? Effect.succeed("OK") : Effect.fail(error)
        }
      })
      yield* notices.started(run("a"))
      yield* TestClock.adjust("10 minutes")
      const [first = "", ...others] = sent
      assert.strictEqual(first, "Looper: autopoll started run `a` in `/w`")
      const repeat = `${first}\n(may be repeated)`
      assert.deepStrictEqual(others, [repeat, repeat, repeat])
      assert.deepStrictEqual(times, [0, 10, 30, 50])
    })
  )

  it.effect("that nobody acknowledges are sent four times at most", () =>
    Effect.gen(function* () {
      const { notices, times, logs, scraped } = yield* open({
        send: () => Effect.fail(new NotifyFailed({ reason: "in doubt", mayBeDelivered: true }))
      })
      yield* notices.started(run("a"))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(times, [0, 10, 30, 70])
      assert.lengthOf(logs.of("run.notice.fail"), 1)
      assert.deepStrictEqual(scraped(), { delivered: 0, failed: 1, took: 70 })
    })
  )

  it.effect("that were refused are not sent again", () =>
    Effect.gen(function* () {
      const { notices, sent, logs } = yield* open({ send: () => refused })
      yield* notices.started(run("a"))
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(sent, 1)
      assert.lengthOf(logs.of("run.notice.fail"), 1)
    })
  )

  it.effect("are given up after 90 s, and the next one is sent; one that dies ends nothing", () =>
    Effect.gen(function* () {
      const { notices, sent, times, logs, scraped } = yield* open({
        send: (message) => {
          if (message.includes("`a`")) return Effect.never
          return message.includes("`b`") ? Effect.die(new Error("injected")) : Effect.succeed("OK")
        }
      })
      for (const id of ["a", "b", "c"]) yield* notices.started(run(id))
      yield* TestClock.adjust("90 seconds")
      assert.deepStrictEqual(idsOf(sent), ["a", "b", "c"])
      assert.deepStrictEqual(times, [0, 90, 90])
      assert.deepStrictEqual(
        logs.of("run.notice.fail").map(({ request_id, reason }) => [request_id, reason]),
        [
          ["a", "no end within 90 s, it may be delivered"],
          ["b", undefined]
        ]
      )
      assert.deepStrictEqual(scraped(), { delivered: 1, failed: 2, took: 90 })
    })
  )

  it.effect("show neither a configured secret nor a half of one", () =>
    Effect.gen(function* () {
      for (const tail of [`${token} end`, `\u001b[1m${token.slice(0, 5)}\u001b[0m${token.slice(5)} end`]) {
        const { notices, sent, close } = yield* open({ tail })
        yield* notices.ended(ended(1))
        yield* settled
        assert.include(sent[0], "*** end")
        assert.notInclude(sent[0], token.slice(-5))
        yield* close
      }
      // The cut of what is shown would leave the secret's end alone.
      const atCut = yield* open({ tail: `${token} ${"e".repeat(985)}` })
      yield* atCut.notices.ended(ended(1))
      yield* atCut.notices.tickFailed({ requestId: "a", error: `no ${token}` })
      yield* settled
      for (const text of atCut.sent) assert.notInclude(text, token.slice(-5))
      assert.include(atCut.sent[1], "no ***")
      // What is read begins ten characters before the end of the secret; nearly all of the rest is colours.
      const after = `${" ".repeat(26)}${"\u001b[0m".repeat((64 * 1024 - 40) / 4)}end\n`
      const { notices, sent } = yield* open({ tail: `x${token}${after}` })
      yield* notices.ended(ended(1))
      yield* settled
      assert.lengthOf(sent, 1)
      assert.notInclude(sent[0], token.slice(-5))
    })
  )
})

it.effect("a secret with a mention in it, or at the cut of a notice's line, is found", () =>
  Effect.gen(function* () {
    const secret = `p@ss<!w0rd>-${"x".repeat(20)}`
    const { notices, sent } = yield* open({ environment: { LOOPER_API_TOKEN: secret } })
    for (const text of [
      `in ${secret}`,
      `in pa${secret}`,
      `${"e".repeat(240)} ${secret}`,
      `p@ss\u200b${secret.slice(4)}`
    ]) {
      yield* notices.started({ requestId: "a", workspace: text })
      yield* notices.tickFailed({ requestId: "a", error: text })
      yield* notices.skipped({ reason: sent.length === 2 ? "paused" : "backoff", text })
      yield* notices.ended({ ...ended(0), log: { ...ended(0).log, path: text } })
      yield* settled
    }
    assert.isAtLeast(sent.length, 14)
    for (const text of sent) {
      assert.include(text, "***")
      assert.notMatch(text, /ss<|w0rd|p@/)
    }
  })
)

describe("a skip", () => {
  it.effect("is told once for each change of its reason; a busy lock and a start between are no reason", () =>
    Effect.gen(function* () {
      const { notices, sent } = yield* open({ environment: { LOOPER_NOTIFY_ON: "skip" } })
      const skip = (reason: Parameters<typeof notices.skipped>[0]["reason"]) => notices.skipped({ reason, text: "t" })
      for (const reason of ["paused", "run_lock_busy", "paused", "misconfigured", "misconfigured"] as const)
        yield* skip(reason)
      yield* notices.started(run("a"))
      for (const reason of ["misconfigured", "recent_log_activity"] as const) yield* skip(reason)
      yield* notices.started(run("b"))
      yield* skip("recent_log_activity")
      yield* settled
      assert.deepStrictEqual(
        sent.map((text) => /\((\w+)\)/.exec(text)?.[1]),
        ["paused", "misconfigured", "misconfigured", "recent_log_activity"]
      )
    })
  )
})

describe("the end of Looper", () => {
  it.effect("lets the last ones out", () =>
    Effect.gen(function* () {
      const { notices, sent, logs, close } = yield* open({
        send: () => Effect.delay(Effect.succeed("OK"), "500 millis")
      })
      for (const id of ["a", "b"]) yield* notices.started(run(id))
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(idsOf(sent), ["a", "b"])
      assert.isEmpty(logs.of("run.notice.dropped"))
    })
  )

  it.effect("does not wait for a notifier that hangs, not even for one that cannot be interrupted", () =>
    Effect.gen(function* () {
      for (const send of [() => Effect.never, () => Effect.uninterruptible(Effect.never)]) {
        const { notices, logs, scraped, close } = yield* open({ send })
        for (const id of ["a", "b"]) yield* notices.started(run(id))
        yield* settled
        const closing = yield* Effect.forkChild(close, { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(closing)
        const left = ["a", "b"].map((id) => ({ notice: "autopoll", request_id: id, reason: "Looper is stopping" }))
        assert.deepStrictEqual(logs.of("run.notice.dropped"), left)
        yield* settled
        assert.deepStrictEqual(scraped(), { delivered: 0, failed: 2, took: 0 })
      }
    })
  )

  it.effect("waits no longer than its own budget lasts", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_SHUTDOWN_GRACE_SECONDS: "1" }
      const { notices, close } = yield* open({ send: () => Effect.never, environment })
      yield* notices.started(run("a"))
      yield* settled
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(closing)
    })
  )

  it.effect("costs nothing where nothing was told", () =>
    Effect.gen(function* () {
      const { close } = yield* open()
      yield* close
    })
  )
})
