import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { makeCertificate } from "../../support/certificate.ts"
import { configFor, makeLogs, passWait, reasonWith, sendWith } from "./sending.ts"

const tls = makeCertificate()
const certBundle = { path: "/bundle.pem", pem: tls.cert }

/** A reason that takes three tries. */
const reasonAfterWaits = Effect.fnUntraced(function* (config: Parameters<typeof reasonWith>[0]) {
  const logs = makeLogs()
  const sending = yield* Effect.forkChild(reasonWith(config, "hello", logs))
  yield* passWait(logs, 1, "1 second")
  yield* passWait(logs, 2, "2 seconds")
  return yield* Fiber.join(sending)
})

describe("a server with a certificate of its own", () => {
  it.effect("is trusted by its bundle", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls })
      assert.match(yield* sendWith({ ...configFor(server), certBundle }, "hello"), /^OK message_id=1 /)
      assert.strictEqual(server.requests[0]?.headers.connection, "close")
      assert.match(server.requests[0]?.headers["user-agent"] ?? "", /^Looper\//)
    })
  )

  it.effect("is not trusted without, and the message is provably not sent", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls })
      const reason = yield* reasonAfterWaits(configFor(server))
      assert.match(reason, /^Zulip request failed: self-signed certificate.*; gave up after 3 tries, not delivered$/)
      assert.deepStrictEqual(server.requests, [])
    })
  )

  it.effect("is not trusted by another's bundle, which replaces every other authority", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls })
      const other = { path: "/other.pem", pem: makeCertificate().cert }
      const reason = yield* reasonAfterWaits({ ...configFor(server), certBundle: other })
      assert.match(reason, /certificate.*not delivered$/)
      assert.deepStrictEqual(server.requests, [])
    })
  )

  it.effect("is trusted unchecked by the one client that is told so", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls })
      yield* sendWith({ ...configFor(server), isInsecure: true }, "hello")
      assert.strictEqual(server.messages.length, 1)
      assert.include(yield* reasonAfterWaits(configFor(server)), "self-signed certificate")
      const refused = yield* Effect.flip(Effect.tryPromise(() => fetch(server.url)))
      assert.include(String((refused.cause as Error).cause), "self-signed certificate")
    })
  )

  it.effect.each([
    [zulipReplies.resetAfterStoring, "may have been delivered"],
    [zulipReplies.resetAfterHeaders, "may have been delivered"],
    [zulipReplies.html(301, "", { location: "https://other.example" }), "ZULIP_SITE redirects to"]
  ] as const)("is treated like any other when it fails: %#", ([reply, expected]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls })
      server.reply(reply)
      assert.include(yield* reasonWith({ ...configFor(server), certBundle }, "hello"), expected)
      assert.strictEqual(server.requests.length, 1)
    })
  )
})
