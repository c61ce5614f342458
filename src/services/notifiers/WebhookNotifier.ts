/** A notifier for incoming webhooks that take `{"text": …}`: Slack, Mattermost, Discord's `/slack` address. */
import { Effect, Layer, Option, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { withoutSent } from "../../domain/endReason.ts"
import { NotifyFailed } from "../../domain/errors.ts"
import { pageText } from "../delivery/foreignText.ts"
import { guardedCall, sendDeadlineMillis } from "../delivery/guardedCall.ts"
import { type HttpReply, isRedirect, isSuccess, judgeFailure, type Verdict } from "../delivery/httpReply.ts"
import { provideQuietly } from "../delivery/quietClient.ts"
import { userAgent } from "../delivery/userAgent.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { webhookSecrets } from "../config/secrets.ts"
import { Notifier } from "./Notifier.ts"

const decodeWait = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ retry_after: Schema.Unknown })))

const judge = (reply: HttpReply, secrets: ReadonlyArray<string>, message: string): Verdict<void> => {
  if (isSuccess(reply)) return { _tag: "Success", body: undefined }
  const said = pageText(withoutSent(reply.text, message), secrets) || "no text"
  const advice = isRedirect(reply) ? "; LOOPER_WEBHOOK_URL redirects elsewhere" : ""
  const waitInBody = Option.getOrUndefined(decodeWait(reply.text))?.retry_after
  return judgeFailure(reply, { reason: `webhook request failed (${reply.status}): ${said}${advice}`, waitInBody })
}

const logRetry = (wait: { readonly reason: string; readonly delay_seconds: number }) =>
  Effect.logWarning("webhook.send.retry").pipe(Effect.annotateLogs(wait))

const send = Effect.fnUntraced(function* (address: string, message: string) {
  yield* Effect.logInfo("webhook.send.start").pipe(Effect.annotateLogs({ message_len: Array.from(message).length }))
  const secrets = webhookSecrets(address)
  const result = yield* guardedCall({
    server: "webhook",
    request: HttpClientRequest.post(address).pipe(
      HttpClientRequest.bodyJsonUnsafe({ text: message }),
      HttpClientRequest.setHeaders({ "user-agent": userAgent, connection: "close" })
    ),
    isLookup: false,
    deadlineMillis: yield* sendDeadlineMillis,
    secrets,
    judge: (reply) => judge(reply, secrets, message),
    logRetry
  })
  if (result._tag === "Refused") return yield* new NotifyFailed({ reason: result.reason })
  yield* Effect.logInfo("webhook.send.done")
  return "OK notifier=webhook"
})

const logFailure = (error: NotifyFailed) =>
  Effect.logWarning("webhook.send.fail").pipe(Effect.annotateLogs({ reason: error.reason }))

/** Sends to `LOOPER_WEBHOOK_URL`, which contains a token and is shown nowhere. */
export const layerWebhook = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const { webhookUrl } = yield* LooperConfig
    if (webhookUrl === undefined) return yield* Effect.die(new Error("the webhook notifier has no LOOPER_WEBHOOK_URL"))
    const provide = provideQuietly(yield* HttpClient.HttpClient)
    return Notifier.of({
      announcesTo: "a webhook",
      send: (message) => provide(send(Redacted.value(webhookUrl), message).pipe(Effect.tapError(logFailure)))
    })
  })
)
