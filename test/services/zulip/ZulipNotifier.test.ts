import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { ZulipServer } from "../../../src/testing/ZulipServer.ts"
import { configFor, makeLogs, reasonWith, sendWith } from "./sending.ts"

const users = [
  { user_id: 8, full_name: "Tessa", email: "user8@example.com", delivery_email: "tessa@example.com" },
  { user_id: 9, full_name: "Bob", email: "bob@example.com" },
  { user_id: 10, full_name: "Bob", email: "bob2@example.com" },
  { user_id: 11, full_name: "Gone", email: "gone@example.com", is_active: false }
]

describe("a channel message", () => {
  it.effect("arrives with its text, channel and topic, and is named in the answer", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const output = yield* sendWith(configFor(server), "start: ä & 😀\nsecond line")
      assert.strictEqual(output, "OK message_id=1 type=stream stream=coding topic=verified-cad")
      const [message] = server.messages
      assert.strictEqual(message?.content, "start: ä & 😀\nsecond line")
      assert.strictEqual(message?.to, "coding")
      assert.strictEqual(message?.topic, "verified-cad")
      assert.strictEqual(message?.authUser, server.email)
    })
  )

  it.effect("is one form-encoded POST under Looper's name, on a connection of its own", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      yield* sendWith(configFor(server), "hello")
      const [request, ...others] = server.requests
      assert.strictEqual(others.length, 0)
      assert.strictEqual(request?.method, "POST")
      assert.strictEqual(request?.path, "/messages")
      assert.match(request?.headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/)
      assert.match(request?.headers["user-agent"] ?? "", /^Looper\/\d+\.\d+\.\d+ \(/)
      assert.strictEqual(request?.headers.connection, "close")
      assert.isUndefined(request?.headers.traceparent)
      assert.deepStrictEqual(request?.form, {
        type: "stream",
        to: '"coding"',
        topic: "verified-cad",
        content: "hello"
      })
    }).pipe(Effect.withSpan("caller"))
  )

  it.effect("goes to a channel that is named like a number", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding", "123"] })
      yield* sendWith({ ...configFor(server), stream: "123" }, "hello")
      assert.strictEqual(server.requests[0]?.form.to, '"123"')
      assert.strictEqual(server.messages[0]?.to, "123")
    })
  )

  it.effect("is cut before the server cuts it", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const output = yield* sendWith(
        { ...configFor(server), topic: "t".repeat(80) },
        `\`\`\`text\n${"😀".repeat(20_000)}`
      )
      const topic = `${"t".repeat(57)}...`
      assert.strictEqual(output, `OK message_id=1 type=stream stream=coding topic=${topic}`)
      assert.strictEqual(server.requests[0]?.form.topic, topic)
      const content = server.requests[0]?.form.content ?? ""
      assert.strictEqual(Array.from(content).length, 10_000)
      assert.isTrue(content.endsWith("😀\n```\n[message truncated]"))
      assert.strictEqual(server.messages[0]?.content, content)
    })
  )

  it.effect("is delivered although the answer has fields that Looper does not know", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.ok({ automatic_new_visibility_policy: 2, something: { new: [1] } }))
      assert.match(yield* sendWith(configFor(server), "hello"), /^OK message_id=1 /)
    })
  )

  it.effect("warns when the server ignored a parameter", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      server.reply(zulipReplies.ok({ ignored_parameters_unsupported: ["topic", "new\nfield"] }))
      yield* sendWith(configFor(server), "hello", logs)
      assert.deepStrictEqual(logs.of("zulip.send.ignored"), [{ parameters: "topic,new\\nfield" }])
      assert.strictEqual(logs.lines.find((line) => line.event === "zulip.send.ignored")?.level, "Warn")
    })
  )

  it.effect("is logged by its length, never by its text", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      yield* sendWith(configFor(server), "private words 😀", logs)
      assert.deepStrictEqual(logs.lines, [
        { level: "Info", event: "zulip.send.start", annotations: { message_len: 15 } },
        { level: "Info", event: "zulip.send.done", annotations: { message_id: 1 } }
      ])
    })
  )
})

describe("a mention of everyone", () => {
  it.effect("is sent once more without effect where the bot may not use it", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ mayMentionAll: false })
      yield* sendWith(configFor(server), "@**all** and @**Tessa|8**")
      assert.strictEqual(server.requests.length, 2)
      assert.deepStrictEqual(
        server.messages.map((message) => message.content),
        ["@\u200b**all** and @**Tessa|8**"]
      )
    })
  )

  it.effect("of a topic is treated alike", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.error(400, "TOPIC_WILDCARD_MENTION_NOT_ALLOWED", "no"))
      yield* sendWith(configFor(server), "@**topic** hello")
      assert.deepStrictEqual(
        server.messages.map((message) => message.content),
        ["@\u200b**topic** hello"]
      )
    })
  )

  it.effect("is not tried a third time", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const refusal = zulipReplies.error(400, "STREAM_WILDCARD_MENTION_NOT_ALLOWED", "no")
      server.reply(refusal, refusal, refusal)
      const reason = yield* reasonWith(configFor(server), "@**all** hello")
      assert.strictEqual(server.requests.length, 2)
      assert.include(reason, "the bot may not notify everyone in the channel")
    })
  )

  it.effect("is sent once where something else is refused", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.error(400, "BAD_REQUEST", "no"))
      yield* reasonWith(configFor(server), "@**all** hello")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.effect("that cannot be found is not sent unchanged again", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.error(400, "STREAM_WILDCARD_MENTION_NOT_ALLOWED", "no"))
      assert.match(yield* reasonWith(configFor(server), "hello"), /^Zulip request failed \(400\): no/)
      assert.strictEqual(server.requests.length, 1)
    })
  )
})

