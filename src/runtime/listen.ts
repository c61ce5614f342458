/** Node's HTTP server, and what it refuses before there is a request. */
import { createServer, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { getRequestListener } from "@hono/node-server"
import { Effect, Schema } from "effect"
import type { RequestIds } from "../services/RequestIds.ts"
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
export const drainBoundMillis = 1_000

/** The bound server and what it still owes. */
export interface Listening {
  readonly server: Server
  /** Responses of requests that arrived and are not answered to their last byte. */
  readonly unanswered: ReadonlySet<ServerResponse>
}

/**
 * Binds the address and answers by the app.
 *
 * **Errors** `ListenFailed`: nothing listens.
 */
export const listen = (options: {
  readonly app: { readonly fetch: Parameters<typeof getRequestListener>[0] }
  readonly ids: RequestIds["Service"]
  readonly host: string
  readonly port: number
}): Effect.Effect<Listening, ListenFailed> =>
  Effect.callback((resume) => {
    const { app, ids, host, port } = options
    const unanswered = new Set<ServerResponse>()
    const track = (response: ServerResponse) => {
      unanswered.add(response)
      response.once("close", () => unanswered.delete(response))
    }
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
        track(response)
        // The listener would refuse some Hosts itself; the app judges the raw header, in its order and its form.
        if (request.headers.host !== undefined) request.headers.host = "localhost"
        void listener(request, response)
      }
    )
    const refused = new WeakSet<Socket>()
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // What still comes is dropped: a reset would take the answer from a caller that is sending.
      if (refused.has(socket)) return undefined
      if (!socket.writable) return socket.destroy()
      refused.add(socket)
      const before = [...unanswered].filter(({ req }) => req.socket === socket && req.complete)
      // Bytes after a request that said `Connection: close` are none of the connection's; its answer ends it.
      if (error.code === "HPE_CLOSED_CONNECTION" && before.length > 0) return undefined
      return afterAnswers(before, () => {
        if (!socket.writable) return socket.destroy()
        const refusal = parserRefusals[error.code ?? ""] ?? malformed
        const { body, headers } = refuse(refusal)
        const head = Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("")
        const late = setTimeout(() => socket.destroy(), drainBoundMillis)
        socket.once("close", () => clearTimeout(late))
        return socket.end(`HTTP/1.1 ${refusal.status} ${refusal.code}\r\n${head}\r\n${body}`)
      })
    })
    server.on("checkContinue", (request, response) => {
      // Behind an answer that is not sent yet, Node would write it between the head and the body of its own answer.
      const go = () => {
        response.writeContinue()
        server.emit("request", request, response)
      }
      if (response.socket !== null) return go()
      track(response)
      return response.once("socket", go)
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

/** Requests that came whole before it are answered first: a client takes the first answer for that of the first. */
const afterAnswers = (responses: ReadonlyArray<ServerResponse>, then: () => unknown): void => {
  let left = responses.length
  if (left === 0) then()
  for (const response of responses) {
    response.once("close", () => {
      left -= 1
      if (left === 0) then()
    })
  }
}
