/** A message that proves that the bot can send, to somebody who expects it. */
import { Effect } from "effect"
import type { ZulipConfig } from "../config/LooperConfig.ts"
import { accessOf, type ZulipAccess } from "./zulipAccess.ts"
import { directAddress } from "./zulipAddress.ts"
import { askWho, isWebhookBot } from "./zulipBot.ts"
import type { Recipients } from "./zulipRecipient.ts"
import { sendTo } from "./zulipSend.ts"

const text = "Looper can send messages as this bot. This one was sent by `send-zulip-dm.js --send-test`."

/** The bot's owner, else the bot itself; one that may only send cannot ask who owns it. */
const ownerOf = (access: ZulipAccess) =>
  askWho(access).pipe(
    Effect.map(({ bot_owner_id, user_id }): Recipients => [bot_owner_id ?? user_id]),
    Effect.catchIf(isWebhookBot, () => Effect.succeed<Recipients>([access.email]))
  )

/**
 * Sends one direct message and answers with the line about it; the configured channel or people get none.
 *
 * **Errors** `NotifyFailed`: not delivered, or delivery cannot be proved.
 */
export const sendZulipTest = Effect.fnUntraced(function* (config: ZulipConfig) {
  const access = yield* accessOf(config)
  const recipients = yield* ownerOf(access)
  const { output } = yield* sendTo(
    access,
    directAddress(recipients, `type=private to=${recipients.join(",")}`),
    text,
    0
  )
  return output
})
