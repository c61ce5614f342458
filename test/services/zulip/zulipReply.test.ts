import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted } from "effect"
import { judge } from "../../../src/services/zulip/zulipReply.ts"
import { zulipReplies, type ZulipServerReply } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, reasonWith, sendWith } from "./sending.ts"

/** The reason for a reply that must not lead to a second request. */
const reasonFor = (reply: ZulipServerReply) =>
  Effect.gen(function* () {
    const server = yield* ZulipServer.make()
    server.reply(reply)
    const reason = yield* reasonWith(configFor(server), "hello")
    assert.strictEqual(server.requests.length, 1)
    return reason
  })

const wrongKey = "ZULIP_BOT_EMAIL or ZULIP_BOT_API_KEY is wrong"

describe("a refusal", () => {
  const rows: ReadonlyArray<readonly [number, string | undefined, string, string]> = [
    [401, "INVALID_API_KEY", "Invalid API key", `Invalid API key [INVALID_API_KEY]; ${wrongKey}`],
    [401, "UNAUTHORIZED", "Malformed", `Malformed [UNAUTHORIZED]; ${wrongKey}, or this kind of bot may not do this`],
    [401, "USER_DEACTIVATED", "Account", "Account [USER_DEACTIVATED]; the bot is deactivated"],
    [403, "USER_DEACTIVATED", "Account", "Account [USER_DEACTIVATED]; the bot is deactivated"],
    [401, "REALM_DEACTIVATED", "Realm", "Realm [REALM_DEACTIVATED]; the organization is deactivated"],
    [403, "REALM_DEACTIVATED", "Realm", "Realm [REALM_DEACTIVATED]; the organization is deactivated"],
    [
      400,
      "STREAM_WILDCARD_MENTION_NOT_ALLOWED",
      "No",
      "No [STREAM_WILDCARD_MENTION_NOT_ALLOWED]; the bot may not notify everyone in the channel"
    ],
    [
      400,
      "TOPIC_WILDCARD_MENTION_NOT_ALLOWED",
      "No",
      "No [TOPIC_WILDCARD_MENTION_NOT_ALLOWED]; the bot may not notify everyone in the topic"
    ],
    [404, "NONEXISTENT_SUBDOMAIN", "No", "No [NONEXISTENT_SUBDOMAIN]; ZULIP_SITE names no organization of this server"],
    [
      400,
      "STREAM_DOES_NOT_EXIST",
      "Channel 'x' does not exist",
      "Channel 'x' does not exist [STREAM_DOES_NOT_EXIST]; the channel of ZULIP_STREAM does not exist or the bot cannot see it"
    ],
    [400, "BAD_REQUEST", "Invalid email 'x'", "Invalid email 'x' [BAD_REQUEST]"],
    [
      400,
      "REQUEST_VARIABLE_INVALID",
      "Bad",
      "Bad [REQUEST_VARIABLE_INVALID]; Looper and this server disagree about the request"
    ],
    [400, undefined, "from feature level 35", "from feature level 35"],
    [400, "SOMETHING_NEW", "New", "New [SOMETHING_NEW]"],
    [418, "SOMETHING_NEW", "", "no text [SOMETHING_NEW]"]
  ]

  it.effect.each(rows)("with %s %s says what is wrong", ([status, code, msg, expected]) =>
    Effect.gen(function* () {
      const reason = yield* reasonFor(zulipReplies.error(status, code, msg))
      assert.strictEqual(reason, `Zulip request failed (${status}): ${expected}`)
    })
  )

  it.effect("names the variable that the server misses", () =>
    Effect.gen(function* () {
      const fields = { var_name: "to" }
      assert.strictEqual(
        yield* reasonFor(zulipReplies.error(400, "REQUEST_VARIABLE_MISSING", "Missing", fields)),
        "Zulip request failed (400): Missing [to, REQUEST_VARIABLE_MISSING]; Looper and this server disagree about the request"
      )
    })
  )

  it.effect("is known by its code in any language", () =>
    Effect.gen(function* () {
      assert.include(yield* reasonFor(zulipReplies.error(401, "INVALID_API_KEY", "Ungültig")), wrongKey)
      assert.notInclude(yield* reasonFor(zulipReplies.error(401, undefined, "Invalid API key")), wrongKey)
    })
  )

  it.effect("of a wrong key comes from a server that checks it", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const config = { ...configFor(server), botApiKey: Redacted.make("wrong-key") }
      assert.include(yield* reasonWith(config, "hello"), "Zulip request failed (401): Invalid API key")
    })
  )

  it.effect("of an unknown channel comes from a server that looks for it", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["general"] })
      assert.include(yield* reasonWith(configFor(server), "hello"), "[STREAM_DOES_NOT_EXIST]")
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.effect("names where a site redirects to, and does not follow", () =>
    Effect.gen(function* () {
      const reason = yield* reasonFor(zulipReplies.html(301, "Moved", { location: "https://new.example.com/" }))
      assert.strictEqual(reason, "Zulip request failed (301): Moved; ZULIP_SITE redirects to https://new.example.com/")
    })
  )

  it.effect("of a web page keeps its words", () =>
    Effect.gen(function* () {
      const page = `<html><head><style>p { color: red }</style></head>\n<body><h1>404</h1><p>Not\u0007 found</p></body></html>`
      assert.strictEqual(
        yield* reasonFor(zulipReplies.html(404, page)),
        "Zulip request failed (404): 404 Not\\x07 found; ZULIP_SITE may be no Zulip server"
      )
    })
  )

  it.effect("is one line of at most 300 characters of foreign text", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* reasonFor(zulipReplies.error(400, "BAD_REQUEST", `a\nb\u001b[31m${"😀".repeat(5000)}`)),
        `Zulip request failed (400): a\\nb\\x1b[31m${"😀".repeat(287)}… [BAD_REQUEST]`
      )
      assert.strictEqual(
        yield* reasonFor(zulipReplies.html(400, "x".repeat(100_000))),
        `Zulip request failed (400): ${"x".repeat(299)}…`
      )
    })
  )
})

