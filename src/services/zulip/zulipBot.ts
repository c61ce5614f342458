/** Who the bot is that the credentials belong to. */
import { Effect, Schema } from "effect"
import type { NotifyFailed } from "../../domain/errors.ts"
import type { ZulipAccess } from "./zulipAccess.ts"
import { zulipAsk } from "./zulipAsk.ts"

const ZulipBot = Schema.Struct({
  user_id: Schema.Int,
  full_name: Schema.String,
  bot_owner_id: Schema.optionalKey(Schema.NullOr(Schema.Int))
})

/** Asks `GET /users/me`; fails as `zulipAsk` does. */
export const askWho = (access: ZulipAccess) =>
  Effect.map(zulipAsk(access, { path: "/users/me" }, ZulipBot), ({ answer }) => answer)

/** Zulip's words, which no `code` of their own stands for; translations keep this one. */
const tellsWebhookBot = /webhook/i

/** Whether {@link askWho} failed because an incoming-webhook bot may only send. */
export const isWebhookBot = (error: NotifyFailed): boolean => tellsWebhookBot.test(error.reason)
