/** Where Looper listens, and whom it would answer there. */
import { createServer } from "node:net"
import { Effect, Option, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { type Check, failure, type Finding, ok, warning } from "./Check.ts"
import { describeLooper, findLiveLooper, type LiveLooper } from "./liveLooper.ts"

/** Binds the address and lets it go again: the port that was bound, or the system's word for why not. */
const tryBind = (host: string, port: number): Effect.Effect<number | string> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === "object" && address !== null ? address.port : port
      server.close(() => resume(Effect.succeed(bound)))
    })
    return Effect.sync(() => server.close())
  })

const anotherPort = "set LOOPER_PORT to a free port, or end what holds it"

const refusals: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  EADDRINUSE: ["something else listens there", anotherPort],
  EADDRNOTAVAIL: ["the address is not on this machine", "set LOOPER_HOST to one of this machine's addresses"],
  EACCES: ["the port needs more rights", "set LOOPER_PORT to one over 1023"],
  ENOTFOUND: ["the host name is unknown", "set LOOPER_HOST to one of this machine's addresses"]
}

const healthBoundMillis = 2_000
const isHealth = Schema.is(Schema.Struct({ ok: Schema.Literal(true) }))

/** Does a Looper answer there? Only strangers are asked: one whose log folder this is would log the request. */
const isAnotherLooper = (host: string, port: number): Effect.Effect<boolean, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host
    const response = yield* HttpClient.execute(HttpClientRequest.get(`http://${name}:${port}/health`))
    return /^[0-9a-f]{8}$/.test(response.headers["x-request-id"] ?? "") && isHealth(yield* response.json)
  }).pipe(
    Effect.timeoutOption(healthBoundMillis),
    Effect.map(Option.getOrElse(() => false)),
    Effect.catchCause(() => Effect.succeed(false))
  )

const held = Effect.fnUntraced(function* (
  host: string,
  port: number
): Effect.fn.Return<Finding, never, LooperConfig | HttpClient.HttpClient> {
  const where = `${host}:${port}`
  const live = findLiveLooper((yield* LooperConfig).logDir)
  if (live !== undefined && portOf(live) === port) return ok(`${where} is held by ${describeLooper(live)}`)
  if (yield* isAnotherLooper(host, port)) {
    return warning(
      `${where} is held by a Looper with another log folder`,
      "run looper doctor with that Looper's variables, or set another LOOPER_PORT"
    )
  }
  return failure(`${where} cannot be bound: something else listens there`, anotherPort)
})

const portOf = ({ url }: LiveLooper): number | undefined => {
  const parsed = url === undefined ? null : URL.parse(url)
  return parsed === null ? undefined : Number(parsed.port || 80)
}

/** Really binds the configured address, and lets it go. */
export const portCheck: Check<LooperConfig> = {
  name: "port",
  reads: ["host", "port", "logDir"],
  look: Effect.gen(function* () {
    const { host, port } = yield* LooperConfig
    const bound = yield* tryBind(host, port)
    if (bound === "EADDRINUSE") return yield* held(host, port)
    if (typeof bound === "number") {
      return ok(port === 0 ? `${host} can be bound on any free port, such as ${bound}` : `${host}:${port} is free`)
    }
    const [why, remedy] = refusals[bound] ?? [bound, "set LOOPER_HOST and LOOPER_PORT to an address that can be bound"]
    return failure(`${host}:${port} cannot be bound: ${why}`, remedy)
  }).pipe(Effect.provide(FetchHttpClient.layer))
}

const isLoopback = (host: string): boolean => /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i.test(host)

/** Who may start runs. No failure: Looper starts and keeps to what is configured. */
export const accessCheck: Check<LooperConfig> = {
  name: "access",
  reads: ["host", "apiToken", "isRemoteAllowedWithoutToken"],
  look: Effect.map(LooperConfig, ({ host, apiToken, isRemoteAllowedWithoutToken }) => {
    const setToken = "set LOOPER_API_TOKEN or LOOPER_API_TOKEN_FILE"
    if (apiToken !== undefined) return ok(`${host} asks everybody for the token`)
    if (isLoopback(host)) return ok(`${host} is this machine's own, and no token is asked for`)
    if (isRemoteAllowedWithoutToken) {
      return warning(`whoever reaches ${host} can start runs: LOOPER_ALLOW_UNAUTHENTICATED_REMOTE is on`, setToken)
    }
    return warning(
      `${host} can be reached from other machines, and without a token only this one is answered`,
      `${setToken} to answer them, or LOOPER_HOST=127.0.0.1`
    )
  })
}
