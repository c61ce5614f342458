/** A loopback Zulip server: records what it is sent, behaves like the real one or as it is told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { TLSSocket } from "node:tls"
import { Context, Effect, Layer } from "effect"
import {
  success,
  type ZulipAnswer,
  type ZulipServerReply,
  type ZulipServerRequest,
  zulipReplies
} from "./zulipReplies.ts"
import type { ZulipServerScript } from "./zulipReplies.ts"
import { historyAnswer } from "./zulipHistory.ts"
import {
  asOldAs,
  authenticate,
  botId,
  draftOf,
  ignoredParameters,
  readAnswer,
  refuseWebhookBot,
  type ZulipRealm,
  type ZulipServerMessage
} from "./zulipRules.ts"

/** A message that is there from the beginning; ids are given in order. */
export type ZulipEarlierMessage = Pick<
  ZulipServerMessage,
  "type" | "to" | "topic" | "content" | "senderId" | "timestamp"
>

/** Who lives on the server; without a list of channels or users it accepts any. */
export interface ZulipServerOptions extends Partial<ZulipRealm> {
  /** Default: any free one. */
  readonly port?: number
  /** PEM texts, for https on 127.0.0.1; default: plain http. */
  readonly tls?: {
    readonly key: string
    readonly cert: string
    /** Who must have signed the certificate that a client then has to show. */
    readonly clientAuthority?: string
  }
  /** The server's clock, of `Date` headers and of messages; default: the real one. */
  readonly now?: () => number
  readonly earlierMessages?: ReadonlyArray<ZulipEarlierMessage>
}

/** A running server: how to reach it, what it got, and what it is to answer next. */
export interface ZulipServerShape {
  /** The site to configure. */
  readonly url: string
  readonly port: number
  /** The bot's credentials. */
  readonly email: string
  readonly apiKey: string
  /** The messages stored, oldest first. */
  readonly messages: ReadonlyArray<ZulipServerMessage>
  /** Every request that arrived whole, oldest first. */
  readonly requests: ReadonlyArray<ZulipServerRequest>
  /** Scripts the next requests, one each; after the last the server behaves. */
  readonly reply: (...next: ReadonlyArray<ZulipServerScript>) => void
  /** Waits until so many requests have arrived. */
  readonly received: (count: number) => Effect.Effect<void>
}

const isAnswer = (value: string | object): value is ZulipAnswer => typeof value === "object" && "status" in value

const parseRequest = (request: IncomingMessage, body: string): ZulipServerRequest => {
  const url = new URL(request.url ?? "/", "http://127.0.0.1")
  return {
    method: request.method ?? "",
    path: url.pathname.replace(/^\/api\/v1(?=\/)/, ""),
    query: Object.fromEntries(url.searchParams),
    form: Object.fromEntries(new URLSearchParams(body)),
    headers: request.headers
  }
}

/** What the server knows; no connection. */
const makeState = (realm: ZulipRealm, now: () => number, earlier: ReadonlyArray<ZulipEarlierMessage>) => {
  const messages: Array<ZulipServerMessage> = earlier.map((message, index) =>
    Object.assign({ id: index + 1, authUser: "", headers: {} }, message)
  )
  const requests: Array<ZulipServerRequest> = []
  const scripts: Array<ZulipServerScript> = []
  const waiters = new Set<() => void>()

  const act = (request: ZulipServerRequest, fields: Readonly<Record<string, unknown>>): ZulipAnswer => {
    if (request.method === "GET" && request.path === "/server_settings") return readAnswer(realm, request, "", fields)
    const user = authenticate(realm, request.headers.authorization)
    if (isAnswer(user)) return user
    if (request.path !== "/messages" || request.method !== "POST") {
      const refusal = refuseWebhookBot(realm)
      if (refusal !== undefined) return refusal
      return request.path === "/messages"
        ? historyAnswer(realm, request, messages, fields)
        : readAnswer(realm, request, user, fields)
    }
    const draft = draftOf(realm, request.form)
    if (isAnswer(draft)) return draft
    const id = messages.length + 1
    const timestamp = Math.floor(now() / 1000)
    messages.push({ ...draft, id, senderId: botId, timestamp, authUser: user, headers: request.headers })
    return success({ id, ...ignoredParameters(realm, request.form), ...fields })
  }

  const behave: typeof act = (request, fields) => {
    const answer = act(request, fields)
    return answer.status === 200 ? answer : asOldAs(realm, answer)
  }

  const record = (request: ZulipServerRequest): ZulipServerReply => {
    requests.push(request)
    for (const waiter of waiters) waiter()
    const script = scripts.shift() ?? zulipReplies.ok()
    return typeof script === "function" ? script(request) : script
  }

  const received = (count: number) =>
    Effect.callback<void>((resume) => {
      const check = () => {
        if (requests.length < count) return
        waiters.delete(check)
        resume(Effect.void)
      }
      waiters.add(check)
      check()
      return Effect.sync(() => waiters.delete(check))
    })

  const reply = (...next: ReadonlyArray<ZulipServerScript>) => void scripts.push(...next)
  return { messages, requests, behave, record, received, reply, now }
}

