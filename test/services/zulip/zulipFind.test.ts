import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import { LooperConfig, type LooperConfigShape, type ZulipConfig } from "../../../src/services/config/LooperConfig.ts"
import { Notifier } from "../../../src/services/notifiers/Notifier.ts"
import { layerZulip } from "../../../src/services/zulip/ZulipNotifier.ts"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import {
  type ZulipEarlierMessage,
  ZulipServer,
  type ZulipServerOptions,
  type ZulipServerShape
} from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, passWait, reasonWith, sendWith } from "./sending.ts"

const mayBeDelivered = "the message may have been delivered, so it is not sent again"

const startMillis = 1_800_000_000_000

/** A server whose clock goes with the test's. */
const makeServer = Effect.fnUntraced(function* (options: ZulipServerOptions = {}) {
  const clock = yield* Clock.Clock
  return yield* ZulipServer.make({ now: () => startMillis + clock.currentTimeMillisUnsafe(), ...options })
})

const paths = ({ requests }: ZulipServerShape) => requests.map(({ method, path }) => `${method} ${path}`)
const look = ["GET /users/me", "GET /messages"]

/** Sends while the n-th look finds nothing: passes the waits between the looks. */
const afterAllLooks = Effect.fnUntraced(function* (config: ZulipConfig, message = "hello") {
  const logs = makeLogs()
  const sending = yield* Effect.forkChild(reasonWith(config, message, logs))
  yield* passWait(logs, 1, "1 second")
  yield* passWait(logs, 2, "2 seconds")
  return yield* Fiber.join(sending)
})

const earlier = (change: Partial<ZulipEarlierMessage> = {}): ZulipEarlierMessage => ({
  type: "stream",
  to: "coding",
  topic: "verified-cad",
  content: "hello",
  senderId: 1,
  timestamp: startMillis / 1000,
  ...change
})