describe("a message", () => {
  it.effect.each([
    zulipReplies.error(400, "BAD_REQUEST", "cannot take: the secret garden\nis open to everyone"),
    zulipReplies.html(502, "<p>the secret garden\nis open to everyone</p>"),
    zulipReplies.html(429, "is open to everyone", { "retry-after": "60" })
  ])("that the server echoes is in no reason and no log line: %#", (reply) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ isWebhookBot: true })
      const logs = makeLogs()
      server.reply(reply)
      const exit = yield* Effect.exit(sendWith(configFor(server), "the secret garden\nis open to everyone", logs))
      assert.isTrue(Exit.isFailure(exit))
      assert.notMatch(inspect({ exit, logs: logs.lines }, { depth: 20 }), /garden|everyone/)
    })
  )
})

describe("a secret", () => {
  const apiKey = "S3cretApiKeyOfTheBot"
  const token = Buffer.from(`looper-bot@example.com:${apiKey}`).toString("base64")
  const padding = "p".repeat(290)

  it.effect.each([
    zulipReplies.error(400, apiKey, `${padding}${apiKey} Basic ${token}`, { var_name: apiKey }),
    zulipReplies.error(400, "BAD_REQUEST", `${apiKey} Basic ${token}`),
    zulipReplies.html(502, `<p>${apiKey}</p><!-- ${token} -->${token}`),
    zulipReplies.html(200, `${padding}${apiKey}`),
    zulipReplies.html(302, "", { location: `https://${apiKey}.example.com/${token}` }),
    zulipReplies.html(429, `${apiKey}`, { "retry-after": "60" }),
    zulipReplies.ok({ ignored_parameters_unsupported: [apiKey, token] })
  ])("that the server echoes is in no reason, cause or log line: %#", (reply) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ apiKey, isWebhookBot: true })
      const logs = makeLogs()
      server.reply(reply)
      const exit = yield* Effect.exit(sendWith(configFor(server), "hello", logs))
      const shown = inspect({ exit, logs: logs.lines }, { depth: 20, showHidden: true }) + JSON.stringify(exit)
      for (const secret of [apiKey, token, apiKey.slice(0, 8), token.slice(0, 24)]) assert.notInclude(shown, secret)
      assert.strictEqual(server.requests[0]?.headers.authorization, `Basic ${token}`)
    })
  )

  it.effect("is not in the failure of a broken connection", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ apiKey, isWebhookBot: true })
      server.reply(zulipReplies.resetAfterStoring)
      const error = yield* Effect.flip(sendWith(configFor(server), "hello"))
      assert.notMatch(
        inspect(error, { depth: 20, showHidden: true }),
        new RegExp(`${apiKey}|${token}|authorization`, "i")
      )
    })
  )
})

describe("judge", () => {
  it.each([
    [200, "Success"],
    [299, "Success"],
    [300, "Refused"],
    [400, "Refused"],
    [408, "Refused"],
    [428, "Refused"],
    [429, "Later"],
    [430, "Refused"],
    [499, "Refused"],
    [500, "Unsure"],
    [501, "Unsure"],
    [502, "Unsure"],
    [503, "Later"],
    [504, "Unsure"],
    [599, "Unsure"]
  ])("takes status %s for %s", (status, tag) => {
    const reply = {
      status,
      text: '{"result":"success","id":1}',
      cutAtBytes: undefined,
      retryAfter: undefined,
      location: undefined,
      date: undefined,
      receivedAtMillis: 0
    }
    assert.strictEqual(judge(reply, [])._tag, tag)
  })
})
