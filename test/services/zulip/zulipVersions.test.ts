import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, reasonWith, sendWith } from "./sending.ts"

const users = [{ user_id: 8, full_name: "Tessa", email: "user8@example.com" }]

describe.each([35, 36, 166, 167, 174, 248, 400])("a server of feature level %s", (featureLevel) => {
  it.effect("takes a channel message without a word about parameters", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ featureLevel, channels: ["1"] })
      const logs = makeLogs()
      yield* sendWith({ ...configFor(server), stream: "1" }, "hello", logs)
      assert.strictEqual(server.messages[0]?.to, "1")
      assert.deepStrictEqual(logs.of("zulip.send.ignored"), [])
    })
  )

  it.effect("takes a private message", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ featureLevel, users })
      yield* sendWith({ ...configFor(server), messageType: "private" }, "hello")
      assert.deepStrictEqual(server.messages[0]?.to, [8])
    })
  )

  it.effect("is understood when it refuses, with a code or without", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ featureLevel, channels: ["general"] })
      const code = featureLevel < 36 ? "" : " [STREAM_DOES_NOT_EXIST]; the channel of ZULIP_STREAM does not exist"
      const reason = yield* reasonWith(configFor(server), "hello")
      assert.isTrue(reason.startsWith(`Zulip request failed (400): Channel 'coding' does not exist${code}`), reason)
      assert.strictEqual(server.requests.length, 1)
    })
  )
})
