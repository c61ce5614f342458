/** Decides who a request comes from and what it may do. */
import { Clock, Effect, Redacted } from "effect"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { isSecretEqual, RunTickets } from "../services/runs/RunTickets.ts"
import { isLocal, shownToken } from "./access.ts"
import type { Access } from "./Handler.ts"
import { type Refusal, remoteNotAllowed, unauthorized } from "./refusals.ts"

/** A caller that was let in. */
export interface Caller {
  /** May its request choose a program to execute? */
  readonly isTrusted: boolean
}

/** After this many failed tokens in a minute, a peer's further failures wait. */
const freeFailures = 10
const windowMillis = 60_000
const penaltyMillis = 1_000
/** Peers beyond this many are forgotten, the oldest first. */
const maxPeers = 10_000

/** Lets a request in, or says why not. */
export type Authenticate = (request: {
  readonly access: Access | undefined
  readonly peer: string | undefined
  readonly headers: Headers
}) => Effect.Effect<Caller, Refusal>

/**
 * Makes the one judge of all requests; it counts failures by peer.
 *
 * **Details** A loopback peer without forwarding headers is from here. Only the token, or a peer from here where no
 * token is set, may choose a program. From the eleventh failure in a minute on a peer waits a second for each.
 *
 * **Errors** `unauthorized`, `remoteNotAllowed`: the request is not let in.
 */
export const makeAuthenticate: Effect.Effect<Authenticate, never, LooperConfig | RunTickets> = Effect.gen(function* () {
  const { apiToken, isRemoteAllowedWithoutToken } = yield* LooperConfig
  const tickets = yield* RunTickets
  const failures = new Map<string, ReadonlyArray<number>>()

  const fail = Effect.fnUntraced(function* (peer: string) {
    const now = yield* Clock.currentTimeMillis
    const recent = [...(failures.get(peer) ?? []).filter((at) => now - at < windowMillis), now].slice(-freeFailures - 1)
    failures.delete(peer)
    failures.set(peer, recent)
    const oldest = failures.keys().next().value
    if (failures.size > maxPeers && oldest !== undefined) failures.delete(oldest)
    if (recent.length > freeFailures) yield* Effect.sleep(penaltyMillis)
    yield* Effect.logWarning("http.auth.fail").pipe(Effect.annotateLogs({ remote: peer }))
    return yield* Effect.fail(unauthorized)
  })

  return ({ access, peer, headers }) => {
    if (access === "public") return letIn({ isTrusted: false })
    const isFromHere = isLocal(peer, headers)
    if (apiToken === undefined) {
      if (isFromHere) return letIn({ isTrusted: true })
      return isRemoteAllowedWithoutToken ? letIn({ isTrusted: false }) : Effect.fail(remoteNotAllowed)
    }
    if (access === "publicWithToken") return letIn({ isTrusted: false })
    const shown = shownToken(headers)
    if (shown !== undefined && isSecretEqual(shown.token, Redacted.value(apiToken))) return letIn({ isTrusted: true })
    const mayBeTicket = access === "tokenOrTicket" && isFromHere && shown?.bearer !== undefined
    if (mayBeTicket && tickets.isValid(shown.bearer)) return letIn({ isTrusted: false })
    return fail(peer ?? "")
  }
})

const letIn = (caller: Caller): Effect.Effect<Caller> => Effect.succeed(caller)