const toTarget = (to: string) =>
  Effect.gen(function* () {
    const server = yield* ZulipServer.make({ users })
    const output = yield* sendWith({ ...configFor(server), messageType: "private", to }, "hello")
    return { output, paths: server.requests.map((request) => request.path), form: server.requests.at(-1)?.form }
  })

describe("a private message", () => {
  it.effect("to an id asks for no list of users", () =>
    Effect.gen(function* () {
      const { output, paths, form } = yield* toTarget("9")
      assert.strictEqual(output, "OK message_id=1 type=private to=9")
      assert.deepStrictEqual(paths, ["/messages"])
      assert.deepStrictEqual(form, { type: "private", to: "[9]", content: "hello" })
    })
  )

  it.effect("to an e-mail address asks for no list of users", () =>
    Effect.gen(function* () {
      const { output, paths, form } = yield* toTarget("bob@example.com")
      assert.strictEqual(output, "OK message_id=1 type=private to=bob@example.com")
      assert.deepStrictEqual(paths, ["/messages"])
      assert.strictEqual(form?.to, '["bob@example.com"]')
    })
  )

  it.effect.each(["8-Tessa", "tessa", " TESSA "])("to the name %s goes to that user's id", (to) =>
    Effect.gen(function* () {
      const { output, paths, form } = yield* toTarget(to)
      assert.strictEqual(output, `OK message_id=1 type=private to=${to.trim()}`)
      assert.deepStrictEqual(paths, ["/users", "/messages"])
      assert.strictEqual(form?.to, "[8]")
    })
  )

  it.effect.each([
    ["8-Tessa, 10", "[8,10]", ["/users", "/messages"]],
    ["tessa@example.com, 8, 10", "[8,10]", ["/users", "/messages"]],
    ["10,8,10", "[10,8]", ["/messages"]],
    ["bob@example.com, bob2@example.com", '["bob@example.com","bob2@example.com"]', ["/messages"]]
  ] as const)("to several, %s, is one to all of them", ([to, expected, asked]) =>
    Effect.gen(function* () {
      const { output, paths, form } = yield* toTarget(to)
      assert.strictEqual(output, `OK message_id=1 type=private to=${to}`)
      assert.deepStrictEqual(paths, [...asked])
      assert.strictEqual(form?.to, expected)
    })
  )

  it.effect.each([
    ["8-Tessa, Bob", "'Bob' names several Zulip users: 9-Bob, 10-Bob"],
    ["10, Gone", "no active Zulip user is 'Gone'; candidates: 8-Tessa, 9-Bob, 10-Bob"],
    ["Tess", "no active Zulip user is 'Tess'; candidates: 8-Tessa"],
    ["9-Tessa", "no active Zulip user is '9-Tessa'; candidates: 8-Tessa, 9-Bob"],
    ["Gone", "no active Zulip user is 'Gone'; candidates: 8-Tessa, 9-Bob, 10-Bob"],
    ["bob", "'bob' names several Zulip users: 9-Bob, 10-Bob"]
  ] as const)("to %s is sent to nobody", ([to, expected]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users })
      const reason = yield* reasonWith({ ...configFor(server), messageType: "private", to }, "hello")
      assert.strictEqual(reason, expected)
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.effect("needs neither channel nor topic", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const config = { ...configFor(server), messageType: "private" as const, stream: "", topic: "", to: "9" }
      assert.match(yield* sendWith(config, "hello"), /^OK /)
    })
  )

  it.effect("says so when the list of users is none", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.ok({ members: "none" }))
      const config = { ...configFor(server), messageType: "private" as const }
      assert.strictEqual(
        yield* reasonWith(config, "hello"),
        "Zulip answered GET /users in a way that Looper does not know"
      )
    })
  )
})

describe("a missing setting", () => {
  it.effect.each([
    [{ site: undefined, botEmail: undefined, botApiKey: undefined, stream: "" }, "Missing ZULIP_SITE"],
    [{ site: " " }, "Missing ZULIP_SITE"],
    [{ botEmail: undefined, botApiKey: undefined, stream: "" }, "Missing ZULIP_BOT_EMAIL"],
    [{ botApiKey: undefined, stream: "" }, "Missing ZULIP_BOT_API_KEY"],
    [{ botApiKey: Redacted.make(" ") }, "Missing ZULIP_BOT_API_KEY"],
    [{ stream: " " }, "Missing ZULIP_STREAM for stream messages"],
    [{ messageType: "private", to: " " }, "Recipient is empty"],
    [{ messageType: "private", to: " , " }, "Recipient is empty"],
    [{ site: "ftp://x" }, "ZULIP_SITE must be a plain address such as https://example.zulipchat.com"]
  ] as const)("fails before any request: %#", ([change, expected]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const logs = makeLogs()
      assert.strictEqual(yield* reasonWith({ ...configFor(server), ...change }, "hello", logs), expected)
      assert.deepStrictEqual(server.requests, [])
      assert.deepStrictEqual(logs.of("zulip.send.fail"), [{ reason: expected }])
    })
  )
})
