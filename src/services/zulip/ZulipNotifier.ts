/** The built-in Zulip client as a {@link Notifier}. */
import { Effect, Layer, Schema } from "effect"
import type { NotifyFailed } from "../../domain/errors.ts"
import { foreignText } from "../delivery/foreignText.ts"
import { provideQuietly } from "../delivery/quietClient.ts"
import { LooperConfig, type ZulipConfig } from "../LooperConfig.ts"
import { Notifier } from "../Notifier.ts"
import { accessOf, refuse, secretsOf, type ZulipAccess } from "./zulipAccess.ts"
import { addressOf, bodyOf, type ZulipAddress } from "./zulipAddress.ts"
import { logRetry, zulipCall } from "./zulipCall.ts"
import { zulipClient } from "./zulipClient.ts"
import { codePointLength, cutContent, neutralizeWildcards } from "./zulipMessage.ts"

const wildcardCodes = new Set<string | undefined>([
  "STREAM_WILDCARD_MENTION_NOT_ALLOWED",
  "TOPIC_WILDCARD_MENTION_NOT_ALLOWED"
])

/** A text that the bot may not shout goes out once more, notifying nobody. */
const post = Effect.fnUntraced(function* (access: ZulipAccess, address: ZulipAddress, text: string) {
  const request = (content: string) => ({
    path: "/messages",
    form: { ...address.fields, content: cutContent(content) }
  })
  const first = yield* zulipCall(access, request(text))
  const quiet = neutralizeWildcards(text)
  if (first._tag === "Success" || !wildcardCodes.has(first.code) || quiet === text) return yield* bodyOf(first)
  yield* logRetry({ reason: first.reason, delay_seconds: 0 })
  return yield* Effect.flatMap(zulipCall(access, request(quiet)), bodyOf)
})

const decodePosted = Schema.decodeUnknownEffect(
  Schema.Struct({
    id: Schema.Int,
    ignored_parameters_unsupported: Schema.optionalKey(Schema.Array(Schema.String))
  })
)

const send = Effect.fnUntraced(function* (config: ZulipConfig, message: string) {
  yield* Effect.logInfo("zulip.send.start").pipe(Effect.annotateLogs({ message_len: codePointLength(message) }))
  const access = yield* accessOf(config)
  const address = yield* addressOf(access, config)
  const posted = yield* decodePosted(yield* post(access, address, message)).pipe(
    Effect.catch(() => refuse("Zulip answered without a message id; the message may have been delivered"))
  )
  const ignored = posted.ignored_parameters_unsupported ?? []
  if (ignored.length > 0) {
    const parameters = foreignText(ignored.join(","), secretsOf(access))
    yield* Effect.logWarning("zulip.send.ignored").pipe(Effect.annotateLogs({ parameters }))
  }
  yield* Effect.logInfo("zulip.send.done").pipe(Effect.annotateLogs({ message_id: posted.id }))
  return `OK message_id=${posted.id} ${address.label}`
})

const logFailure = (error: NotifyFailed) =>
  Effect.logWarning("zulip.send.fail").pipe(Effect.annotateLogs({ reason: error.reason }))

/** Sends over the configured Zulip server. */
export const layerZulip = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const { zulip } = yield* LooperConfig
    const provide = yield* provideQuietly(yield* zulipClient(zulip))
    return Notifier.of({ send: (message) => provide(send(zulip, message).pipe(Effect.tapError(logFailure))) })
  })
)
