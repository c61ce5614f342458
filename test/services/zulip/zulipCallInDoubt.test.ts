import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer, type ZulipServerShape } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, passWait, reasonWith, sendWith } from "./sending.ts"

const mayBeDelivered = "the message may have been delivered, so it is not sent again"

/** Its bot cannot look whether a message arrived. */
const unreadable = ZulipServer.make({ isWebhookBot: true })

const posts = ({ requests }: ZulipServerShape) => requests.filter(({ method }) => method === "POST").length

describe("a message that may have arrived", () => {
  it.effect.each([zulipReplies.slowHeaders, zulipReplies.slowBody])(
    "is not repeated when the answer takes 15 seconds: $_tag",
    (reply) =>
      Effect.gen(function* () {
        const server = yield* unreadable
        server.reply(reply)
        const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello"))
        yield* server.received(1)
        yield* TestClock.adjust("14999 millis")
        assert.isUndefined(sending.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(sending), `Zulip request failed: no answer within 15 s; ${mayBeDelivered}`)
        assert.strictEqual(posts(server), 1)
        assert.strictEqual(server.messages.length, 1)
      })
  )

  it.effect.each([
    { reply: zulipReplies.resetBeforeHeaders, stored: 0 },
    { reply: zulipReplies.resetAfterStoring, stored: 1 },
    { reply: zulipReplies.resetAfterHeaders, stored: 1 }
  ])("is not repeated when the connection breaks: $reply.at", ({ reply, stored }) =>
    Effect.gen(function* () {
      const server = yield* unreadable
      server.reply(reply)
      const reason = yield* reasonWith(configFor(server), "hello")
      assert.match(reason, /^Zulip request failed: \w/)
      assert.isTrue(reason.endsWith(mayBeDelivered), reason)
      assert.strictEqual(posts(server), 1)
      assert.strictEqual(server.messages.length, stored)
    })
  )

  it.effect.each([
    [
      zulipReplies.html(502, "<html><title>502 Bad Gateway</title></html>"),
      "Zulip request failed (502): 502 Bad Gateway; "
    ],
    [zulipReplies.html(504, "late", { "retry-after": "0" }), "Zulip request failed (504): late; "],
    [
      zulipReplies.error(500, undefined, "Internal server error"),
      "Zulip request failed (500): Internal server error; "
    ],
    [zulipReplies.html(200, "{not json"), "Zulip answered 200 without a result: {not json; "],
    [
      zulipReplies.error(200, "X", "odd"),
      'Zulip answered 200 without a result: {"result":"error","msg":"odd","code":"X"}; '
    ],
    [zulipReplies.html(200, ""), "Zulip answered 200 without a result: no text; "],
    [zulipReplies.ok({ more: "x".repeat(65_536) }), "Zulip answered 200 with more than 65536 bytes; "]
  ] as const)("is not repeated when the answer leaves it open: %#", ([reply, expected]) =>
    Effect.gen(function* () {
      const server = yield* unreadable
      server.reply(reply)
      assert.strictEqual(yield* reasonWith(configFor(server), "hello"), `${expected}${mayBeDelivered}`)
      assert.strictEqual(posts(server), 1)
    })
  )

  it.effect("is not repeated when a success names no message", () =>
    Effect.gen(function* () {
      const server = yield* unreadable
      server.reply(zulipReplies.ok({ id: "1" }))
      assert.strictEqual(
        yield* reasonWith(configFor(server), "hello"),
        "Zulip answered without a message id; the message may have been delivered"
      )
      assert.strictEqual(server.messages.length, 1)
    })
  )
})

describe("a lookup of a recipient", () => {
  const users = [{ user_id: 8, full_name: "Tessa", email: "user8@example.com" }]

  it.effect("is repeated after any doubtful answer, for it changes nothing", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users })
      const logs = makeLogs()
      server.reply(zulipReplies.html(502, "bad"), zulipReplies.resetAfterHeaders)
      const config = { ...configFor(server), messageType: "private" as const }
      const sending = yield* Effect.forkChild(sendWith(config, "hello", logs))
      yield* passWait(logs, 1, "1 second")
      yield* passWait(logs, 2, "2 seconds")
      assert.match(yield* Fiber.join(sending), /^OK /)
      assert.deepStrictEqual(
        server.requests.map((request) => request.path),
        ["/users", "/users", "/users", "/messages"]
      )
    })
  )

  it.effect("reads the list of a large organization", () =>
    Effect.gen(function* () {
      const others = Array.from({ length: 40_000 }, (_, index) => {
        const id = index + 100
        return { user_id: id, full_name: `Member ${id}`, email: `user${id}@example.com` }
      })
      const server = yield* ZulipServer.make({ users: [...others, ...users] })
      yield* sendWith({ ...configFor(server), messageType: "private" }, "hello")
      assert.deepStrictEqual(server.messages[0]?.to, [8])
    })
  )

  it.effect("that fails says that nothing was delivered", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users })
      const logs = makeLogs()
      server.reply(zulipReplies.slowHeaders, zulipReplies.slowHeaders)
      const config = { ...configFor(server), messageType: "private" as const }
      const sending = yield* Effect.forkChild(reasonWith(config, "hello", logs))
      yield* server.received(1)
      yield* TestClock.adjust("15 seconds")
      yield* passWait(logs, 1, "1 second")
      yield* server.received(2)
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(
        yield* Fiber.join(sending),
        "Zulip request failed: no answer within 14 s; waiting 2 s more would pass the limit of 30 s, not delivered"
      )
    })
  )

  it.live("that took all the time, as over a suspend, is followed by no message", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users })
      let nanos = 0n
      const clock: Clock.Clock = Object.assign(Object.create(yield* Clock.Clock), {
        monotonicTimeNanos: Effect.sync(() => nanos)
      })
      server.reply(() => {
        nanos = 30_000_000_000n
        return zulipReplies.ok()
      })
      const config = { ...configFor(server), messageType: "private" as const }
      const reason = yield* reasonWith(config, "hello").pipe(Effect.provideService(Clock.Clock, clock))
      assert.match(reason, /^Zulip request not begun; .*not delivered$/)
      assert.strictEqual(server.requests.length, 1)
    })
  )
})
