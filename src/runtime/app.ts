/** Mounts a list of handlers on Hono: one way through for every request, whatever its route. */
import type { IncomingMessage } from "node:http"
import { hostname } from "node:os"
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { Hono } from "hono"
import { redactor } from "../logging.ts"
import { LooperConfig } from "../services/LooperConfig.ts"
import { RequestIds } from "../services/RequestIds.ts"
import type { RunTickets } from "../services/RunTickets.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type Caller, makeAuthenticate } from "./Authentication.ts"
import { hostRefusal, originRefusal } from "./access.ts"
import { decodeBody } from "./body.ts"
import type { Handler } from "./Handler.ts"
import {
  internalError,
  methodNotAllowed,
  notFound,
  programNotAllowed,
  type Refusal,
  refusalBody,
  shuttingDown
} from "./refusals.ts"

/** Runs a program of the handlers' services to its exit; a promise, because Hono is outside Effect. */
export type RunExit<R> = <A, E>(program: Effect.Effect<A, E, R>) => Promise<Exit.Exit<A, E>>

/** What `@hono/node-server` tells about a request. */
interface Bindings {
  readonly incoming?: Pick<IncomingMessage, "socket">
}

interface Variables {
  requestId: string
  caller: Caller
}

type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }

/** What {@link makeApp} itself needs beside its handlers' services. */
export type AppServices = LooperConfig | RequestIds | RunTickets | Shutdown

/**
 * An app that answers each request in this order: shutdown, Host and Origin, peer and token, route and method,
 * content type, size, schema, programs, the handler's operation.
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

  const answer = Effect.fnUntraced(function* (
    handler: Handler<R>,
    request: Request,
    requestId: string,
    caller: Caller
  ) {
    const { input, fields, unknownFields } = yield* decodeBody(handler, request)
    if (unknownFields.length > 0) {
      yield* Effect.logInfo("http.fields.unknown").pipe(Effect.annotateLogs({ fields: unknownFields }))
    }
    const program = handler.programFields?.find((field) => fields.includes(field))
    if (program !== undefined && !caller.isTrusted) return yield* Effect.fail(programNotAllowed(program))
    const exit = yield* Effect.exit(handler.body(input, { requestId }))
    if (Exit.isSuccess(exit))
      return { status: 200, body: yield* Effect.orDie(Schema.encodeEffect(handler.success)(exit.value)) }
    return yield* failureAnswer(handler, exit.cause, requestId)
  })

  const failureAnswer = Effect.fnUntraced(function* (
    handler: Handler<R>,
    cause: Cause.Cause<{ readonly _tag: string; readonly message: string }>,
    requestId: string
  ): Effect.fn.Return<Answer, Refusal> {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error === undefined) {
      return yield* Cause.hasInterruptsOnly(cause) ? Effect.fail(shuttingDown) : Effect.failCause(Cause.die(cause))
    }
    const known = handler.errors[error._tag]
    if (known === undefined) return yield* Effect.die(error)
    if (known.status === 503) return yield* Effect.fail(shuttingDown)
    const body = { ok: false, error: redact(error.message), code: snakeCase(error._tag), request_id: requestId }
    return { status: known.status, body: { ...body, ...known.fields?.(error) } }
  })

  /** Runs a program of one request; what neither answers nor refuses was cut by the shutdown, or is a defect. */
  const settle = async <A>(program: Effect.Effect<A, Refusal, R>, requestId: string): Promise<A | Response> => {
    const exit = await runExit(
      program.pipe(
        Effect.tapCause((cause) => (Cause.hasDies(cause) ? Effect.logError("http.defect", cause) : Effect.void)),
        Effect.annotateLogs({ request_id: requestId })
      )
    )
    if (Exit.isSuccess(exit)) return exit.value
    const unanswered = Cause.hasInterruptsOnly(exit.cause) ? shuttingDown : internalError
    return refuse(
      Option.getOrElse(Cause.findErrorOption(exit.cause), () => unanswered),
      requestId
    )
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
      const requestId = context.get("requestId")
      const answered = await settle(answer(handler, context.req.raw, requestId, context.get("caller")), requestId)
      return answered instanceof Response ? answered : jsonResponse(answered)
    })
  }
  app.notFound((context) => {
    const methods = handlers.filter(({ path }) => path === context.req.path).map(({ method }) => method)
    const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    return refuse(allowed.length === 0 ? notFound : methodNotAllowed(allowed), context.get("requestId"))
  })
  return app
})

const snakeCase = (tag: string): string => tag.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()

const refuse = (refusal: Refusal, requestId: string): Response =>
  jsonResponse({
    status: refusal.status,
    body: refusalBody(refusal, requestId),
    ...(refusal.headers && { headers: refusal.headers })
  })

const jsonResponse = ({ status, body, headers }: Answer): Response =>
  new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", ...headers }
  })
