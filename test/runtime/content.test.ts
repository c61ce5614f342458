/** Content that is a stream and fails or is cut, as a client sees it. */
import { assert, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Schema, Scope, Stream } from "effect"
import { LogGone } from "../../src/domain/errors.ts"
import { handler } from "../../src/runtime/Handler.ts"
import { HttpServer } from "../../src/runtime/server.ts"
import { openLooper } from "../effects/embeddedLooper.ts"

const gone = Stream.fail(new LogGone({ requestId: "00000000", reason: "lost" }))
const streamed = (path: `/${string}`, body: Stream.Stream<Uint8Array, LogGone>) =>
  handler({
    summary: "A hundred bytes",
    method: "GET",
    path,
    access: "public",
    request: Schema.Struct({}),
    success: { contents: { "text/plain": "bytes" } },
    errors: {},
    body: () => Effect.succeed({ headers: { "Content-Type": "text/plain", "Content-Length": "100" }, body })
  })
const words = (text: string) => new TextEncoder().encode(text)
const cut = (path: `/${string}`, last: () => Uint8Array | undefined) =>
  handler({
    summary: "Goes on for ever",
    method: "GET",
    path,
    access: "public",
    request: Schema.Struct({}),
    success: { contents: { "text/plain": "bytes" } },
    errors: {},
    body: () =>
      Effect.succeed({
        headers: { "Content-Type": "text/plain" },
        body: Stream.concat(Stream.succeed(words("first;")), Stream.never),
        last
      })
  })
const handlers = {
  cut: cut("/cut", () => words("last;")),
  silent: cut("/silent", () => undefined),
  atOnce: streamed("/at-once", gone),
  later: streamed("/later", Stream.concat(Stream.succeed(new Uint8Array(10)), gone))
}

/** All that comes on a connection until it is closed. */
const received = (port: number, path: string, onText: (text: string) => void = () => undefined) =>
  Effect.promise(() => {
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`))
    socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece
      onText(text)
    })
    socket.on("error", () => undefined).once("close", () => resolve(text))
    return promise
  })

const open = Effect.gen(function* () {
  const looper = yield* openLooper({ env: () => ({ LOOPER_HOST: "127.0.0.1", LOOPER_PORT: "0" }) })
  const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
  const server = yield* Layer.buildWithScope(HttpServer.layer(handlers), scope).pipe(
    Effect.provideContext(looper.services)
  )
  return { port: Number(new URL(Context.get(server, HttpServer).url).port), close: Scope.close(scope, Exit.void) }
})

describe("a stream that fails", () => {
  it.live("breaks the connection off, and nothing is answered in another form", () =>
    Effect.gen(function* () {
      const { port } = yield* open
      for (const path of ["/at-once", "/later"]) {
        const answer = yield* received(port, path)
        assert.notMatch(answer, /^HTTP\/1.1 500 /, path)
        const [head = "", body = ""] = answer.split("\r\n\r\n")
        if (head !== "") assert.match(head, /\r\nx-request-id: [0-9a-f]{8}\b/i)
        assert.isBelow(body.length, 100)
      }
    })
  )
})

describe("a stream that a shutdown cuts", () => {
  it.live("ends like its own end, behind the last word where it has one", () =>
    Effect.gen(function* () {
      const { port, close } = yield* open
      const all = yield* Effect.forEach(["/cut", "/silent"], (path) =>
        Effect.gen(function* () {
          const begun = yield* Deferred.make<void>()
          const onText = (text: string) => text.includes("first;") && Deferred.doneUnsafe(begun, Effect.void)
          const answer = yield* Effect.forkScoped(received(port, path, onText), { startImmediately: true })
          yield* Deferred.await(begun)
          return answer
        })
      )
      yield* close
      const [told = "", untold = ""] = yield* Effect.forEach(all, Fiber.join)
      assert.match(told, /first;\r\n[^]*last;\r\n0\r\n\r\n$/)
      assert.match(untold, /first;\r\n0\r\n\r\n$/)
    })
  )
})
