import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import { zulipClient } from "../../../src/services/zulip/zulipClient.ts"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { makeCertificate } from "../../support/certificate.ts"
import { configFor, makeLogs, passWait, reasonWith, sendWith } from "./sending.ts"

const tls = makeCertificate()
const certBundle = { path: "/bundle.pem", pem: tls.cert }

const shown = ({ key, cert }: typeof tls) => ({ pem: cert, key: Redacted.make(key) })

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
      const server = yield* ZulipServer.make({ tls, isWebhookBot: true })
      server.reply(reply)
      assert.include(yield* reasonWith({ ...configFor(server), certBundle }, "hello"), expected)
      assert.strictEqual(server.requests.filter(({ method }) => method === "POST").length, 1)
    })
  )
})

describe("a server that asks for the client's certificate", () => {
  const client = makeCertificate()
  it.effect("gets the configured one, from this client only", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls: { ...tls, clientAuthority: client.cert } })
      const config = { ...configFor(server), certBundle, clientCertificate: shown(client) }
      assert.match(yield* sendWith(config, "hello"), /^OK message_id=1 /)
      assert.isTrue((yield* Effect.exit(Effect.tryPromise(() => fetch(server.url))))._tag === "Failure")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.effect("gets the configured one from a client that trusts every server", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls: { ...tls, clientAuthority: client.cert } })
      const config = { ...configFor(server), isInsecure: true, clientCertificate: shown(client) }
      assert.match(yield* sendWith(config, "hello"), /^OK message_id=1 /)
    })
  )

  it.effect.each([
    ["none", undefined],
    ["another", shown(makeCertificate())]
  ] as const)("takes no message from a client with %s", ([, clientCertificate]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls: { ...tls, clientAuthority: client.cert } })
      const config = { ...configFor(server), certBundle, clientCertificate }
      assert.match(yield* reasonAfterWaits(config), /^Zulip request failed: /)
      assert.deepStrictEqual(server.requests, [])
    })
  )

  it.effect("gets it from a client of its own also where Node's authorities are to be trusted", () =>
    Effect.gen(function* () {
      const common = yield* HttpClient.HttpClient
      const plain = configFor({ url: "https://zulip.example", email: "bot@zulip.example", apiKey: "key" })
      assert.strictEqual(yield* zulipClient(plain), common)
      assert.notStrictEqual(yield* zulipClient({ ...plain, clientCertificate: shown(client) }), common)
    }).pipe(Effect.provide(layerNotifierClient))
  )

  it.effect("does not make its client trust it", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ tls: { ...tls, clientAuthority: client.cert } })
      const reason = yield* reasonAfterWaits({ ...configFor(server), clientCertificate: shown(client) })
      assert.match(reason, /^Zulip request failed: self-signed certificate.*not delivered$/)
    })
  )
})
