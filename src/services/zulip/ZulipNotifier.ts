/** The built-in Zulip client as a {@link Notifier}. */
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { NotifyFailed } from "../../domain/errors.ts"
import { LooperConfig, type ZulipConfig } from "../LooperConfig.ts"
import { Notifier } from "../Notifier.ts"
import { type CallResult, secretsOf, sendDeadlineMillis, type ZulipAccess, zulipCall } from "./zulipCall.ts"
import { channelTo, codePointLength, cutContent, cutTopic, directTo, neutralizeWildcards } from "./zulipMessage.ts"
import { directRecipient, findRecipient, ZulipUser } from "./zulipRecipient.ts"
import { zulipApiUrl } from "./zulipSite.ts"
import { foreignText } from "./zulipText.ts"

/** A message without its text: where it goes, and how the answer names that. */
interface Address {
  readonly fields: Readonly<Record<string, string>>
  readonly label: string
}

const refuse = (reason: string) => Effect.fail(new NotifyFailed({ reason }))

const accessOf = Effect.fnUntraced(function* (config: ZulipConfig) {
  const { site, botEmail, botApiKey } = config
  if (!site?.trim()) return yield* refuse("Missing ZULIP_SITE")
  if (!botEmail?.trim()) return yield* refuse("Missing ZULIP_BOT_EMAIL")
  if (botApiKey === undefined || !Redacted.value(botApiKey).trim()) return yield* refuse("Missing ZULIP_BOT_API_KEY")
  if (config.messageType === "stream" && !config.stream.trim()) {
    return yield* refuse("Missing ZULIP_STREAM for stream messages")
  }
  if (config.messageType === "private" && !config.to.trim()) return yield* refuse("Recipient is empty")
  const apiUrl = yield* Effect.fromResult(zulipApiUrl(site)).pipe(Effect.catch(refuse))
  const apiKey = Redacted.make(Redacted.value(botApiKey).trim())
  return { apiUrl, email: botEmail.trim(), apiKey, deadlineMillis: yield* sendDeadlineMillis } satisfies ZulipAccess
})

const bodyOf = (result: CallResult) => (result._tag === "Success" ? Effect.succeed(result.body) : refuse(result.reason))

const decodeUsers = Schema.decodeUnknownEffect(Schema.Struct({ members: Schema.Array(ZulipUser) }))

const lookUp = Effect.fnUntraced(function* (access: ZulipAccess, target: string) {
  const body = yield* Effect.flatMap(zulipCall(access, { path: "/users" }), bodyOf)
  const { members } = yield* decodeUsers(body).pipe(
    Effect.catch(() => refuse("Zulip answered GET /users without a list of users"))
  )
  return yield* Effect.fromResult(findRecipient(target, members)).pipe(Effect.catch(refuse))
})

const addressOf = Effect.fnUntraced(function* (access: ZulipAccess, config: ZulipConfig) {
  if (config.messageType === "stream") {
    const stream = config.stream.trim()
    const topic = cutTopic(config.topic)
    const fields = { type: "stream", to: channelTo(stream), topic }
    return { fields, label: `type=stream stream=${stream} topic=${topic}` } satisfies Address
  }
  const recipient = yield* Option.match(directRecipient(config.to), {
    onNone: () => lookUp(access, config.to),
    onSome: Effect.succeed
  })
  const fields = { type: "private", to: directTo(recipient) }
  return { fields, label: `type=private to=${config.to.trim()}` } satisfies Address
})

const wildcardCodes = new Set<string | undefined>([
  "STREAM_WILDCARD_MENTION_NOT_ALLOWED",
  "TOPIC_WILDCARD_MENTION_NOT_ALLOWED"
])

/** A text that the bot may not shout goes out once more, notifying nobody. */
const post = Effect.fnUntraced(function* (access: ZulipAccess, address: Address, text: string) {
  const request = (content: string) => ({
    path: "/messages",
    form: { ...address.fields, content: cutContent(content) }
  })
  const first = yield* zulipCall(access, request(text))
  const quiet = neutralizeWildcards(text)
  if (first._tag === "Success" || !wildcardCodes.has(first.code) || quiet === text) return yield* bodyOf(first)
  yield* Effect.logWarning("zulip.send.retry").pipe(Effect.annotateLogs({ reason: first.reason, delay_seconds: 0 }))
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

/**
 * Sends over the configured Zulip server.
 *
 * **Details** A redirect is not followed: it would turn the POST into a GET. No span: it would carry headers.
 */
export const layerZulip = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const { zulip } = yield* LooperConfig
    const client = yield* HttpClient.HttpClient
    const init = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.RequestInit), () => ({}))
    return Notifier.of({
      send: (message) =>
        send(zulip, message).pipe(
          Effect.tapError(logFailure),
          Effect.provideService(HttpClient.HttpClient, client),
          Effect.provideService(FetchHttpClient.RequestInit, { ...init, redirect: "manual" }),
          Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
        )
    })
  })
)
