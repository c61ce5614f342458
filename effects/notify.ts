/** Operation: send one message. */
import { Effect } from "effect"
import { NotifyFailed } from "../src/domain/errors.ts"
import { NotifyScript } from "../src/services/notifiers/NotifyScript.ts"
import { Notifier } from "../src/services/notifiers/Notifier.ts"

/** A message is given up after this, retries included. */
const boundSeconds = 30

/**
 * Sends one message and answers with the notifier's line about it; takes no lock.
 *
 * **Errors** `NotifyFailed`: not delivered, or delivery cannot be proved.
 */
export const notify = Effect.fn("notify")(function* (options: {
  readonly message: string
  /** A Node script to send it instead of the configured notifier. */
  readonly scriptPath?: string | undefined
}): Effect.fn.Return<string, NotifyFailed, Notifier | NotifyScript> {
  const { message, scriptPath } = options
  const send =
    scriptPath === undefined ? (yield* Notifier).send(message) : (yield* NotifyScript).send({ scriptPath, message })
  return yield* send.pipe(
    Effect.timeoutOrElse({
      duration: `${boundSeconds} seconds`,
      orElse: () => Effect.fail(new NotifyFailed({ reason: `no answer within ${boundSeconds} s, it may be delivered` }))
    })
  )
})
