import { writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ZulipServer, type ZulipServerShape } from "../../../src/testing/ZulipServer.ts"
import { type DoctorHouse, lineOf, makeDoctorHouse, type Variables } from "../../support/doctorHouse.ts"

const zulip = (server: ZulipServerShape): Variables => ({
  LOOPER_NOTIFIER: "zulip",
  ZULIP_SITE: server.url,
  ZULIP_BOT_EMAIL: server.email,
  ZULIP_BOT_API_KEY: server.apiKey
})

const found = ({ look }: DoctorHouse, over: Variables) => Effect.map(look("notifier", over), lineOf)

describe("notifier over Zulip", () => {
  it.live("asks the server for all that a message needs, and sends none", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding"] })
      const line = yield* found(yield* makeDoctorHouse, zulip(server))
      assert.strictEqual(
        line,
        `ok: Zulip answers: ${server.url}/api/v1 is Zulip 11.0, feature level 400, ${server.email} is 'Looper', id 1, 'coding' exists, id 1`
      )
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.live("warns of credentials that others can read, of an unchecked certificate, and of failures that may be", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding"] })
      const house = yield* makeDoctorHouse
      const path = house.at("zuliprc")
      const rc = `[api]\nemail=${server.email}\nkey=${server.apiKey}\nsite=${server.url}\n`
      writeFileSync(path, rc, { mode: 0o644 })
      assert.strictEqual(
        yield* found(house, { LOOPER_NOTIFIER: "zulip", ZULIPRC_PATH: path }),
        `warning: Zulip answers; ${path} with the bot's key can be read by others → run chmod 600 ${path}`
      )
      assert.match(
        yield* found(house, { ...zulip(server), ZULIP_ALLOW_INSECURE: "true" }),
        /^warning: Zulip answers; its certificate is not checked .* → trust its certificate with ZULIP_CERT_BUNDLE instead$/
      )
      assert.match(
        yield* found(house, { ...zulip(server), ZULIP_STREAM: "other", LOOPER_NOTIFY_REQUIRED: "0" }),
        /^warning: Zulip channel: .* runs go on without \(LOOPER_NOTIFY_REQUIRED=0\) → create the channel, /
      )
    })
  )

  it.live("fails with the first thing that is wrong and what mends it, the key unseen", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding"] })
      const house = yield* makeDoctorHouse
      const well = zulip(server)
      const gone = yield* Effect.scoped(ZulipServer.make())
      const cases: ReadonlyArray<readonly [Variables, RegExp]> = [
        [{ ZULIP_SITE: "" }, /^failure: Zulip settings: Missing ZULIP_SITE → set ZULIP_SITE, /],
        [{ ZULIP_SITE: gone.url }, /^failure: Zulip server: .* → correct ZULIP_SITE, /],
        [{ ZULIP_BOT_API_KEY: "wrong-hidden" }, /^failure: Zulip bot: .*Invalid API key.* → correct ZULIP_BOT_EMAIL /],
        [{ ZULIP_STREAM: "other" }, /^failure: Zulip channel: .*'other' does not exist.* → create the channel, /]
      ]
      for (const [over, expected] of cases) {
        const line = yield* found(house, { ...well, ...over })
        assert.match(line, expected)
        assert.notInclude(line, "wrong-hidden")
        assert.notInclude(line, server.apiKey)
      }
    })
  )
})

describe("notifier without Zulip", () => {
  it.live("says that messages go to the log", () =>
    Effect.gen(function* () {
      const line = yield* found(yield* makeDoctorHouse, {})
      assert.strictEqual(line, "ok: messages go to the server log only (LOOPER_NOTIFIER=log)")
    })
  )

  it.live("names a webhook's host alone, and warns where its token travels open", () =>
    Effect.gen(function* () {
      const house = yield* makeDoctorHouse
      const webhook = (url: string | undefined) => found(house, { LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: url })
      const text = "messages go to a webhook at hooks.example.com; whether it takes them only a message shows"
      assert.strictEqual(yield* webhook("https://hooks.example.com/hidden-token"), `ok: ${text}`)
      assert.match(yield* webhook("http://127.0.0.1:9/hidden-token"), /^ok: /)
      const open = yield* webhook("http://hooks.example.com/hidden-token")
      assert.strictEqual(
        open,
        `warning: ${text}; they and its token travel unencrypted → use an https address in LOOPER_WEBHOOK_URL`
      )
      for (const wrong of [undefined, "ftp://x/hidden-token"]) {
        assert.strictEqual(
          yield* webhook(wrong),
          "failure: not looked at: LOOPER_WEBHOOK_URL is not valid → correct LOOPER_WEBHOOK_URL first"
        )
      }
    })
  )
})