describe("a message that arrived without a word", () => {
  it.effect.each([
    zulipReplies.resetAfterStoring,
    zulipReplies.resetAfterHeaders,
    zulipReplies.htmlAfterStoring(502, "bad gateway"),
    zulipReplies.htmlAfterStoring(504, "late"),
    zulipReplies.htmlAfterStoring(200, "")
  ])("is found and not sent again: %#", (reply) =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(reply)
      assert.strictEqual(
        yield* sendWith(configFor(server), "hello"),
        "OK message_id=1 type=stream stream=coding topic=verified-cad"
      )
      assert.deepStrictEqual(paths(server), ["POST /messages", ...look])
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.effect.each([zulipReplies.slowHeaders, zulipReplies.slowBody])("is found after a time-out: $_tag", (reply) =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(reply)
      const sending = yield* Effect.forkChild(sendWith(configFor(server), "hello"))
      yield* server.received(1)
      yield* TestClock.adjust("15 seconds")
      assert.match(yield* Fiber.join(sending), /^OK message_id=1 /)
      assert.deepStrictEqual(paths(server), ["POST /messages", ...look])
    })
  )

  it.effect("is looked for where it went, among the bot's own, as it was written", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(zulipReplies.resetAfterStoring)
      yield* sendWith(configFor(server), "**hello**")
      assert.deepStrictEqual(server.requests.at(-1)?.query, {
        anchor: "newest",
        num_before: "20",
        num_after: "0",
        apply_markdown: "false",
        narrow: JSON.stringify([
          { operator: "stream", operand: "coding" },
          { operator: "topic", operand: "verified-cad" },
          { operator: "sender", operand: 1 }
        ])
      })
    })
  )

  it.effect.each([
    ["8", [8]],
    ["8-Tessa, 9", [8, 9]],
    ["bob@example.com,tessa@example.com", "bob@example.com,tessa@example.com"]
  ] as const)("is found among the messages to %s", ([to, operand]) =>
    Effect.gen(function* () {
      const users = [
        { user_id: 8, full_name: "Tessa", email: "tessa@example.com" },
        { user_id: 9, full_name: "Bob", email: "bob@example.com" }
      ]
      const server = yield* makeServer({ users })
      const toName = zulipReplies.ok()
      server.reply(...(to.includes("-") ? [toName] : []), zulipReplies.resetAfterStoring)
      const output = yield* sendWith({ ...configFor(server), messageType: "private", to }, "hello")
      assert.strictEqual(output, `OK message_id=1 type=private to=${to}`)
      const [term] = JSON.parse(server.requests.at(-1)?.query.narrow ?? "") as ReadonlyArray<unknown>
      assert.deepStrictEqual(term, { operator: "pm-with", operand })
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.effect.each(["\n\nhello \n", "x".repeat(10_001), "\u200b", "@**Bob** `a`\r\nb"])(
    "is known by its text: %#",
    (text) =>
      Effect.gen(function* () {
        const server = yield* makeServer()
        server.reply(zulipReplies.resetAfterStoring)
        assert.match(yield* sendWith(configFor(server), text), /^OK message_id=1 /)
      })
  )

  it.effect("is found among long ones", () =>
    Effect.gen(function* () {
      const long = Array.from({ length: 19 }, (_, index) => earlier({ content: `${index}${"😀".repeat(10_000)}` }))
      const server = yield* makeServer({ earlierMessages: long })
      server.reply(zulipReplies.resetAfterStoring)
      assert.match(yield* sendWith(configFor(server), "hello"), /^OK message_id=20 /)
    })
  )

  it.effect("is found by a later look where it is stored late", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const logs = makeLogs()
      server.reply(zulipReplies.resetAfterStoring, zulipReplies.ok(), zulipReplies.ok({ messages: [] }))
      const sending = yield* Effect.forkChild(sendWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "1 second")
      assert.match(yield* Fiber.join(sending), /^OK message_id=1 /)
      const events = ["start", "doubt", "retry", "done"].map((event) => `zulip.send.${event}`)
      assert.deepStrictEqual(
        logs.lines.map(({ event }) => event),
        events
      )
      assert.match(String(logs.of("zulip.send.doubt")[0]?.reason), /^Zulip request failed: \w/)
      assert.deepStrictEqual(logs.of("zulip.send.retry"), [{ reason: "the message is not there", delay_seconds: 1 }])
    })
  )

  it.effect.each([35, 36, 176, 177, 249, 250, 400])("is found on a server of feature level %s", (featureLevel) =>
    Effect.gen(function* () {
      const server = yield* makeServer({ featureLevel })
      for (const messageType of ["stream", "private"] as const) {
        server.reply(zulipReplies.resetAfterStoring)
        assert.match(yield* sendWith({ ...configFor(server), messageType, to: "9" }, "hello"), /^OK /)
      }
      assert.strictEqual(server.messages.length, 2)
    })
  )
})

describe("a message of the seconds before", () => {
  it.effect.each([
    [0, true],
    [2, true],
    [2.001, false]
  ] as const)("that is %s s old counts as this one: %s", ([ageSeconds, isFound]) =>
    Effect.gen(function* () {
      const server = yield* makeServer({ earlierMessages: [earlier({ timestamp: startMillis / 1000 - ageSeconds })] })
      server.reply(zulipReplies.resetBeforeHeaders)
      const config = configFor(server)
      if (isFound) assert.match(yield* sendWith(config, "hello"), /^OK message_id=1 /)
      else assert.include(yield* afterAllLooks(config), mayBeDelivered)
    })
  )
})

