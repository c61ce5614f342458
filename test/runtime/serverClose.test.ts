/** The server's end waits for answers that are due, and for nothing else. */
import { assert, it } from "@effect/vitest"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { health } from "../../handlers/health.ts"
import { HttpServer } from "../../src/runtime/server.ts"
import { openLooper } from "../effects/embeddedLooper.ts"

/** Below the ten seconds after which the server gives up a request that does not come. */
const deadlineMillis = 8_000

/** Closed or reset; either is an end. */
const closing = (socket: Socket) => new Promise((resolve) => socket.on("error", () => undefined).once("close", resolve))

it.effect(
  "cuts half a request and idle connections at once: the clock stands still",
  () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({ env: () => ({ LOOPER_HOST: "127.0.0.1", LOOPER_PORT: "0" }) })
      const scope = yield* Scope.make()
      const server = yield* Layer.buildWithScope(HttpServer.layer({ health }), scope).pipe(
        Effect.provideContext(looper.services)
      )
      const port = Number(new URL(Context.get(server, HttpServer).url).port)
      const [half, idle] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")] as const
      const closed = Promise.all([half, idle].map((socket) => closing(socket)))
      half.write("GET /health HTTP/1.1\r\nHost: 127")
      idle.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
      const [answer] = yield* Effect.promise(() => once(idle.setEncoding("utf8"), "data"))
      assert.match(String(answer), /^HTTP\/1.1 200 /)
      half.resume()
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => closed)
    }),
  deadlineMillis
)
