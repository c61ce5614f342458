/** Mounts a list of handlers on Hono: one way through for every request, whatever its route. */
import type { IncomingMessage } from "node:http"
import { hostname } from "node:os"
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { Hono } from "hono"
import type { RequestId } from "../domain/RequestId.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { RequestIds } from "../services/RequestIds.ts"
import type { RunTickets } from "../services/runs/RunTickets.ts"
import type { StoredAnswers } from "../services/records/StoredAnswers.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type Caller, makeAuthenticate } from "./Authentication.ts"
import { hostRefusal, originRefusal } from "./access.ts"
import { decodeBody } from "./body.ts"
import type { Handler } from "./Handler.ts"
import { bodyHash, finalAnswer, idempotencyKey, makeAnswerOnce } from "./idempotency.ts"
import { methodNotAllowed, notFound, programNotAllowed, type Refusal, retryLater, shuttingDown } from "./refusals.ts"
import { type Answer, answerWith, logDefects, refusalOf, refuse, responseOf } from "./respond.ts"

/** Runs a program of the handlers' services to its exit; a promise, because Hono is outside Effect. */
export type RunExit<R> = <A, E>(program: Effect.Effect<A, E, R>) => Promise<Exit.Exit<A, E>>

/** What `@hono/node-server` tells about a request. */
interface Bindings {
  readonly incoming?: Pick<IncomingMessage, "socket"> & Partial<Pick<IncomingMessage, "rawHeaders">>
}

interface Variables {
  requestId: RequestId
  caller: Caller
}

/** A request that was let in. */
interface Sent {
  readonly request: Request
  readonly rawHeaders: ReadonlyArray<string> | undefined
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
  readonly handlers: ReadonlyArray<Handler<R>>
  readonly runExit: RunExit<R>
}) {
  const { handlers, runExit } = options
  const config = yield* LooperConfig
  const ids = yield* RequestIds
  const shutdown = yield* Shutdown
  const authenticate = yield* makeAuthenticate
  const answerOnce = yield* makeAnswerOnce
  const redact = redactor(config)
  const hostName = hostname()
  const app = new Hono<{ Bindings: Bindings; Variables: Variables }>()

  const admit = Effect.fnUntraced(function* (request: Request, peer: string | undefined) {
    if (shutdown.times() !== undefined) return yield* Effect.fail(shuttingDown)
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
    const samePath = handlers.filter((one) => one.path === path)
    // A method that is not there is told to whoever may use the first that is.
    const { access } = samePath.find((one) => one.method === method) ?? samePath[0] ?? { access: undefined }
    return yield* authenticate({ access, peer, headers })
  })

  const answer = Effect.fnUntraced(function* (handler: Handler<R>, sent: Sent): Effect.fn.Return<Answer, Refusal, R> {
    const { request, requestId, caller } = sent
    const { input, fields, unknownFields } = yield* decodeBody(handler, request)
    if (unknownFields.length > 0) {
      yield* Effect.logInfo("http.fields.unknown").pipe(Effect.annotateLogs({ fields: unknownFields }))
    }
    const programField = handler.programFields?.find((field) => fields.includes(field))
    if (programField !== undefined && !caller.isTrusted) return yield* Effect.fail(programNotAllowed(programField))
    const operation = handler.body(input, { requestId })
    const key = handler.isIdempotent ? yield* idempotencyKey(request.headers, sent.rawHeaders) : undefined
    if (key === undefined) return yield* answerOf(handler, yield* Effect.exit(operation), requestId)
    return yield* answerOnce({
      route: `${handler.method} ${handler.path}`,
      key,
      bodyHash: bodyHash(input),
      program: operation,
      answerOf: (exit) => finalAnswer(answerOf(handler, exit, requestId), requestId)
    })
  })

  const answerOf = Effect.fnUntraced(function* (
    handler: Handler<R>,
    exit: Exit.Exit<unknown, { readonly _tag: string; readonly message: string }>,
    requestId: string
  ): Effect.fn.Return<Answer, Refusal> {
    if (Exit.isSuccess(exit)) {
      return answerWith({ status: 200, body: yield* Effect.orDie(Schema.encodeEffect(handler.success)(exit.value)) })
    }
    const { cause } = exit
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error === undefined) {
      return yield* Cause.hasInterruptsOnly(cause) ? Effect.fail(shuttingDown) : Effect.failCause(Cause.die(cause))
    }
    const known = handler.errors[error._tag]
    if (known === undefined) return yield* Effect.die(error)
    const body = { ok: false, error: redact(error.message), code: snakeCase(error._tag), request_id: requestId }
    return answerWith({
      status: known.status,
      body: { ...body, ...known.fields?.(error) },
      ...(known.status === 503 && { headers: retryLater })
    })
  })

  /** Runs a program of one request; what neither answers nor refuses was cut by the shutdown, or is a defect. */
  const settle = async <A>(program: Effect.Effect<A, Refusal, R>, requestId: string): Promise<A | Response> => {
    const exit = await runExit(
      program.pipe(Effect.tapCause(logDefects), Effect.annotateLogs({ request_id: requestId }))
    )
    return Exit.isSuccess(exit) ? exit.value : responseOf(refuse(refusalOf(exit.cause), requestId))
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
    await log("http.end", { status: context.res.status, duration_ms: Math.round(performance.now() - startedAt) })
  })

  for (const handler of handlers) {
    app.on(handler.method, handler.path, async (context) => {
      const [requestId, caller] = [context.get("requestId"), context.get("caller")]
      const sent = { request: context.req.raw, rawHeaders: context.env?.incoming?.rawHeaders, requestId, caller }
      const answered = await settle(answer(handler, sent), requestId)
      return answered instanceof Response ? answered : responseOf(answered)
    })
  }
  app.notFound((context) => {
    const methods = handlers.filter(({ path }) => path === context.req.path).map(({ method }) => method)
    const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    return responseOf(refuse(allowed.length === 0 ? notFound : methodNotAllowed(allowed), context.get("requestId")))
  })
  return app
})

const snakeCase = (tag: string): string => tag.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
