import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import type { ZulipConfig } from "../../../src/services/config/LooperConfig.ts"
import { checkZulip } from "../../../src/services/zulip/zulipCheck.ts"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor } from "./sending.ts"

const users = [
  { user_id: 8, full_name: "Tessa", email: "user8@example.com" },
  { user_id: 10, full_name: "Bob", email: "bob@example.com" }
]

const outcomes = (config: ZulipConfig) =>
  checkZulip(config).pipe(
    Effect.map((checks) => checks.map(({ name, outcome, text }) => `${outcome} ${name}: ${text}`)),
    Effect.provide(layerNotifierClient)
  )

describe("checkZulip", () => {
  it.effect("says of each step what it proves, and sends nothing", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["other", "coding"] })
      assert.deepStrictEqual(yield* outcomes(configFor(server)), [
        "ok settings: source=env-only; complete, proves no more",
        `ok server: ${server.url}/api/v1 is Zulip 11.0, feature level 400; proves address and TLS`,
        `ok bot: ${server.email} is 'Looper', id 1; proves e-mail and key`,
        "ok channel: 'coding' exists, id 2; does not prove that the bot may post there"
      ])
      assert.deepStrictEqual(server.messages, [])
      assert.isUndefined(server.requests[0]?.headers.authorization)
      assert.deepStrictEqual(
        server.requests.map(({ method, path }) => `${method} ${path}`),
        ["GET /server_settings", "GET /users/me", "GET /get_stream_id"]
      )
    })
  )

  it.effect("looks for the recipient of private messages, by any form of the name", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users })
      for (const to of ["8", "8-Tessa", "user8@example.com"]) {
        const lines = yield* outcomes({ ...configFor(server), messageType: "private", to })
        assert.match(lines.at(-1) ?? "", /^ok recipient: '.*' is the active user 8; does not prove /)
      }
      const [, , , last] = yield* outcomes({ ...configFor(server), messageType: "private", to: "9" })
      assert.strictEqual(last, "failed recipient: no active Zulip user is '9'; candidates: 8-Tessa, 10-Bob")
      const [, , , several] = yield* outcomes({ ...configFor(server), messageType: "private", to: "Tessa, 10" })
      assert.strictEqual(
        several,
        "ok recipient: 'Tessa, 10' are the active users 8, 10; does not prove that the bot may write to them"
      )
    })
  )

  it.effect.each([
    [{ channels: ["other"] }, {}, 4, "failed channel: Zulip request failed (400): Channel 'coding' does not exist"],
    [{}, { botApiKey: Redacted.make("wrong") }, 3, "failed bot: Zulip request failed (401): Invalid API key"],
    [{}, { site: undefined }, 1, "failed settings: Missing ZULIP_SITE"],
    [{}, { site: "https://x?y" }, 1, "failed settings: ZULIP_SITE must be a plain address"],
    [{ isWebhookBot: true }, {}, 4, "skipped channel: this kind of bot may not ask"]
  ] as const)("ends with what is wrong: %#", ([realm, change, count, expected]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make(realm)
      const lines = yield* outcomes({ ...configFor(server), ...change })
      assert.strictEqual(lines.length, count)
      assert.isTrue(lines.at(-1)?.startsWith(expected), lines.at(-1))
    })
  )

  it.effect.each([35, 400])("tells an incoming-webhook bot from a wrong key at feature level %s", (featureLevel) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ isWebhookBot: true, featureLevel })
      const [, , bot] = yield* outcomes(configFor(server))
      assert.strictEqual(
        bot,
        `ok bot: ${server.email} is an incoming-webhook bot, which may only send; proves e-mail and key`
      )
    })
  )

  it.effect("says that a web page is no Zulip server", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.html(404, "<h1>Not here</h1>"))
      const [, line] = yield* outcomes(configFor(server))
      assert.strictEqual(line, "failed server: Zulip request failed (404): Not here; ZULIP_SITE may be no Zulip server")
    })
  )

  it.effect("ends within the 30 seconds of a message", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.slowHeaders, zulipReplies.slowHeaders)
      const checking = yield* Effect.forkChild(outcomes(configFor(server)))
      yield* server.received(1)
      yield* TestClock.adjust("15 seconds")
      // The second try is announced by its request alone: nothing logs here.
      yield* TestClock.adjust("1 second")
      yield* server.received(2)
      yield* TestClock.adjust("14 seconds")
      const lines = yield* Fiber.join(checking)
      assert.match(lines.at(-1) ?? "", /^failed server: .*would pass the limit of 30 s/)
    })
  )
})
