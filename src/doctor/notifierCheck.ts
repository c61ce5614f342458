/** Whether messages would arrive, without sending one. */
import { Effect, Redacted } from "effect"
import { LooperConfig, type LooperConfigShape } from "../services/config/LooperConfig.ts"
import { layerNotifierClient } from "../services/delivery/nodeClient.ts"
import { provideQuietly } from "../services/delivery/quietClient.ts"
import { checkZulip, type ZulipCheck } from "../services/zulip/zulipCheck.ts"
import { zulipClient } from "../services/zulip/zulipClient.ts"
import { type Check, failure, type Finding, ok, warning } from "./Check.ts"

const remedies: Readonly<Record<ZulipCheck["name"], string>> = {
  settings: "set ZULIP_SITE, ZULIP_BOT_EMAIL and ZULIP_BOT_API_KEY, or ZULIPRC_PATH; or LOOPER_NOTIFIER=log",
  server: "correct ZULIP_SITE, or what keeps this machine from it",
  bot: "correct ZULIP_BOT_EMAIL and ZULIP_BOT_API_KEY, or the zuliprc",
  channel: "create the channel, subscribe the bot to it, or set ZULIP_STREAM",
  recipient: "correct ZULIP_TO"
}

const zulip = Effect.fnUntraced(function* (config: LooperConfigShape) {
  const provide = provideQuietly(yield* zulipClient(config.zulip))
  return judgeZulip(yield* provide(checkZulip(config.zulip)), config)
})

const judgeZulip = (checks: ReadonlyArray<ZulipCheck>, config: LooperConfigShape): Finding => {
  const failed = checks.find(({ outcome }) => outcome === "failed")
  if (failed !== undefined) {
    const { name, text } = failed
    const found = `Zulip ${name}: ${text}`
    return config.isNotifyRequired
      ? failure(found, remedies[name])
      : warning(`${found}; runs go on without (LOOPER_NOTIFY_REQUIRED=0)`, remedies[name])
  }
  const { zuliprc, isInsecure } = config.zulip
  if (zuliprc?.isReadableByOthers) {
    return warning(
      `Zulip answers; ${zuliprc.path} with the bot's key can be read by others`,
      `run chmod 600 ${zuliprc.path}`
    )
  }
  if (isInsecure) {
    return warning(
      "Zulip answers; its certificate is not checked (ZULIP_ALLOW_INSECURE)",
      "trust its certificate with ZULIP_CERT_BUNDLE instead"
    )
  }
  // What each one proves belongs to a report of its own; the settings only say where they stand.
  return ok(
    `Zulip answers: ${checks
      .slice(1)
      .map(({ text }) => text.split(";", 1)[0])
      .join(", ")}`
  )
}

/** Only looked at: a message would be seen. */
const webhook = ({ webhookUrl }: LooperConfigShape): Finding => {
  if (webhookUrl === undefined) return failure("LOOPER_WEBHOOK_URL is not set", "set it, or another LOOPER_NOTIFIER")
  const { protocol, hostname, host } = new URL(Redacted.value(webhookUrl))
  const found = `messages go to a webhook at ${host}; whether it takes them only a message shows`
  const isLocal = /^(?:127\.|\[::1\]$|localhost$)/.test(hostname)
  if (protocol === "https:" || isLocal) return ok(found)
  return warning(`${found}; they and its token travel unencrypted`, "use an https address in LOOPER_WEBHOOK_URL")
}

/** Asks the Zulip server, its 30 s included; sends nothing. */
export const notifierCheck: Check<LooperConfig> = {
  name: "notifier",
  reads: [
    "notifier",
    "webhookUrl",
    "isNotifyRequired",
    "zulipSite",
    "zulipBotEmail",
    "zulipBotApiKey",
    "zuliprcPath",
    "isZulipInsecure",
    "zulipMessageType"
  ],
  boundMillis: 35_000,
  look: Effect.gen(function* () {
    const config = yield* LooperConfig
    if (config.notifier === "log") return ok("messages go to the server log only (LOOPER_NOTIFIER=log)")
    return config.notifier === "webhook" ? webhook(config) : yield* zulip(config)
  }).pipe(Effect.scoped, Effect.provide(layerNotifierClient))
}
