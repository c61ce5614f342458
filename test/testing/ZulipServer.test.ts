import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { ZulipServer, type ZulipServerShape } from "../../src/testing/ZulipServer.ts"
import { zulipReplies } from "../../src/testing/zulipReplies.ts"

const ask = (server: ZulipServerShape, path: string, init: RequestInit = {}, key = server.apiKey) =>
  Effect.promise(async () => {
    const authorization = `Basic ${Buffer.from(`${server.email}:${key}`).toString("base64")}`
    const headers = { authorization, connection: "close" }
    const response = await fetch(`${server.url}/api/v1${path}`, { ...init, headers })
    const text = await response.text()
    const isJson = response.headers.get("content-type") === "application/json"
    const body: Record<string, unknown> = isJson ? JSON.parse(text) : { text }
    return { status: response.status, date: response.headers.get("date"), body }
  })

const post = (server: ZulipServerShape, form: Record<string, string>, key?: string) =>
  Effect.map(
    ask(server, "/messages", { method: "POST", body: new URLSearchParams(form) }, key),
    ({ status, body }) => ({ status, body })
  )

/** The ids of the messages that a narrow leaves, or the answer that is none. */
const find = (server: ZulipServerShape, narrow: ReadonlyArray<unknown>, query: Record<string, string> = {}) => {
  const defaults = { anchor: "newest", num_before: "20", num_after: "0", narrow: JSON.stringify(narrow) }
  return Effect.map(ask(server, `/messages?${new URLSearchParams({ ...defaults, ...query })}`), ({ body }) =>
    Array.isArray(body.messages) ? body.messages.map(({ id }: { readonly id: number }) => id) : body
  )
}

const stream = { type: "stream", to: '"coding"', topic: "t", content: "hello" }
const direct = { type: "private", to: "[8]", content: "hello" }
const users = [{ user_id: 8, full_name: "Tessa", email: "tessa@example.com" }]

