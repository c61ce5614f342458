import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { afterAll, beforeAll } from "vitest"
import { makeClient } from "../../src/client/index.ts"
import { version } from "../../src/version.ts"
import { json, startScriptedServer, type ScriptedServer } from "../support/scriptedServer.ts"

const secret = "correct-horse-battery-staple"

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server?.[Symbol.asyncDispose]())

const client = (path = "") => makeClient({ url: `${server.url}${path}`, token: Redacted.make(secret) })

const refusal = { ok: false, error: "unauthorized", code: "unauthorized", request_id: "0123abcd" }

/** The request that a call sends. */
const sent = (call: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    server.script(json(503, refusal))
    yield* Effect.result(call)
    return server.requests.at(-1)
  })

describe("a request", () => {
  it.live("goes below the path of a proxy, with or without a slash at its end", () =>
    Effect.gen(function* () {
      for (const path of ["/tools/looper", "/tools/looper/", "/tools/looper//"]) {
        assert.propertyVal(yield* sent(client(path).health()), "target", "/tools/looper/health")
      }
      assert.propertyVal(yield* sent(client("/").health()), "target", "/health")
    })
  )

  it.live("has its path's segments encoded, and its query", () =>
    Effect.gen(function* () {
      assert.propertyVal(yield* sent(client().getRun({ id: "a/b?c #ü" })), "target", "/runs/a%2Fb%3Fc%20%23%C3%BC")
      const cursor = Buffer.from('[1,"0123abcd"]').toString("base64url")
      const page = { state: ["running", "failed"], autopoll: false, limit: 7, cursor } as const
      const request = yield* sent(client().runs(page))
      const { searchParams } = new URL(request?.target ?? "", server.url)
      assert.deepStrictEqual(Object.fromEntries(searchParams), {
        state: "running,failed",
        autopoll: "false",
        limit: "7",
        cursor
      })
      assert.isUndefined(request?.body)
      const place = { startedAtMillis: 1, requestId: "0123abcd" }
      assert.include((yield* sent(client().runs({ cursor: place })))?.target, cursor)
    })
  )

  it.live("of a POST is JSON, without what is undefined", () =>
    Effect.gen(function* () {
      const input = { zulip_message: "m", codex_exec_delay_seconds: 1.5, prompt: undefined } as {
        zulip_message: string
      }
      const request = yield* sent(client().run(input, { idempotencyKey: "once" }))
      assert.deepInclude(request, { method: "POST", target: "/run" })
      assert.deepStrictEqual(request?.body, { zulip_message: "m", codex_exec_delay_seconds: 1.5 })
      assert.deepInclude(request?.headers, { "content-type": "application/json", "idempotency-key": "once" })
      assert.deepStrictEqual((yield* sent(client().kill()))?.body, {})
      assert.include(request?.headers, { connection: "close", "user-agent": `looper-client/${version}` })
    })
  )

  it.live("that is not valid is not sent", () =>
    Effect.gen(function* () {
      const count = server.requests.length
      const calls = {
        "missing 'zulip_message'": client().notify({ zulip_message: " " }),
        "'codex_exec_delay_seconds' must be >= 0": client().run({ zulip_message: "m", codex_exec_delay_seconds: -1 }),
        "'cursor' must be the 'next_cursor' of an answer": client().runs({ cursor: "x" }),
        "'idempotencyKey' is not for 'kill', which keeps no answers": client().kill({}, { idempotencyKey: "k" }),
        "'idempotencyKey' must be 1 to 255 visible ASCII characters": client().run(
          { zulip_message: "m" },
          { idempotencyKey: "a b" }
        ),
        "'id' must not be empty, a dot, two dots or broken text": client().getRun({ id: ".." }),
        "'url' must be an http or https address": makeClient({ url: "localhost:3456" }).health(),
        "'url' must not hold a user or password; Looper takes a token": makeClient({
          url: `http://me:${secret}@localhost/`
        }).health(),
        "'url' must not hold a user or password; Looper takes a token ": makeClient({
          url: `http://${secret}@a/`
        }).health(),
        "'url' must end with its path": makeClient({ url: "http://localhost/?a" }).health(),
        "'token' must be one or more visible ASCII characters": makeClient({
          url: server.url,
          token: Redacted.make(`${secret}\r\nX-Evil: 1`)
        }).health()
      }
      for (const [sentence, call] of Object.entries<Effect.Effect<unknown, Error>>(calls)) {
        const result = yield* Effect.result(call)
        assert.isTrue(Result.isFailure(result))
        if (!Result.isFailure(result)) continue
        assert.propertyVal(result.failure, "_tag", "RequestInvalid")
        assert.strictEqual(result.failure.message, sentence.trim())
        assert.notInclude(JSON.stringify(result.failure), secret)
      }
      assert.lengthOf(server.requests, count)
    })
  )
})
