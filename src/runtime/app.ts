/** Mounts a list of handlers on Hono: one way through for every request, whatever its route. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { hostname } from "node:os"
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { type Context, Hono } from "hono"
import { codeOf } from "../domain/errors.ts"
import type { RequestId } from "../domain/RequestId.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { Metrics } from "../services/metrics/Metrics.ts"
import { RequestIds } from "../services/RequestIds.ts"
import type { RunTickets } from "../services/runs/RunTickets.ts"
import type { StoredAnswers } from "../services/records/StoredAnswers.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type Caller, makeAuthenticate } from "./Authentication.ts"
import { hostRefusal, originRefusal } from "./access.ts"
import { decodeInput, type RawInput } from "./body.ts"
import { contentResponse } from "./content.ts"
import { type AnyErrorAnswer, type Content, type Handler, type Handlers, isContent } from "./Handler.ts"
import { bodyHash, finalAnswer, idempotencyKey, makeAnswerOnce } from "./idempotency.ts"
import { methodNotAllowed, notFound, programNotAllowed, type Refusal, retryLater, shuttingDown } from "./refusals.ts"
import { type Answer, answerWith, logDefects, refusalOf, refuse, responseOf } from "./respond.ts"
import { routesOf } from "./routes.ts"

/** Runs a program of the handlers' services to its exit; a promise, because Hono is outside Effect. */
export type RunExit<R> = <A, E>(
  program: Effect.Effect<A, E, R>,
  options?: { readonly signal: AbortSignal }
) => Promise<Exit.Exit<A, E>>

/** What `@hono/node-server` tells about a request. */
interface Bindings {
  readonly incoming?: Pick<IncomingMessage, "socket"> & Partial<Pick<IncomingMessage, "rawHeaders">>
  readonly outgoing?: Pick<ServerResponse, "destroy">
}

interface Variables {
  requestId: RequestId
  caller: Caller
}

/** A request that was let in. */
interface Sent extends RawInput {
  readonly rawHeaders: ReadonlyArray<string> | undefined
  readonly outgoing: Bindings["outgoing"]
  readonly requestId: RequestId
  readonly caller: Caller
}

/** What {@link makeApp} itself needs beside its handlers' services. */
export type AppServices = LooperConfig | RequestIds | RunTickets | Shutdown | StoredAnswers

