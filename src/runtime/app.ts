/** Mounts a list of handlers on Hono: one way through for every request, whatever its route. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, Exit, LogLevel, References } from "effect"
import { type Context, Hono, type HonoRequest } from "hono"
import type { RequestId } from "../domain/RequestId.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { Metrics } from "../services/metrics/Metrics.ts"
import { RequestIds } from "../services/RequestIds.ts"
import type { RunTickets } from "../services/runs/RunTickets.ts"
import type { StoredAnswers } from "../services/records/StoredAnswers.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { makeAdmit } from "./admission.ts"
import { type Answered, makeAnswering } from "./answering.ts"
import { contentResponse } from "./content.ts"
import type { Handler, Handlers } from "./Handler.ts"
import { closing, methodNotAllowed, notFound, type Refusal } from "./refusals.ts"
import { logDefects, refusalOf, refuse, responseOf } from "./respond.ts"
import { routesOf } from "./routes.ts"

/** How a program runs. */
export interface RunOptions {
  /** Of all that it logs: in the context from its start they cost less than what `Effect.annotateLogs` does later. */
  readonly annotations?: Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal
}

/** Runs a program of the handlers' services to its exit; a promise, because Hono is outside Effect, only if it waits. */
export type RunExit<R> = <A, E>(
  program: Effect.Effect<A, E, R>,
  options: RunOptions
) => Exit.Exit<A, E> | Promise<Exit.Exit<A, E>>

/** What `@hono/node-server` tells about a request. */
interface Bindings {
  readonly incoming?: Pick<IncomingMessage, "socket"> & Partial<Pick<IncomingMessage, "rawHeaders">>
  readonly outgoing?: Pick<ServerResponse, "destroy">
}

type Asked = Context<{ Bindings: Bindings }>

/** What {@link makeApp} itself needs beside its handlers' services. */
export type AppServices = LooperConfig | RequestIds | RunTickets | Shutdown | StoredAnswers

/**
 * An app that answers each request in this order: shutdown, Host and Origin, peer and token, route and method,
 * content type, size, schema, programs, `Idempotency-Key`, the handler's operation.
 *
 * **Details** One for which nothing waits has its answer without a promise: node-server writes that in the same turn.
 */
