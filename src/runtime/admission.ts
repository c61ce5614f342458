/** Lets a request in before its route and its body are looked at: shutdown, Host and Origin, peer and token. */
import { hostname } from "node:os"
import { Effect } from "effect"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { Shutdown } from "../services/Shutdown.ts"
import { type Caller, makeAuthenticate } from "./Authentication.ts"
import { hostRefusal, originRefusal } from "./access.ts"
import type { Access } from "./Handler.ts"
import { type Refusal, shuttingDown } from "./refusals.ts"

/** What is judged of a request. */
interface Asked {
  readonly headers: Headers
  /**
   * Host and port of a target in absolute form, which RFC 9112 puts above Host (section 3.2.2); of any other the
   * listener's own, or `undefined`.
   */
  readonly targetHost: string | undefined
  readonly peer: string | undefined
  readonly access: Access | undefined
}

/** Makes the one judge of all requests. */
export const makeAdmit = Effect.gen(function* () {
  const { allowedHosts } = yield* LooperConfig
  const shutdown = yield* Shutdown
  const authenticate = yield* makeAuthenticate
  const hostName = hostname()

  /** The Host that was found allowed last: most requests name the same one. */
  let latestHost: string | null | undefined
  const refusalOf = (host: string | null): Refusal | undefined => {
    if (host === latestHost) return undefined
    const refused = hostRefusal({ host, hostName, allowedHosts })
    if (refused === undefined) latestHost = host
    return refused
  }

  return (asked: Asked): Effect.Effect<Caller, Refusal> => {
    if (shutdown.times() !== undefined) return Effect.fail(shuttingDown(shutdown.notice()))
    const { headers, targetHost } = asked
    const host = headers.get("host")
    const refused =
      refusalOf(host) ??
      (targetHost === undefined ? undefined : hostRefusal({ host: targetHost, hostName, allowedHosts })) ??
      originRefusal({ origin: headers.get("origin"), host, allowedHosts })
    return refused === undefined ? authenticate(asked) : Effect.fail(refused)
  }
})
