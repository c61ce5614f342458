/** The HTTP server as a scoped layer. */
import type { Server, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Context, Effect, type Exit, FiberSet, Layer, References } from "effect"
import { FolderLock } from "../services/FolderLock.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { RequestIds } from "../services/RequestIds.ts"
import { ServerAddress } from "../services/ServerAddress.ts"
import { ServerLog } from "../services/serverLog/ServerLog.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type AppServices, makeApp, type RunOptions } from "./app.ts"
import type { Handlers } from "./Handler.ts"
import { drainBoundMillis, listen } from "./listen.ts"

/** The server that listens; `url` reaches it from this machine. */
export class HttpServer extends Context.Service<HttpServer, { readonly url: string }>()("looper/runtime/server") {
  /**
   * Listens until its scope closes; then requests that are not answered yet get 503.
   *
   * **Errors** `ListenFailed`: nothing listens; runs that were adopted are left to the next Looper.
   */
  static readonly layer = <R>(handlers: Handlers<R>) =>
    Layer.effect(
      HttpServer,
      Effect.gen(function* () {
        const { host, port } = yield* LooperConfig
        const shutdown = yield* Shutdown
        const ids = yield* RequestIds
        const folderLock = yield* FolderLock
        const serverLog = yield* ServerLog
        const fibers = yield* FiberSet.make<unknown, unknown>()
        const context = yield* Effect.context<R | AppServices>()
        const app = yield* makeApp({
          handlers,
          runExit: <A, E>(program: Effect.Effect<A, E, R>, { annotations, signal }: RunOptions) => {
            const own = annotations && Context.add(context, References.CurrentLogAnnotations, annotations)
            const fiber = Effect.runForkWith(own ?? context)(program, { signal })
            const exit = fiber.pollUnsafe()
            if (exit !== undefined) return exit
            FiberSet.addUnsafe(fibers, fiber)
            return new Promise<Exit.Exit<A, E>>((resolve) => fiber.addObserver(resolve))
          }
        })
        const { server } = yield* Effect.acquireRelease(
          // Nobody asked this Looper for anything: it must not stop what it adopted.
          Effect.tapError(listen({ app, ids, host, port }), () => shutdown.leaveRuns),
          (listening) =>
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
        serverLog.sayListening({ url, pid: process.pid })
        yield* Effect.logInfo("server.listening").pipe(Effect.annotateLogs({ url, host, pid: process.pid }))
        return HttpServer.of({ url })
      })
    )
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