export const makeApp = Effect.fnUntraced(function* <R>(options: {
  readonly handlers: Handlers<R>
  readonly runExit: RunExit<R>
}) {
  const { handlers, runExit } = options
  const config = yield* LooperConfig
  const ids = yield* RequestIds
  const shutdown = yield* Shutdown
  const metrics = yield* Metrics
  const admit = yield* makeAdmit
  const answering = yield* makeAnswering
  const redact = redactor(config)
  const isTraced = config.otlpEndpoint !== undefined
  const logStart = Effect.logInfo("http.start")
  const logEnd = Effect.logInfo("http.end")
  const outer = yield* References.CurrentLogAnnotations
  const isLogged = yield* LogLevel.isEnabled("Info")
  const routesAt = routesOf(handlers)
  const handlersAt = (path: string) => routesAt(path).map((route) => route.handler)
  const app = new Hono<{ Bindings: Bindings }>()

  /** `handler` is that of the route and method, undefined where there is none. */
  const answer = (
    { req, env }: Asked,
    handler: Handler<R> | undefined,
    { requestId, peer }: { readonly requestId: RequestId; readonly peer: string | undefined }
  ): Effect.Effect<Answered, Refusal, R> => {
    const { raw: request } = req
    const { targetHost, pathname, query } = targetOf(req)
    const { headers, method } = request
    const wanted = method === "HEAD" ? "GET" : method
    // Hono decodes a path; who may use a route is judged by what was written.
    const samePath = handler !== undefined && pathname === req.path ? [handler] : handlersAt(pathname)
    // A method that is not there is told to whoever may use the first that is.
    const { access } = samePath.find((one) => one.method === wanted) ?? samePath[0] ?? { access: undefined }
    return Effect.flatMap(admit({ headers, targetHost, peer, access }), (caller) => {
      if (handler === undefined) {
        const allowed = handlersAt(req.path).flatMap((one) => (one.method === "GET" ? ["GET", "HEAD"] : [one.method]))
        return Effect.fail(allowed.length === 0 ? notFound : methodNotAllowed(allowed))
      }
      const { rawHeaders } = env?.incoming ?? {}
      const path = handler.path.includes(":") ? req.param() : {}
      const sent = { request, rawHeaders, requestId, caller, path, query }
      if (!isTraced) return answering(handler, sent)
      const answered = Effect.suspend(() => answering(handler, sent))
      const attributes = { request_id: requestId }
      return Effect.withSpan(answered, `${handler.method} ${handler.path}`, { kind: "server", root: true, attributes })
    })
  }

  /** What neither answers nor refuses was cut by the shutdown, or is a defect. */
  const responseTo = ({ req, env }: Asked, requestId: string, exit: Exit.Exit<Answered, Refusal>): Response => {
    const common = { "X-Request-Id": requestId, ...(shutdown.times() !== undefined && closing) }
    if (!Exit.isSuccess(exit)) {
      return responseOf(refuse(refusalOf(exit.cause, shutdown.notice()), requestId), common)
    }
    if ("answer" in exit.value) return responseOf(exit.value.answer, common)
    const { content } = exit.value
    const isHead = req.method === "HEAD"
    return contentResponse(content, { common, isHead, runExit, outgoing: env?.outgoing })
  }

  const serve = (asked: Asked, handler?: Handler<R>): Response | Promise<Response> => {
    const { req, env } = asked
    const requestId = ids.draw()
    const startedAt = performance.now()
    const peer = env?.incoming?.socket.remoteAddress
    const { method } = req
    const path = redact(req.path)
    const annotations = { ...outer, request_id: requestId }
    const settle = (exit: Exit.Exit<Answered, Refusal>): Response => {
      if (Exit.isFailure(exit)) runExit(logDefects(exit.cause), { annotations })
      const response = responseTo(asked, requestId, exit)
      const { status } = response
      const elapsedMillis = performance.now() - startedAt
      const route = (handler ?? handlersAt(req.path)[0])?.path ?? "other"
      const labels = { method: methodLabel(method), route }
      metrics.count("httpRequests", { ...labels, status: String(status) })
      metrics.observe("httpDuration", labels, elapsedMillis / 1_000)
      if (isLogged) {
        const duration_ms = Math.round(elapsedMillis)
        runExit(logEnd, { annotations: { ...annotations, method, path, status, duration_ms } })
      }
      return response
    }
    if (isLogged) {
      const user_agent = req.header("user-agent")
      runExit(logStart, { annotations: { ...annotations, method, path, remote: peer, user_agent } })
    }
    // What it throws is a defect, which is answered and logged.
    const answered = Effect.suspend(() => answer(asked, handler, { requestId, peer }))
    const exit = runExit(answered, { annotations })
    return exit instanceof Promise ? exit.then(settle) : settle(exit)
  }
  for (const handler of Object.values(handlers)) {
    app.on(handler.method, handler.path, (context) => serve(context, handler))
  }
  app.notFound((context) => serve(context))
  return app
})

/** Where a request goes; Hono would give the first value of a name that is in its query twice. */
const targetOf = ({ url, path }: HonoRequest) => {
  // Most have neither host nor query, and nothing that Hono decodes.
  if (url === `http://localhost${path}`) return { targetHost: undefined, pathname: path, query: {} }
  const { host, pathname, searchParams } = new URL(url)
  return { targetHost: host, pathname, query: Object.fromEntries(searchParams) }
}

/** Any token is a method: whoever calls must not choose the names of series. */
const methodLabel = (method: string): "GET" | "HEAD" | "POST" | "other" =>
  method === "GET" || method === "HEAD" || method === "POST" ? method : "other"
