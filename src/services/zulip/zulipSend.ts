/** One message to one place. */
import { Effect, Schema } from "effect"
import { foreignText } from "../delivery/foreignText.ts"
import { refuse, secretsOf, type ZulipAccess } from "./zulipAccess.ts"
import type { ZulipAddress } from "./zulipAddress.ts"
import { successOf } from "./zulipAsk.ts"
import { logRetry, zulipCall, type ZulipRequest } from "./zulipCall.ts"
import { findSent } from "./zulipFind.ts"
import { cutContent, neutralizeWildcards } from "./zulipMessage.ts"

const wildcardCodes = new Set<string | undefined>([
  "STREAM_WILDCARD_MENTION_NOT_ALLOWED",
  "TOPIC_WILDCARD_MENTION_NOT_ALLOWED"
])

/** A text that the bot may not shout goes out once more, notifying nobody. */
const post = Effect.fnUntraced(function* (access: ZulipAccess, address: ZulipAddress, text: string, afterId: number) {
  const request = (whole: string): ZulipRequest => {
    const content = cutContent(whole)
    return {
      path: "/messages",
      form: { ...address.fields, content },
      settle: (doubt) => findSent(access, { narrow: address.narrow, content, afterId }, doubt)
    }
  }
  const first = yield* zulipCall(access, request(text))
  const quiet = neutralizeWildcards(text)
  if (first._tag === "Success" || !wildcardCodes.has(first.code) || quiet === text) return yield* successOf(first)
  yield* logRetry({ reason: first.reason, delay_seconds: 0 })
  return yield* Effect.flatMap(zulipCall(access, request(quiet)), successOf)
})

const decodePosted = Schema.decodeUnknownEffect(
  Schema.Struct({
    id: Schema.Int,
    ignored_parameters_unsupported: Schema.optionalKey(Schema.Array(Schema.String))
  })
)

/**
 * Sends the text and answers with the message's id and one line about it.
 *
 * **Details** `afterId` is the newest id that is known to be older; where none is, 0.
 *
 * **Errors** `NotifyFailed`: not delivered, or delivery cannot be proved.
 */
export const sendTo = Effect.fnUntraced(function* (
  access: ZulipAccess,
  address: ZulipAddress,
  message: string,
  afterId: number
) {
  const { fields } = yield* post(access, address, message, afterId)
  const posted = yield* decodePosted(fields).pipe(
    Effect.catch(() => refuse("Zulip answered without a message id; the message may have been delivered"))
  )
  const ignored = posted.ignored_parameters_unsupported ?? []
  if (ignored.length > 0) {
    const parameters = foreignText(ignored.join(","), secretsOf(access))
    yield* Effect.logWarning("zulip.send.ignored").pipe(Effect.annotateLogs({ parameters }))
  }
  yield* Effect.logInfo("zulip.send.done").pipe(Effect.annotateLogs({ message_id: posted.id }))
  return { id: posted.id, output: `OK message_id=${posted.id} ${address.label}` }
})
