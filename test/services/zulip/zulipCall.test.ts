import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import { zulipReplies, type ZulipServerReply } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, passWait, reasonWith, sendWith } from "./sending.ts"

/** A port on which nobody listens. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const unreachable = { email: "bot@example.com", apiKey: "key" }

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
      const flaky = Effect.map(HttpClient.HttpClient, (client) =>
        HttpClient.transform(client, (response, request) => {
          const cause = Object.assign(new Error("getaddrinfo EAI_AGAIN z"), {
            code: "EAI_AGAIN",
            syscall: "getaddrinfo"
          })
          const reason = new HttpClientError.TransportError({ request, cause })
          return ++calls === 1 ? Effect.fail(new HttpClientError.HttpClientError({ reason })) : response
        })
      )
      const client = Layer.effect(HttpClient.HttpClient, flaky).pipe(Layer.provide(layerNotifierClient))
      const sending = yield* Effect.forkChild(sendWith(configFor(server), "hello", logs, client))
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
