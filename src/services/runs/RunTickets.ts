/** Tickets: with its own a live run may start the next one, without knowing the API token. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { Context, Effect, Layer, Redacted } from "effect"
import type { RequestId } from "../../domain/RequestId.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { RunSupervisor } from "./RunSupervisor.ts"

/** Tickets need no storage: each is made anew from the run's id and the token. */
export class RunTickets extends Context.Service<
  RunTickets,
  {
    /** `<run id>.<HMAC-SHA256 of it under the token, in hex>`; none where no token is set. */
    readonly issue: (requestId: RequestId) => string | undefined
    /** Is this the ticket of a run that has not ended? */
    readonly isValid: (ticket: string) => boolean
  }
>()("looper/services/runs/RunTickets") {
  static readonly layerNoDeps = Layer.effect(
    RunTickets,
    Effect.gen(function* () {
      const { apiToken } = yield* LooperConfig
      const supervisor = yield* RunSupervisor
      const issue = (requestId: RequestId) =>
        apiToken && `${requestId}.${createHmac("sha256", Redacted.value(apiToken)).update(requestId).digest("hex")}`
      return RunTickets.of({
        issue,
        isValid: (ticket) => {
          const requestId = ticket.split(".", 1)[0] ?? ""
          const expected = issue(requestId)
          if (expected === undefined || !isSecretEqual(ticket, expected)) return false
          return supervisor.live().some((run) => run.requestId === requestId)
        }
      })
    })
  )
}

/** Compares in a time that depends on neither text: both are hashed to one length first. */
export const isSecretEqual = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected))

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
