/** Where a run's message goes. */
import { Context, type Effect } from "effect"
import type { NotifyFailed } from "../../domain/errors.ts"

/** The configured notifier: Zulip, a webhook or the log. */
export class Notifier extends Context.Service<
  Notifier,
  {
    /**
     * Sends one message and answers with one line about it, such as `OK message_id=7 type=stream …`.
     *
     * **Errors** `NotifyFailed`: not delivered, or delivery cannot be proved; with `retryAfterSeconds` or
     * `mayBeDelivered` a notice of `LOOPER_NOTIFY_ON` is tried again.
     */
    readonly send: (message: string) => Effect.Effect<string, NotifyFailed>
    /** Where that is, for people: `stream coding, topic verified-cad`; no secret, no address of a webhook. */
    readonly announcesTo?: string
  }
>()("looper/services/notifiers/Notifier") {}
