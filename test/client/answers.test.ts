import { assert, describe, it } from "@effect/vitest"
import type { Socket } from "node:net"
import { Effect, Redacted, Result } from "effect"
import { afterAll, beforeAll } from "vitest"
import { makeClient } from "../../src/client/index.ts"
import { json, type Script, startScriptedServer, type ScriptedServer, whole } from "../support/scriptedServer.ts"

const secret = "correct-horse-battery-staple"

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server?.[Symbol.asyncDispose]())

const client = (path = "") => makeClient({ url: `${server.url}${path}`, token: Redacted.make(secret) })

/** How a call of `health` fails with this answer; nothing of it shows the token. */
const failureAt = (script: Script) =>
  Effect.gen(function* () {
    server.script(script)
    const error = yield* Effect.flip(client().health())
    const shown = `${String(error)} ${JSON.stringify(error)} ${error.stack} ${error.message}`
    assert.notInclude(shown, secret)
    assert.strictEqual(server.requests.at(-1)?.headers["authorization"], `Bearer ${secret}`)
    return error
  })

const raw =
  (bytes: string | Buffer, then: (socket: Socket) => void = (socket) => socket.end()): Script =>
  (socket) => {
    socket.write(bytes, () => then(socket))
  }

const refusal = { ok: false, error: "unauthorized", code: "unauthorized", request_id: "0123abcd" }

describe("an answer that is no Looper's", () => {
  it.live.each([
    { name: "a page", script: whole(200, "text/html", "<p>hello</p>"), status: 200, reason: /text\/html, not JSON/ },
    { name: "a page with an error", script: whole(502, "text/html", "<p>bad</p>"), status: 502, reason: /text\/html/ },
    { name: "another service's JSON", script: json(200, { status: "UP" }), status: 200, reason: /not in the form/ },
    { name: "another service's error", script: json(404, { error: "?" }), status: 404, reason: /not in the form/ },
    { name: "no body", script: whole(204, "", ""), status: 204, reason: /no answer of Looper has this status/ },
    { name: "broken JSON", script: whole(200, "application/json", '{"ok":tr'), status: 200, reason: /is not JSON/ },
    { name: "an empty body", script: whole(200, "application/json", ""), status: 200, reason: /is not JSON/ },
    {
      name: "invalid UTF-8",
      script: raw(Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"\xff"', "latin1")),
      status: 200,
      reason: /not JSON/
    }
  ])("is told as one: $name", ({ script, status, reason }) =>
    Effect.gen(function* () {
      const error = yield* failureAt(script)
      assert.deepInclude(error, { _tag: "NotLooper", url: server.url, status })
      assert.match(error.message, reason)
    })
  )

  it.live("is told as one where it is a redirect, which is not followed", () =>
    Effect.gen(function* () {
      const count = server.requests.length
      const location = `Location: ${server.url}/elsewhere?key=hidden`
      const error = yield* failureAt(whole(307, "text/plain", "", [location]))
      assert.deepInclude(error, { _tag: "NotLooper", status: 307 })
      assert.include(error.message, `redirects to ${server.url}/elsewhere`)
      assert.notInclude(error.message, "hidden")
      assert.lengthOf(server.requests, count + 1)
    })
  )

  it.live("is told as one where it is not even HTTP", () =>
    Effect.gen(function* () {
      const error = yield* failureAt(raw("SSH-2.0-OpenSSH_9.6\r\n"))
      assert.strictEqual(error._tag, "NotLooper")
      assert.match(error.message, /does not speak HTTP/)
    })
  )
})

describe("an answer that does not come", () => {
  it.live.each([
    { name: "reset", script: (socket: Socket) => void socket.resetAndDestroy(), reason: /reset \(ECONNRESET\)/ },
    { name: "closed without a byte", script: (socket: Socket) => void socket.end(), reason: /ECONNRESET/ },
    { name: "cut in its headers", script: raw("HTTP/1.1 200 OK\r\nContent-Ty"), reason: /ECONNRESET|ended/ },
    {
      name: "cut in its body",
      script: raw('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"ok"'),
      reason: /./
    }
  ])("is Unreachable: $name", ({ script, reason }) =>
    Effect.gen(function* () {
      const error = yield* failureAt(script)
      assert.deepInclude(error, { _tag: "Unreachable", url: server.url, isUnsent: false })
      assert.match(error.message, reason)
    })
  )

  it.live("is Unreachable and unsent where nothing listens", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(makeClient({ url: "http://127.0.0.1:1" }).health())
      assert.deepInclude(error, { _tag: "Unreachable", isUnsent: true })
      assert.strictEqual(error.message, "no answer from http://127.0.0.1:1: nothing listens there (ECONNREFUSED)")
    })
  )

  it.live("is Unreachable where nobody knows the name", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(makeClient({ url: "http://looper.invalid" }).health())
      assert.deepInclude(error, { _tag: "Unreachable", isUnsent: true })
      assert.match(error.message, /\((ENOTFOUND|EAI_AGAIN)\)$/)
    })
  )

  it.live("ends with its caller: the connection is closed", () =>
    Effect.gen(function* () {
      const reached = Promise.withResolvers<Socket>()
      server.script((socket) => reached.resolve(socket))
      const call = yield* Effect.forkChild(client().health())
      const socket = yield* Effect.promise(() => reached.promise)
      const closed = new Promise((resolve) => socket.once("close", resolve))
      call.interruptUnsafe()
      yield* Effect.promise(() => closed)
    })
  )
})

describe("a refusal", () => {
  it.live("says its code, its sentence and its request", () =>
    Effect.gen(function* () {
      const error = yield* failureAt(json(401, refusal))
      assert.deepInclude(error, {
        _tag: "Refused",
        status: 401,
        code: "unauthorized",
        message: "unauthorized",
        requestId: "0123abcd"
      })
      assert.notProperty(error, "retryAfterSeconds")
    })
  )

  it.live("says when to come again", () =>
    Effect.gen(function* () {
      const error = yield* failureAt(json(503, { ...refusal, code: "shutting_down" }, ["Retry-After: 10"]))
      assert.propertyVal(error, "retryAfterSeconds", 10)
    })
  )

  it.live("is what an operation's error of another version is, whose fields are others", () =>
    Effect.gen(function* () {
      server.script(json(409, { ...refusal, code: "run_busy", holder: "me" }))
      const error = yield* Effect.flip(client().kill())
      assert.deepInclude(error, { _tag: "Refused", status: 409, code: "run_busy" })
    })
  )
})

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
        assert.strictEqual(result.failure.message, sentence)
        assert.notInclude(JSON.stringify(result.failure), secret)
      }
      assert.lengthOf(server.requests, count)
    })
  )
})
