/** HTTP over node:http: a connection for each request, bounded until it stands. fetch takes twice the time and memory. */
import { Agent, type AgentOptions, type ClientRequestArgs, globalAgent } from "node:http"
import { Agent as TlsAgent, type AgentOptions as TlsAgentOptions } from "node:https"
import type { Duplex } from "node:stream"
import type { Socket } from "node:net"
import { HttpAgent, makeNodeHttp } from "@effect/platform-node/NodeHttpClient"
import { Effect, Layer } from "effect"
import { HttpClient } from "effect/http"

type OnSocket = (error: Error | null, stream: Duplex) => void

/** How long a peer may be silent before the system asks it whether it still lives, in milliseconds. */
const keepAliveMillis = 30_000

/** What a connection that takes too long is destroyed with. */
export class ConnectTimeout extends Error {
  readonly code = "ERR_CONNECT_TIMEOUT"
  readonly syscall = "connect"
}

/** Neither Node nor a system's minutes of SYN packets bound a connection attempt usefully. */
const bound = <S extends Duplex | null | undefined>(socket: S, event: string, millis: number): S => {
  if (socket === null || socket === undefined) return socket
  const timer = setTimeout(() => socket.destroy(new ConnectTimeout(`no connection within ${millis / 1000} s`)), millis)
  const stop = () => clearTimeout(timer)
  socket.once(event, stop).once("close", stop)
  const { setKeepAlive } = socket as Partial<Socket>
  setKeepAlive?.call(socket, true, keepAliveMillis)
  return socket
}

class BoundAgent extends Agent {
  readonly #millis: number
  constructor(millis: number, options?: AgentOptions) {
    super(options)
    this.#millis = millis
  }
  override createConnection(options: ClientRequestArgs, callback?: OnSocket) {
    return bound(super.createConnection(options, callback), "connect", this.#millis)
  }
}

/** A class that is not there before it is asked for: most connections need no TLS, which takes long to load. */
const makeBoundTlsAgent = (millis: number, options?: TlsAgentOptions) =>
  new (class extends TlsAgent {
    override createConnection(given: ClientRequestArgs, callback?: OnSocket) {
      return bound(super.createConnection(given, callback), "secureConnect", millis)
    }
  })(options)

/**
 * A client that waits for an answer as long as it takes, and follows no redirect.
 *
 * **Details** A connection that was kept could be closed by the server just when a request goes out on it; so none is
 * kept.
 */
export const makeNodeClient = (connectMillis: number, options?: TlsAgentOptions) => {
  let https: TlsAgent | undefined
  return Effect.provideService(makeNodeHttp, HttpAgent, {
    http: new BoundAgent(connectMillis, options),
    get https() {
      return (https ??= makeBoundTlsAgent(connectMillis, options))
    }
  })
}

/** Less than one request may take: what is given up by then was provably not sent. */
const connectMillis = 10_000

/** A client for notifiers, over the proxies that Node was told of (`NODE_USE_ENV_PROXY`). */
export const makeNotifierClient = (tls?: TlsAgentOptions) => {
  const { proxyEnv } = (globalAgent as Agent & { readonly options: AgentOptions }).options
  return makeNodeClient(connectMillis, { ...tls, proxyEnv })
}

/** Trusts whom Node trusts. */
export const layerNotifierClient = Layer.effect(HttpClient.HttpClient, makeNotifierClient())
