/** Content that is a stream and fails, as a client sees it. */
import { assert, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import { Context, Effect, Exit, Layer, Schema, Scope, Stream } from "effect"
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
const handlers = {
  atOnce: streamed("/at-once", gone),
  later: streamed("/later", Stream.concat(Stream.succeed(new Uint8Array(10)), gone))
}

/** All that comes on a connection until it is closed. */
const received = (port: number, path: string) =>
  Effect.promise(() => {
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`))
    socket.setEncoding("latin1").on("data", (piece: string) => (text += piece))
    socket.on("error", () => undefined).once("close", () => resolve(text))
    return promise
  })

const open = Effect.gen(function* () {
  const looper = yield* openLooper({ env: () => ({ LOOPER_HOST: "127.0.0.1", LOOPER_PORT: "0" }) })
  const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
  const server = yield* Layer.buildWithScope(HttpServer.layer(handlers), scope).pipe(
    Effect.provideContext(looper.services)
  )
  return Number(new URL(Context.get(server, HttpServer).url).port)
})

describe("a stream that fails", () => {
  it.live("breaks the connection off, and nothing is answered in another form", () =>
    Effect.gen(function* () {
      const port = yield* open
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
