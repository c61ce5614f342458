import { assert, describe, it } from "@effect/vitest"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls"
import { Effect, Redacted } from "effect"
import { afterAll, beforeAll } from "vitest"
import { makeClient } from "../../src/client/index.ts"
import { makeCertificate } from "../support/certificate.ts"
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

  it.live("is not read any further: its connection is closed", () =>
    Effect.gen(function* () {
      const closed = Promise.withResolvers<void>()
      const error = yield* failureAt((socket) => {
        socket.once("close", () => closed.resolve())
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<p>")
      })
      assert.strictEqual(error._tag, "NotLooper")
      yield* Effect.promise(() => closed.promise)
    })
  )

  it.live("is told as one where it does not end", () =>
    Effect.gen(function* () {
      const error = yield* failureAt((socket) => {
        const flood = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(1024 * 1024, " "))) {}
        }
        socket.on("drain", flood)
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        flood()
      })
      assert.strictEqual(error._tag, "NotLooper")
      assert.match(error.message, /too long/)
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

  it.live("is Unreachable and unsent where the connection does not come to be, also over TLS", () =>
    Effect.gen(function* () {
      const mute = yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const listening: Server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
        }),
        (mute) => Effect.sync(() => mute.close())
      )
      const { port } = mute.address() as AddressInfo
      const url = `https://127.0.0.1:${port}`
      const error = yield* Effect.flip(makeClient({ url, connectTimeout: "100 millis" }).health())
      assert.deepInclude(error, { _tag: "Unreachable", isUnsent: true })
      assert.strictEqual(error.message, `no answer from ${url}: no connection within 0.1 s`)
    })
  )

  it.live("is Unreachable and unsent where a certificate is not trusted", () =>
    Effect.gen(function* () {
      const guarded = yield* Effect.acquireRelease(
        Effect.callback<TlsServer>((resume) => {
          const listening = createTlsServer(makeCertificate())
          listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
        }),
        (guarded) => Effect.sync(() => guarded.close())
      )
      const { port } = guarded.address() as AddressInfo
      const error = yield* Effect.flip(makeClient({ url: `https://127.0.0.1:${port}` }).health())
      assert.deepInclude(error, { _tag: "Unreachable", isUnsent: true })
      assert.match(error.message, /self-signed certificate/)
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