type State = ReturnType<typeof makeState>

const writeHead = (response: ServerResponse, answer: ZulipAnswer): void => {
  response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.body) })
}

const write = (response: ServerResponse, answer: ZulipAnswer): void => {
  writeHead(response, answer)
  response.end(answer.body)
}

/** Everything but the second half of the body. */
const writeHalf = (response: ServerResponse, answer: ZulipAnswer, then: () => void): void => {
  writeHead(response, answer)
  response.write(answer.body.slice(0, answer.body.length / 2), then)
}

/** With a reset; under TLS, where there is none, by a bare close. */
const breakOff = ({ socket }: ServerResponse): void => {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket?.resetAndDestroy()
}

const respond = (state: State, request: ZulipServerRequest, response: ServerResponse): void => {
  response.setHeader("date", new Date(state.now()).toUTCString())
  const reply = state.record(request)
  if (reply._tag === "Answer") return write(response, reply.answer)
  if (reply._tag === "Reset" && reply.at === "beforeHeaders") return void breakOff(response)
  const answer = state.behave(request, reply._tag === "Behave" ? reply.fields : {})
  if (reply._tag === "Behave") return write(response, answer)
  if (reply._tag === "Override") return write(response, reply.answer)
  if (reply._tag === "SlowBody") return writeHalf(response, answer, () => {})
  if (reply._tag === "SlowHeaders") return
  if (reply.at === "afterStoring") return void breakOff(response)
  return writeHalf(response, answer, () => response.socket?.destroy())
}

const tlsOptions = ({ key, cert, clientAuthority }: NonNullable<ZulipServerOptions["tls"]>) =>
  clientAuthority === undefined
    ? { key, cert }
    : { key, cert, ca: clientAuthority, requestCert: true, rejectUnauthorized: true }

const listen = (state: State, port: number, tls: ZulipServerOptions["tls"]) =>
  Effect.callback<Server>((resume) => {
    const server = tls === undefined ? createServer() : createTlsServer(tlsOptions(tls))
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => respond(state, parseRequest(request, Buffer.concat(chunks).toString()), response))
    })
    server.once("error", (cause) => resume(Effect.die(cause)))
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** A Zulip server of the test kit; nothing of it outlives its scope. */
export class ZulipServer extends Context.Service<ZulipServer, ZulipServerShape>()("looper/testing/ZulipServer") {
  static readonly make = Effect.fnUntraced(function* (options: ZulipServerOptions = {}) {
    const { email = "looper-bot@example.com", apiKey = "loopback-key", users, channels } = options
    const { mayMentionAll = true, isWebhookBot = false, featureLevel = 400, botOwnerId = null } = options
    const realm = { email, apiKey, users, channels, mayMentionAll, isWebhookBot, featureLevel, botOwnerId }
    const state = makeState(realm, options.now ?? Date.now, options.earlierMessages ?? [])
    const server = yield* Effect.acquireRelease(listen(state, options.port ?? 0, options.tls), close)
    const { port } = server.address() as AddressInfo
    const { messages, requests, reply, received } = state
    const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`
    return ZulipServer.of({ url, port, email, apiKey, messages, requests, reply, received })
  })

  static readonly layer = (options?: ZulipServerOptions) => Layer.effect(ZulipServer, ZulipServer.make(options))
}
