/** Where a message goes. */
import { Effect, Option, Schema } from "effect"
import type { CallResult } from "../delivery/guardedCall.ts"
import type { ZulipConfig } from "../LooperConfig.ts"
import { refuse, type ZulipAccess } from "./zulipAccess.ts"
import { zulipCall } from "./zulipCall.ts"
import { channelTo, cutTopic, directTo } from "./zulipMessage.ts"
import { directRecipient, findRecipient, ZulipUser } from "./zulipRecipient.ts"

/** A message without its text: its form fields, and how the answer names where it went. */
export interface ZulipAddress {
  readonly fields: Readonly<Record<string, string>>
  readonly label: string
}

/** The body of a success, or the failure with the server's reason. */
export const bodyOf = <A>(result: CallResult<A>) =>
  result._tag === "Success" ? Effect.succeed(result.body) : refuse(result.reason)

const decodeUsers = Schema.decodeUnknownEffect(Schema.Struct({ members: Schema.Array(ZulipUser) }))

/** The id of the one active user that the target names, by the server's list. */
export const lookUp = Effect.fnUntraced(function* (access: ZulipAccess, target: string) {
  const body = yield* Effect.flatMap(zulipCall(access, { path: "/users" }), bodyOf)
  const { members } = yield* decodeUsers(body).pipe(
    Effect.catch(() => refuse("Zulip answered GET /users without a list of users"))
  )
  return yield* Effect.fromResult(findRecipient(target, members)).pipe(Effect.catch(refuse))
})

/** How the configured channel or person is named in answers. */
export const labelOf = (config: ZulipConfig): string =>
  config.messageType === "stream"
    ? `type=stream stream=${config.stream.trim()} topic=${cutTopic(config.topic)}`
    : `type=private to=${config.to.trim()}`

/** Asks the server only for who a name is. */
export const addressOf = Effect.fnUntraced(function* (access: ZulipAccess, config: ZulipConfig) {
  const label = labelOf(config)
  if (config.messageType === "stream") {
    const fields = { type: "stream", to: channelTo(config.stream.trim()), topic: cutTopic(config.topic) }
    return { fields, label } satisfies ZulipAddress
  }
  const recipient = yield* Option.match(directRecipient(config.to), {
    onNone: () => lookUp(access, config.to),
    onSome: Effect.succeed
  })
  return { fields: { type: "private", to: directTo(recipient) }, label } satisfies ZulipAddress
})
