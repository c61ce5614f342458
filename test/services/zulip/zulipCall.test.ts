import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { zulipReplies, type ZulipServerReply } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, reasonWith, sendWith } from "./sending.ts"

const mayBeDelivered = "the message may have been delivered, so it is not sent again"

/** A port on which nobody listens. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const unreachable = { email: "bot@example.com", apiKey: "key" }

/** Passes the wait that the n-th retry announces; the sender sleeps right after it has logged. */
const passWait = Effect.fnUntraced(function* (logs: ReturnType<typeof makeLogs>, times: number, wait: string) {
  yield* logs.seen("zulip.send.retry", times)
  yield* Effect.yieldNow
  yield* TestClock.adjust(wait as "1 second")
})

const waits = (reply: ZulipServerReply) =>
  Effect.gen(function* () {
    const server = yield* ZulipServer.make()
    const logs = makeLogs()
    server.reply(reply)
    const startedAt = performance.now()
    yield* sendWith(configFor(server), "hello", logs)
    const waitedMillis = performance.now() - startedAt
    assert.strictEqual(server.requests.length, 2)
    assert.strictEqual(server.messages.length, 1)
    const [retry] = logs.of("zulip.send.retry")
    assert.isAtLeast(waitedMillis, Number(retry?.delay_seconds) * 1000 - 1)
    return retry
  })

describe("a rate limit", () => {
  it.live("is waited out as the header says, fractions too", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* waits(zulipReplies.rateLimited({ header: "0.0625" })), { delay_seconds: 0.0625 })
    })
  )

  it.live("is waited out as the body says where there is no header", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* waits(zulipReplies.rateLimited({ body: 0.03125 })), { delay_seconds: 0.03125 })
    })
  )

  it.live("is waited out as the header says where both are there", () =>
    Effect.gen(function* () {
      const retry = yield* waits(zulipReplies.rateLimited({ header: 0.05, body: 25 }))
      assert.deepInclude(retry, { delay_seconds: 0.05 })
      assert.include(String(retry?.reason), "RATE_LIMIT_HIT")
    })
  )

  it.effect("without a time is waited out for a second", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      server.reply(zulipReplies.rateLimited({}))
      const sending = yield* Effect.forkChild(sendWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "1 second")
      assert.match(yield* Fiber.join(sending), /^OK /)
      assert.deepInclude(logs.of("zulip.send.retry")[0], { delay_seconds: 1 })
    })
  )

  it.effect.each([30, 31, 1e9, "99999999999999999999"])("of %s seconds fails at once", (header) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.rateLimited({ header }))
      const reason = yield* reasonWith(configFor(server), "hello")
      assert.include(reason, "Zulip request failed (429)")
      assert.include(reason, "would pass the limit of 30 s, not delivered")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.effect("counts the 30 seconds from the beginning, over all its waits", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      server.reply(zulipReplies.rateLimited({ header: 20 }), zulipReplies.rateLimited({ header: 10 }))
      const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello", logs))
      yield* passWait(logs, 1, "20 seconds")
      assert.include(yield* Fiber.join(sending), "waiting 10 s more would pass the limit of 30 s")
      assert.strictEqual(server.requests.length, 2)
    })
  )

  it.effect("that never ends is given up after ten tries", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(...Array.from({ length: 20 }, () => zulipReplies.rateLimited({ header: 0 })))
      assert.include(yield* reasonWith(configFor(server), "hello"), "gave up after 10 tries, not delivered")
      assert.strictEqual(server.requests.length, 10)
    })
  )
})

