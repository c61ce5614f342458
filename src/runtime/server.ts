/** The HTTP server as a scoped layer. */
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { getRequestListener } from "@hono/node-server"
import { Context, Effect, type Exit, FiberSet, Layer, Schema } from "effect"
import { FolderLock } from "../services/FolderLock.ts"
import { LooperConfig } from "../services/LooperConfig.ts"
import { RequestIds } from "../services/RequestIds.ts"
import { ServerAddress } from "../services/ServerAddress.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type AppServices, makeApp } from "./app.ts"
import type { Handler } from "./Handler.ts"
import { expectationFailed, headersTooLarge, malformed, type Refusal, refusalBody, timedOut } from "./refusals.ts"

/** The address cannot be bound: taken, not on this machine, or not allowed. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.host}:${this.port} (LOOPER_HOST, LOOPER_PORT): ${reasons[this.code] ?? this.code}`
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "the address is not on this machine",
  EACCES: "the port needs more rights",
  ENOTFOUND: "the host name is unknown"
}

const headersBoundMillis = 10_000
/** Headers and body together; the body has a bound of its own. */
const requestBoundMillis = 42_000
/** Answers that their callers have not taken by then are cut. */
const drainBoundMillis = 1_000

export class HttpServer extends Context.Service<HttpServer, { readonly url: string }>()("looper/runtime/server") {
  /** Listens until its scope closes; then requests that are not answered yet get 503. */
  static readonly layer = <R>(handlers: ReadonlyArray<Handler<R>>) =>
    Layer.effect(
      HttpServer,
      Effect.gen(function* () {
        const { host, port } = yield* LooperConfig
        const shutdown = yield* Shutdown
        const ids = yield* RequestIds
        const folderLock = yield* FolderLock
        const fibers = yield* FiberSet.make<unknown, unknown>()
        const runFork = yield* FiberSet.runtime(fibers)<R | AppServices>()
        const app = yield* makeApp({
          handlers,
          runExit: <A, E>(program: Effect.Effect<A, E, R>) =>
            new Promise<Exit.Exit<A, E>>((resolve) => runFork(program).addObserver(resolve))
        })
        const { server } = yield* Effect.acquireRelease(listen({ app, ids, host, port }), (listening) =>
          Effect.gen(function* () {
            yield* shutdown.begin
            const closed = close(listening.server)
            yield* FiberSet.clear(fibers)
            yield* Effect.timeoutOption(answered(listening.unanswered), drainBoundMillis)
            listening.server.closeAllConnections()
            yield* closed
          })
        )
        const url = loopbackUrl(server.address() as AddressInfo)
        const address = yield* ServerAddress
        address.set(url)
        folderLock.announce(url)
        yield* Effect.logInfo("server.listening").pipe(Effect.annotateLogs({ url, host, pid: process.pid }))
        return HttpServer.of({ url })
      })
    )
}

interface Listening {
  readonly server: Server
  /** Responses of requests that arrived and are not answered to their last byte. */
  readonly unanswered: ReadonlySet<ServerResponse>
}

const listen = (options: {
  readonly app: { readonly fetch: Parameters<typeof getRequestListener>[0] }
  readonly ids: RequestIds["Service"]
  readonly host: string
  readonly port: number
}): Effect.Effect<Listening, ListenFailed> =>
  Effect.callback((resume) => {
    const { app, ids, host, port } = options
    const unanswered = new Set<ServerResponse>()
    const refuse = (refusal: Refusal) => {
      const requestId = ids.draw()
      const body = `${JSON.stringify(refusalBody(refusal, requestId))}\n`
      const headers = {
        "Content-Type": "application/json",
        "Content-Length": String(Buffer.byteLength(body)),
        ...refusal.headers,
        "X-Request-Id": requestId
      }
      return { body, headers }
    }
    const errorHandler = () => {
      const { body, headers } = refuse(malformed)
      return new Response(body, { status: malformed.status, headers })
    }
    const listener = getRequestListener(app.fetch, { errorHandler, overrideGlobalObjects: false })
    const server = createServer(
      {
        headersTimeout: headersBoundMillis,
        requestTimeout: requestBoundMillis,
        connectionsCheckingInterval: 1_000,
        requireHostHeader: false
      },
      (request, response) => {
        unanswered.add(response)
        response.once("close", () => unanswered.delete(response))
        // The listener would refuse some Hosts itself; the app judges the raw header, in its order and its form.
        if (request.headers.host !== undefined) request.headers.host = "localhost"
        void listener(request, response)
      }
    )
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      if (!socket.writable) return socket.destroy()
      const refusal = parserRefusals[error.code ?? ""] ?? malformed
      const { body, headers } = refuse(refusal)
      const head = Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")
      return socket.end(`HTTP/1.1 ${refusal.status} ${refusal.code}\r\n${head}\r\n${body}`)
    })
    server.on("checkExpectation", (_request, response) => {
      const { body, headers } = refuse(expectationFailed)
      response.writeHead(expectationFailed.status, headers).end(body)
    })
    server.on("connect", (_request, socket) => socket.destroy())
    server.once("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.fail(new ListenFailed({ host, port, code: error.code ?? error.message })))
    )
    server.listen(port, host, () => resume(Effect.succeed({ server, unanswered })))
  })

/** What Node's HTTP parser refuses before there is a request. */
const parserRefusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: timedOut
}

/** A connection on which half a request came has nothing to wait for. */
const answered = (unanswered: ReadonlySet<ServerResponse>): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const look = () => {
      if (unanswered.size === 0) resume(Effect.void)
    }
    for (const response of unanswered) response.once("close", look)
    look()
  })

/** Stops listening at once, idle connections too; `close` waits for the rest. */
const close = (server: Server): Effect.Effect<void> => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  return Effect.promise(() => closed)
}

/** The loopback address that reaches a server bound to all addresses; otherwise the bound one. */
const loopbackUrl = ({ address, family, port }: AddressInfo): string => {
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address
  return `http://${family === "IPv6" && host === address ? `[${host}]` : host}:${port}`
}