describe("a message that is not there", () => {
  it.effect("is looked for three times, and never sent again", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(zulipReplies.resetBeforeHeaders)
      const reason = yield* afterAllLooks(configFor(server))
      assert.match(reason, /^Zulip request failed: \w/)
      assert.isTrue(reason.endsWith(`; ${mayBeDelivered}`), reason)
      assert.deepStrictEqual(paths(server), ["POST /messages", ...look, "GET /messages", "GET /messages"])
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.effect.each([
    { content: "hello!" },
    { content: " hello" },
    { topic: "another" },
    { to: "general" },
    { to: [9], topic: undefined },
    { senderId: 2 },
    { timestamp: startMillis / 1000 - 60 }
  ])("is not taken for another one: %o", (change) =>
    Effect.gen(function* () {
      const server = yield* makeServer({ earlierMessages: [earlier(change)] })
      server.reply(zulipReplies.resetBeforeHeaders)
      assert.include(yield* afterAllLooks(configFor(server)), mayBeDelivered)
    })
  )

  it.effect("is not taken for one that was there before the last try began", () =>
    Effect.gen(function* () {
      const server = yield* makeServer({ earlierMessages: [earlier()] })
      const logs = makeLogs()
      server.reply(zulipReplies.rateLimited({ header: 10 }), zulipReplies.resetBeforeHeaders)
      const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "10 seconds")
      yield* passWait(logs, 2, "1 second")
      yield* passWait(logs, 3, "2 seconds")
      assert.include(yield* Fiber.join(sending), mayBeDelivered)
    })
  )

  it.effect("is not taken for the same text that Looper sent a moment before", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const logs = makeLogs()
      const layer = layerZulip.pipe(
        Layer.provide(layerNotifierClient),
        Layer.provide(Layer.succeed(LooperConfig, { zulip: configFor(server) } as LooperConfigShape)),
        Layer.provideMerge(logs.layer)
      )
      yield* Effect.gen(function* () {
        const notifier = yield* Notifier
        assert.match(yield* notifier.send("hello"), /^OK message_id=1 /)
        server.reply(zulipReplies.resetAfterStoring)
        assert.match(yield* notifier.send("hello"), /^OK message_id=2 /)
        server.reply(zulipReplies.resetBeforeHeaders)
        const sending = yield* Effect.forkChild(Effect.flip(notifier.send("hello")))
        yield* passWait(logs, 1, "1 second")
        yield* passWait(logs, 2, "2 seconds")
        assert.include((yield* Fiber.join(sending)).reason, mayBeDelivered)
      }).pipe(Effect.provide(layer))
    })
  )
})

describe("a look that tells nothing", () => {
  it.effect.each([
    ["a bot that may only send", zulipReplies.error(401, "UNAUTHORIZED", "not for webhook bots"), undefined],
    ["an odd answer about the bot", zulipReplies.ok({ user_id: "x" }), undefined],
    ["a channel that may not be read", zulipReplies.ok(), zulipReplies.error(400, "BAD_NARROW", "no")],
    ["an odd list", zulipReplies.ok(), zulipReplies.ok({ messages: [{ id: 1 }] })]
  ] as const)("leaves it open: %s", ([, me, messages]) =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(zulipReplies.resetAfterStoring, me, ...(messages === undefined ? [] : [messages]))
      assert.include(yield* reasonWith(configFor(server), "hello"), mayBeDelivered)
      assert.deepStrictEqual(paths(server), ["POST /messages", ...look.slice(0, messages === undefined ? 1 : 2)])
    })
  )

  it.effect("leaves it open where the server does not tell its time", () =>
    Effect.gen(function* () {
      const server = yield* makeServer({ now: () => Number.NaN, earlierMessages: [earlier()] })
      server.reply(zulipReplies.resetBeforeHeaders)
      assert.include(yield* afterAllLooks(configFor(server)), mayBeDelivered)
    })
  )
})

describe("looking", () => {
  it.effect("ends with the 30 seconds of the message", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      server.reply(zulipReplies.slowHeaders, zulipReplies.slowHeaders)
      const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello"))
      yield* server.received(1)
      yield* TestClock.adjust("15 seconds")
      yield* server.received(2)
      yield* TestClock.adjust("14999 millis")
      assert.isUndefined(sending.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(sending), `Zulip request failed: no answer within 15 s; ${mayBeDelivered}`)
    })
  )

  it.effect("begins no wait that would pass them", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const logs = makeLogs()
      server.reply(zulipReplies.rateLimited({ header: 28.5 }), zulipReplies.resetBeforeHeaders)
      const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "28500 millis")
      yield* passWait(logs, 2, "1 second")
      assert.include(yield* Fiber.join(sending), mayBeDelivered)
      assert.deepStrictEqual(paths(server), ["POST /messages", "POST /messages", ...look, "GET /messages"])
    })
  )

  it.effect("begins not at all without time", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const logs = makeLogs()
      server.reply(zulipReplies.rateLimited({ header: 20 }), zulipReplies.slowHeaders)
      const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "20 seconds")
      yield* server.received(2)
      yield* TestClock.adjust("10 seconds")
      assert.include(yield* Fiber.join(sending), mayBeDelivered)
      assert.deepStrictEqual(paths(server), ["POST /messages", "POST /messages"])
    })
  )
})