describe("a message that provably did not arrive", () => {
  it.effect("is sent again when a closed port opens", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const logs = makeLogs()
      const site = { ...unreachable, url: `http://127.0.0.1:${port}` }
      const sending = yield* Effect.forkChild(sendWith(configFor(site), "hello", logs))
      yield* logs.seen("zulip.send.retry")
      const server = yield* ZulipServer.make({ ...unreachable, port })
      yield* TestClock.adjust("1 second")
      assert.match(yield* Fiber.join(sending), /^OK /)
      assert.strictEqual(server.messages.length, 1)
      assert.include(String(logs.of("zulip.send.retry")[0]?.reason), "ECONNREFUSED")
    })
  )

  it.effect("is given up after three refused connections", () =>
    Effect.gen(function* () {
      const site = { ...unreachable, url: `http://127.0.0.1:${yield* freePort}` }
      const logs = makeLogs()
      const sending = yield* Effect.forkChild(reasonWith(configFor(site), "hello", logs))
      yield* passWait(logs, 1, "1 second")
      yield* passWait(logs, 2, "2 seconds")
      assert.match(
        yield* Fiber.join(sending),
        /^Zulip request failed: .*ECONNREFUSED.*gave up after 3 tries, not delivered$/
      )
    })
  )

  it.effect("is sent again after TLS failed", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      const site = { ...server, url: server.url.replace("http:", "https:") }
      const sending = yield* Effect.forkChild(reasonWith(configFor(site), "hello", logs))
      yield* passWait(logs, 1, "1 second")
      yield* passWait(logs, 2, "2 seconds")
      assert.match(
        yield* Fiber.join(sending),
        /^Zulip request failed: TLS failed \(ERR_SSL_\w+\); gave up after 3 tries/
      )
      assert.deepStrictEqual(server.requests, [])
    })
  )

  it.effect("is sent again after its host's name was not found", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      let calls = 0
      const flaky: typeof fetch = (input, init) => {
        calls++
        const cause = Object.assign(new Error("getaddrinfo EAI_AGAIN z"), { code: "EAI_AGAIN", syscall: "getaddrinfo" })
        return calls === 1 ? Promise.reject(new TypeError("fetch failed", { cause })) : fetch(input, init)
      }
      const sending = yield* Effect.forkChild(
        sendWith(configFor(server), "hello", logs).pipe(Effect.provideService(FetchHttpClient.Fetch, flaky))
      )
      yield* passWait(logs, 1, "1 second")
      assert.match(yield* Fiber.join(sending), /^OK /)
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.live("is sent again after a 503, as late as the server asks", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      server.reply(zulipReplies.html(503, "<h1>Upgrading</h1>", { "retry-after": "0.05" }))
      yield* sendWith(configFor(server), "hello", logs)
      assert.deepStrictEqual(logs.of("zulip.send.retry"), [
        { reason: "Zulip request failed (503): Upgrading", delay_seconds: 0.05 }
      ])
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.effect("is given up after three times 503", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const down = zulipReplies.html(503, "", { "retry-after": "0" })
      server.reply(down, down, down, down)
      assert.strictEqual(
        yield* reasonWith(configFor(server), "hello"),
        "Zulip request failed (503): no text; gave up after 3 tries, not delivered"
      )
      assert.strictEqual(server.requests.length, 3)
    })
  )
})

describe("a message that may have arrived", () => {
  it.effect.each([zulipReplies.slowHeaders, zulipReplies.slowBody])(
    "is not repeated when the answer takes 15 seconds: $_tag",
    (reply) =>
      Effect.gen(function* () {
        const server = yield* ZulipServer.make()
        server.reply(reply)
        const sending = yield* Effect.forkChild(reasonWith(configFor(server), "hello"))
        yield* server.received(1)
        yield* TestClock.adjust("14999 millis")
        assert.isUndefined(sending.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(sending), `Zulip request failed: no answer within 15 s; ${mayBeDelivered}`)
        assert.strictEqual(server.requests.length, 1)
        assert.strictEqual(server.messages.length, 1)
      })
  )

  it.effect.each([
    { reply: zulipReplies.resetBeforeHeaders, stored: 0 },
    { reply: zulipReplies.resetAfterStoring, stored: 1 },
    { reply: zulipReplies.resetAfterHeaders, stored: 1 }
  ])("is not repeated when the connection breaks: $reply.at", ({ reply, stored }) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(reply)
      const reason = yield* reasonWith(configFor(server), "hello")
      assert.match(reason, /^Zulip request failed: \w/)
      assert.isTrue(reason.endsWith(mayBeDelivered), reason)
      assert.strictEqual(server.requests.length, 1)
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
    [zulipReplies.html(200, ""), "Zulip answered 200 without a result: no text; "]
  ] as const)("is not repeated when the answer leaves it open: %#", ([reply, expected]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(reply)
      assert.strictEqual(yield* reasonWith(configFor(server), "hello"), `${expected}${mayBeDelivered}`)
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.effect("is not repeated when a success names no message", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
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