describe("the loopback Zulip server", () => {
  it.effect("stores what it accepts", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding"], users })
      assert.deepStrictEqual(yield* post(server, stream), {
        status: 200,
        body: { result: "success", msg: "", id: 1 }
      })
      assert.deepInclude(server.messages[0], { id: 1, type: "stream", to: "coding", topic: "t", content: "hello" })
      assert.strictEqual(server.messages[0]?.authUser, server.email)
      assert.strictEqual((yield* post(server, direct)).body.id, 2)
      assert.deepInclude(server.messages[1], { type: "private", to: [8], topic: undefined })
    })
  )

  it.effect("reads `to` as JSON before it reads it as a name", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding", "7"] })
      for (const to of ["coding", '"7"', '["coding"]', "2"]) yield* post(server, { ...stream, to })
      assert.deepStrictEqual(
        server.messages.map((message) => message.to),
        ["coding", "7", "coding", 2]
      )
      assert.deepInclude((yield* post(server, { ...stream, to: "7" })).body, {
        code: "STREAM_DOES_NOT_EXIST",
        stream_id: 7
      })
    })
  )

  it.effect("cuts text and topic", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      yield* post(server, { ...stream, topic: "😀".repeat(61), content: "😀".repeat(10_001) })
      const [message] = server.messages
      assert.strictEqual(message?.topic, `${"😀".repeat(57)}...`)
      assert.strictEqual(message?.content, `${"😀".repeat(9_980)}\n[message truncated]`)
    })
  )

  it.effect.each([
    [{ ...stream, to: '"other"' }, 400, "STREAM_DOES_NOT_EXIST"],
    [{ ...stream, content: " \n" }, 400, "BAD_REQUEST"],
    [{ ...stream, content: "a\0b" }, 400, "BAD_REQUEST"],
    [{ ...stream, topic: "a\nb" }, 400, "BAD_REQUEST"],
    [{ ...stream, type: "other" }, 400, "BAD_REQUEST"],
    [{ type: "stream", to: "coding", topic: "t" }, 400, "REQUEST_VARIABLE_MISSING"],
    [{ ...stream, content: "@**all**" }, 400, "STREAM_WILDCARD_MENTION_NOT_ALLOWED"],
    [{ ...direct, to: "[9]" }, 400, "BAD_REQUEST"],
    [{ ...direct, to: '[8,"tessa@example.com"]' }, 400, "BAD_REQUEST"],
    [{ ...direct, to: "[]" }, 400, "BAD_REQUEST"]
  ] as const)("refuses what the real one refuses: %#", ([form, status, code]) =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ channels: ["coding"], users, mayMentionAll: false })
      const answer = yield* post(server, form)
      assert.strictEqual(answer.status, status)
      assert.strictEqual(answer.body.code, code)
      assert.deepStrictEqual(server.messages, [])
    })
  )

  it.effect.each([
    [{ ...stream, type: "channel" }, 247, 248],
    [{ ...direct, type: "direct" }, 173, 174]
  ] as const)("knows the newer name of a kind since its feature level: %#", ([form, before, since]) =>
    Effect.gen(function* () {
      const old = yield* ZulipServer.make({ featureLevel: before })
      assert.deepInclude((yield* post(old, form)).body, { msg: "Invalid type" })
      const recent = yield* ZulipServer.make({ featureLevel: since })
      assert.strictEqual((yield* post(recent, form)).status, 200)
    })
  )

  it.effect("names the parameters that it does not know, since feature level 167", () =>
    Effect.gen(function* () {
      const form = { ...stream, colour: "red", local_id: "1" }
      const old = yield* ZulipServer.make({ featureLevel: 166 })
      assert.notProperty((yield* post(old, form)).body, "ignored_parameters_unsupported")
      const recent = yield* ZulipServer.make({ featureLevel: 167 })
      assert.deepInclude((yield* post(recent, form)).body, { ignored_parameters_unsupported: ["colour"] })
    })
  )

  it.effect("gives errors no code before feature level 36", () =>
    Effect.gen(function* () {
      for (const [featureLevel, code] of [
        [35, undefined],
        [36, "INVALID_API_KEY"]
      ] as const) {
        const server = yield* ZulipServer.make({ featureLevel })
        const { body } = yield* post(server, stream, "other")
        assert.deepStrictEqual([body.msg, body.code], ["Invalid API key", code])
      }
    })
  )

  it.effect("lets an incoming-webhook bot send", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ isWebhookBot: true })
      assert.strictEqual((yield* post(server, stream)).status, 200)
    })
  )

  it.effect("refuses a wrong key", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      const answer = yield* post(server, stream, "other")
      assert.strictEqual(answer.status, 401)
      assert.strictEqual(answer.body.code, "INVALID_API_KEY")
    })
  )

  it.effect("finds messages by place and sender, the newest ones", () =>
    Effect.gen(function* () {
      const old = { type: "stream", to: "coding", topic: "T", content: "old", senderId: 8, timestamp: 5 }
      const server = yield* ZulipServer.make({ users, earlierMessages: [old] })
      for (const form of [
        stream,
        { ...stream, topic: "u" },
        direct,
        { ...direct, to: '["tessa@example.com"]' },
        stream
      ]) {
        yield* post(server, form)
      }
      const channel = { operator: "channel", operand: "coding" }
      const topic = { operator: "topic", operand: "t" }
      assert.deepStrictEqual(yield* find(server, []), [1, 2, 3, 4, 5, 6])
      assert.deepStrictEqual(yield* find(server, [channel, topic]), [1, 2, 6])
      assert.deepStrictEqual(yield* find(server, [{ operator: "stream", operand: "other" }]), [])
      for (const operand of [1, server.email]) {
        assert.deepStrictEqual(yield* find(server, [channel, topic, { operator: "sender", operand }]), [2, 6])
      }
      assert.deepStrictEqual(yield* find(server, [{ operator: "sender", operand: 8 }]), [1])
      for (const operator of ["dm", "pm-with"]) {
        assert.deepStrictEqual(yield* find(server, [{ operator, operand: [8] }]), [4, 5])
        assert.deepStrictEqual(yield* find(server, [{ operator, operand: "tessa@example.com" }]), [4, 5])
        assert.deepStrictEqual(yield* find(server, [{ operator, operand: [8, 9] }]), [])
      }
      assert.deepStrictEqual(yield* find(server, [], { num_before: "1" }), [5, 6])
    })
  )

  it.effect("shows messages as they were written, or as HTML, with the server's time", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ now: () => 1_800_000_000_999 })
      yield* post(server, stream)
      for (const [apply_markdown, content] of [
        ["false", "hello"],
        ["true", "<p>hello</p>"]
      ] as const) {
        const query = new URLSearchParams({ anchor: "newest", num_before: "1", num_after: "0", apply_markdown })
        const { date, body } = yield* ask(server, `/messages?${query}`)
        assert.strictEqual(date, "Fri, 15 Jan 2027 08:00:00 GMT")
        assert.deepInclude((body.messages as ReadonlyArray<object>)[0], {
          id: 1,
          sender_id: 1,
          timestamp: 1_800_000_000,
          subject: "t",
          content
        })
      }
    })
  )

  it.effect("knows the newer name of a condition since its feature level", () =>
    Effect.gen(function* () {
      for (const [operator, operand, since] of [
        ["channel", "coding", 250],
        ["dm", [8], 177]
      ] as const) {
        const old = yield* ZulipServer.make({ featureLevel: since - 1 })
        assert.deepInclude(yield* find(old, [{ operator, operand }]), { code: "BAD_NARROW" })
        const recent = yield* ZulipServer.make({ featureLevel: since })
        assert.deepStrictEqual(yield* find(recent, [{ operator, operand }]), [])
      }
      const server = yield* ZulipServer.make()
      assert.deepInclude(yield* find(server, [{ operator: "odd", operand: "x" }]), { code: "BAD_NARROW" })
      assert.deepInclude(yield* find(server, [], { anchor: "somewhere" }), { code: "REQUEST_VARIABLE_INVALID" })
    })
  )

  it.effect("names the bot's owner, and lets the bot write to itself", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ users, botOwnerId: 8 })
      assert.deepInclude((yield* ask(server, "/users/me")).body, { user_id: 1, bot_owner_id: 8 })
      for (const to of ["[1]", JSON.stringify([server.email])]) {
        assert.strictEqual((yield* post(server, { ...direct, to })).status, 200)
      }
    })
  )

  it.effect("lets an incoming-webhook bot read nothing", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make({ isWebhookBot: true })
      assert.deepInclude(yield* find(server, []), { code: "UNAUTHORIZED" })
    })
  )

  it.effect("stores a message and answers as a proxy", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.htmlAfterStoring(504, "<h1>late</h1>"))
      assert.deepStrictEqual(yield* post(server, stream), { status: 504, body: { text: "<h1>late</h1>" } })
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.effect("answers by script, then behaves again", () =>
    Effect.gen(function* () {
      const server = yield* ZulipServer.make()
      server.reply(zulipReplies.error(400, "A", "a"), (request) => zulipReplies.error(418, request.form.topic, "b"))
      assert.strictEqual((yield* post(server, stream)).body.code, "A")
      assert.deepInclude(yield* post(server, stream), { status: 418 })
      assert.deepInclude(yield* post(server, stream), { status: 200 })
      assert.strictEqual(server.requests.length, 3)
      assert.strictEqual(server.messages.length, 1)
    })
  )

  it.effect("ends with its scope, also while a client still waits", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* ZulipServer.make().pipe(Scope.provide(scope))
      server.reply(zulipReplies.slowHeaders)
      const waiting = yield* Effect.forkChild(Effect.exit(post(server, stream)), { startImmediately: true })
      yield* server.received(1)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(post(server, stream))))
    })
  )
})
