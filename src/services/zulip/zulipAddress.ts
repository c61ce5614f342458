/** Where a message goes. */
import { Effect, Option, Schema } from "effect"
import type { ZulipConfig } from "../config/LooperConfig.ts"
import { refuse, type ZulipAccess } from "./zulipAccess.ts"
import { zulipAsk } from "./zulipAsk.ts"
import { channelTo, cutTopic, directTo } from "./zulipMessage.ts"
import { directRecipients, findRecipients, type Recipients, ZulipUser } from "./zulipRecipient.ts"

/** A condition of `GET /messages`. */
export interface NarrowTerm {
  readonly operator: string
  readonly operand: string | number | ReadonlyArray<number>
}

/** A message without its text: its form fields, how its like is found, and how the answer names where it went. */
export interface ZulipAddress {
  readonly fields: Readonly<Record<string, string>>
  readonly narrow: ReadonlyArray<NarrowTerm>
  readonly label: string
}

/** Of everybody who ever was a member, several hundred bytes each. */
const maxUsersBytes = 32 * 1024 * 1024

const Users = Schema.Struct({ members: Schema.Array(ZulipUser) })

/** The ids of the active users that the targets name, by the server's list. */
export const lookUp = Effect.fnUntraced(function* (access: ZulipAccess, targets: string) {
  const { answer } = yield* zulipAsk(access, { path: "/users", maxAnswerBytes: maxUsersBytes }, Users)
  return yield* Effect.fromResult(findRecipients(targets, answer.members)).pipe(Effect.catch(refuse))
})

/** How the configured channel or people are named in answers. */
export const labelOf = (config: ZulipConfig): string =>
  config.messageType === "stream"
    ? `type=stream stream=${config.stream.trim()} topic=${cutTopic(config.topic)}`
    : `type=private to=${config.to.trim()}`

/** The same for people. */
export const placeOf = (config: ZulipConfig): string =>
  config.messageType === "stream"
    ? `stream ${config.stream.trim()}, topic ${cutTopic(config.topic)}`
    : `private message to ${config.to.trim()}`

/** Old names of kinds and conditions: every server knows them, the newer ones only recent servers. */
const channelAddress = (config: ZulipConfig): ZulipAddress => {
  const [stream, topic] = [config.stream.trim(), cutTopic(config.topic)]
  return {
    fields: { type: "stream", to: channelTo(stream), topic },
    narrow: [
      { operator: "stream", operand: stream },
      { operator: "topic", operand: topic }
    ],
    label: labelOf(config)
  }
}

const isIds = (recipients: Recipients): recipients is ReadonlyArray<number> =>
  recipients.every((recipient) => typeof recipient === "number")

/** A direct message to these people. */
export const directAddress = (recipients: Recipients, label: string): ZulipAddress => ({
  fields: { type: "private", to: directTo(recipients) },
  narrow: [{ operator: "pm-with", operand: isIds(recipients) ? recipients : recipients.join(",") }],
  label
})

/** Asks the server only for who a name is. */
export const addressOf = Effect.fnUntraced(function* (access: ZulipAccess, config: ZulipConfig) {
  if (config.messageType === "stream") return channelAddress(config)
  const recipients = yield* Option.match(directRecipients(config.to), {
    onNone: () => lookUp(access, config.to),
    onSome: (direct) => Effect.succeed(direct)
  })
  return directAddress(recipients, labelOf(config))
})
