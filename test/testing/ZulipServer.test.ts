import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { ZulipServer, type ZulipServerShape } from "../../src/testing/ZulipServer.ts"
import { zulipReplies } from "../../src/testing/zulipReplies.ts"

const post = (server: ZulipServerShape, form: Record<string, string>, key = server.apiKey) =>
  Effect.promise(async () => {
    const authorization = `Basic ${Buffer.from(`${server.email}:${key}`).toString("base64")}`
    const headers = { authorization, connection: "close" }
    const response = await fetch(`${server.url}/api/v1/messages`, {
      method: "POST",
      headers,
      body: new URLSearchParams(form)
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  })

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
