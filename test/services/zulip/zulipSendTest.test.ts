import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import type { ZulipConfig } from "../../../src/services/config/LooperConfig.ts"
import { sendZulipTest } from "../../../src/services/zulip/zulipSendTest.ts"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor } from "./sending.ts"

const sendTest = (config: ZulipConfig) =>
  sendZulipTest(config).pipe(Effect.provide([layerNotifierClient, Logger.layer([])]))

describe("a test message", () => {
  it.effect.each([
    [{ botOwnerId: 8 }, "8", [8]],
    [{ botOwnerId: null }, "1", [1]],
    [{ isWebhookBot: true, botOwnerId: 8 }, "looper-bot@example.com", ["looper-bot@example.com"]],
    [{ isWebhookBot: true, featureLevel: 35 }, "looper-bot@example.com", ["looper-bot@example.com"]]
  ] as const)("goes to the bot's owner, else to the bot: %#", ([realm, label, to]) =>
    Effect.gen(function* () {
      const users = [{ user_id: 8, full_name: "Tessa", email: "tessa@example.com" }]
      const server = yield* ZulipServer.make({ users, ...realm })
      assert.strictEqual(yield* sendTest(configFor(server)), `OK message_id=1 type=private to=${label}`)
      const [message, ...others] = server.messages
      assert.deepStrictEqual(others, [])
      assert.deepInclude(message, { type: "private", to })
      assert.match(message?.content ?? "", /^Looper can send messages as this bot\. /)
    })
  )

  it.effect("goes to the bot on a server that does not speak of owners", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ botOwnerId: 8 })
      server.reply(zulipReplies.ok({ bot_owner_id: undefined }))
      assert.match(yield* sendTest(configFor(server)), / to=1$/)
    })
  )

  it.effect("is not sent with a wrong key, nor with incomplete settings", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const refused = yield* Effect.flip(sendTest({ ...configFor({ ...server, apiKey: "other" }) }))
      assert.match(refused.reason, /^Zulip request failed \(401\): Invalid API key/)
      assert.deepStrictEqual(
        server.requests.map(({ path }) => path),
        ["/users/me"]
      )
      const incomplete = yield* Effect.flip(sendTest({ ...configFor(server), site: undefined }))
      assert.strictEqual(incomplete.reason, "Missing ZULIP_SITE")
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.effect("is looked for when its sending was left open", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ botOwnerId: 8 })
      server.reply(zulipReplies.ok(), zulipReplies.resetAfterStoring)
      assert.strictEqual(yield* sendTest(configFor(server)), "OK message_id=1 type=private to=8")
      assert.strictEqual(server.messages.length, 1)
    })
  )
})