/**
 * An app that answers each request in this order: shutdown, Host and Origin, peer and token, route and method,
 * content type, size, schema, programs, `Idempotency-Key`, the handler's operation.
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
  const authenticate = yield* makeAuthenticate
  const answerOnce = yield* makeAnswerOnce
  const redact = redactor(config)
  const hostName = hostname()
  const routesAt = routesOf(handlers)
  const app = new Hono<{ Bindings: Bindings; Variables: Variables }>()

  const admit = Effect.fnUntraced(function* (request: Request, peer: string | undefined) {
    if (shutdown.times() !== undefined) return yield* Effect.fail(shuttingDown(shutdown.notice()))
    const { headers } = request
    const host = headers.get("host")
    const { allowedHosts } = config
    // Of a target in absolute form, which RFC 9112 puts above Host (section 3.2.2); of any other, the listener's own.
    const { host: targetHost, pathname: path } = new URL(request.url)
    const refused =
      hostRefusal({ host, hostName, allowedHosts }) ??
      hostRefusal({ host: targetHost, hostName, allowedHosts }) ??
      originRefusal({ origin: headers.get("origin"), host, allowedHosts })
    if (refused !== undefined) return yield* Effect.fail(refused)
    const method = request.method === "HEAD" ? "GET" : request.method
    const samePath = routesAt(path).map(({ handler }) => handler)
    // A method that is not there is told to whoever may use the first that is.
    const { access } = samePath.find((one) => one.method === method) ?? samePath[0] ?? { access: undefined }
    return yield* authenticate({ access, peer, headers })
  })

  const answer = Effect.fnUntraced(function* (handler: Handler<R>, sent: Sent): Effect.fn.Return<Response, Refusal, R> {
    const { request, requestId, caller } = sent
    const { input, fields, unknownFields } = yield* decodeInput(handler, sent)
    if (unknownFields.length > 0) {
      yield* Effect.logInfo("http.fields.unknown").pipe(Effect.annotateLogs({ fields: unknownFields }))
    }
    const programField = handler.programFields?.find((field) => fields.includes(field))
    if (programField !== undefined && !caller.isTrusted) return yield* Effect.fail(programNotAllowed(programField))
    const operation = handler.body(input, { requestId })
    const key = handler.isIdempotent ? yield* idempotencyKey(request.headers, sent.rawHeaders) : undefined
    if (key === undefined) {
      const exit = yield* Effect.exit(operation)
      // The body of such a handler succeeds with nothing else.
      if (Exit.isSuccess(exit) && isContent(handler.success)) {
        const { outgoing } = sent
        return contentResponse(exit.value as Content, { isHead: request.method === "HEAD", runExit, outgoing })
      }
      return responseOf(yield* answerOf(handler, exit, requestId))
    }
    const answered = yield* answerOnce({
      route: `${handler.method} ${handler.path}`,
      key,
      bodyHash: bodyHash(input),
      program: operation,
      answerOf: (exit) => finalAnswer(answerOf(handler, exit, requestId), { requestId, notice: shutdown.notice })
    })
    return responseOf(answered)
  })

  const answerOf = Effect.fnUntraced(function* (
    handler: Handler<R>,
    exit: Exit.Exit<unknown, { readonly _tag: string; readonly message: string }>,
    requestId: string
  ): Effect.fn.Return<Answer, Refusal> {
    if (Exit.isSuccess(exit)) {
      const { success } = handler
      if (isContent(success)) return yield* Effect.die("content is no stored answer")
      return answerWith({ status: 200, body: yield* Effect.orDie(Schema.encodeEffect(success)(exit.value)) })
    }
    const { cause } = exit
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error === undefined) {
      return yield* Cause.hasInterruptsOnly(cause)
        ? Effect.fail(shuttingDown(shutdown.notice()))
        : Effect.failCause(Cause.die(cause))
    }
    const known: AnyErrorAnswer | undefined = handler.errors[error._tag]
    if (known === undefined) return yield* Effect.die(error)
    const body = { ok: false, error: redact(error.message), code: codeOf(error._tag), request_id: requestId }
    return answerWith({
      status: known.status,
      body: known.fields === undefined ? body : { ...body, ...Object(known.fields.of(error)) },
      headers: { ...(known.status === 503 && retryLater), ...known.headers?.(error) }
    })
  })

  /** Runs a program of one request; what neither answers nor refuses was cut by the shutdown, or is a defect. */
  const settle = async <A>(program: Effect.Effect<A, Refusal, R>, requestId: string): Promise<A | Response> => {
    const exit = await runExit(
      program.pipe(Effect.tapCause(logDefects), Effect.annotateLogs({ request_id: requestId }))
    )
    return Exit.isSuccess(exit) ? exit.value : responseOf(refuse(refusalOf(exit.cause, shutdown.notice()), requestId))
  }

  app.use("*", async (context, next) => {
    const { req } = context
    const requestId = ids.draw()
    const peer = context.env?.incoming?.socket.remoteAddress
    const fields = { method: req.method, path: redact(req.path) }
    const startedAt = performance.now()
    const log = (event: string, more: Record<string, unknown>) =>
      settle(Effect.logInfo(event).pipe(Effect.annotateLogs({ ...fields, ...more })), requestId)
    await log("http.start", { remote: peer, user_agent: req.header("user-agent") })
    const admitted = await settle(admit(req.raw, peer), requestId)
    if (admitted instanceof Response) {
      context.res = admitted
    } else {
      context.set("requestId", requestId)
      context.set("caller", admitted)
      await next()
    }
    context.res.headers.set("X-Request-Id", requestId)
    if (shutdown.times() !== undefined) context.res.headers.set("Connection", "close")
    const elapsedMillis = performance.now() - startedAt
    const labels = { method: methodLabel(req.method), route: routesAt(req.path)[0]?.handler.path ?? "other" }
    metrics.count("httpRequests", { ...labels, status: String(context.res.status) })
    metrics.observe("httpDuration", labels, elapsedMillis / 1_000)
    await log("http.end", { status: context.res.status, duration_ms: Math.round(elapsedMillis) })
  })

  const respond = async (context: Context<{ Bindings: Bindings; Variables: Variables }>, handler: Handler<R>) => {
    const [requestId, caller] = [context.get("requestId"), context.get("caller")]
    const { raw: request } = context.req
    const rawHeaders = context.env?.incoming?.rawHeaders
    const outgoing = context.env?.outgoing
    // Hono would give the first value of a name.
    const query = Object.fromEntries(new URL(request.url).searchParams)
    const sent = { request, rawHeaders, outgoing, requestId, caller, path: context.req.param(), query }
    const span = { kind: "server", root: true, attributes: { request_id: requestId } } as const
    return await settle(Effect.withSpan(answer(handler, sent), `${handler.method} ${handler.path}`, span), requestId)
  }
  for (const handler of Object.values(handlers)) {
    app.on(handler.method, handler.path, (context) => respond(context, handler))
  }
  app.notFound((context) => {
    const methods = routesAt(context.req.path).map(({ handler }) => handler.method)
    const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    return responseOf(refuse(allowed.length === 0 ? notFound : methodNotAllowed(allowed), context.get("requestId")))
  })
  return app
})

/** Any token is a method: whoever calls must not choose the names of series. */
const methodLabel = (method: string): "GET" | "HEAD" | "POST" | "other" =>
  method === "GET" || method === "HEAD" || method === "POST" ? method : "other"
