/** Operation: send one message. */
import { Effect, Exit } from "effect"
import { NotifyFailed } from "../src/domain/errors.ts"
import { countMessage, Metrics } from "../src/services/metrics/Metrics.ts"
import { NotifyScript } from "../src/services/notifiers/NotifyScript.ts"
import { Notifier } from "../src/services/notifiers/Notifier.ts"
import { monotonicMillis } from "../src/services/Shutdown.ts"

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
  const metrics = yield* Metrics
  const startedAt = yield* monotonicMillis
  const send =
    scriptPath === undefined ? (yield* Notifier).send(message) : (yield* NotifyScript).send({ scriptPath, message })
  return yield* send.pipe(
    Effect.timeoutOrElse({
      duration: `${boundSeconds} seconds`,
      orElse: () => Effect.fail(new NotifyFailed({ reason: `no answer within ${boundSeconds} s, it may be delivered` }))
    }),
    Effect.onExit((exit) =>
      Effect.map(monotonicMillis, (now) =>
        countMessage(metrics, { isDelivered: Exit.isSuccess(exit), tookMillis: now - startedAt })
      )
    )
  )
})
