/** Asks a Zulip server step by step whether a message would arrive, without sending one. */
import { Effect, Result, Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { NotifyFailed } from "../../domain/errors.ts"
import { foreignText } from "../delivery/foreignText.ts"
import type { ZulipConfig } from "../config/LooperConfig.ts"
import { accessOf, secretsOf, type ZulipAccess } from "./zulipAccess.ts"
import { lookUp } from "./zulipAddress.ts"
import { zulipAsk } from "./zulipAsk.ts"
import { askWho, isWebhookBot } from "./zulipBot.ts"

/** One thing that was looked at; `text` says what that proves and what not. */
export interface ZulipCheck {
  readonly name: "settings" | "server" | "bot" | "channel" | "recipient"
  readonly outcome: "ok" | "failed" | "skipped"
  readonly text: string
}

const Settings = Schema.Struct({ zulip_version: Schema.String, zulip_feature_level: Schema.optionalKey(Schema.Int) })
const Channel = Schema.Struct({ stream_id: Schema.Int })

const checkServer = Effect.fnUntraced(function* (access: ZulipAccess) {
  const { answer: found } = yield* zulipAsk(access, { path: "/server_settings", isAnonymous: true }, Settings)
  const version = foreignText(found.zulip_version, secretsOf(access))
  const level = found.zulip_feature_level ?? "unknown"
  return `${access.apiUrl} is Zulip ${version}, feature level ${level}; proves address and TLS`
})

interface Bot {
  readonly text: string
  readonly isWebhookBot: boolean
}

const checkBot = (access: ZulipAccess): Effect.Effect<Bot, NotifyFailed, HttpClient.HttpClient> =>
  askWho(access).pipe(
    Effect.map(({ user_id, full_name }) => {
      const name = foreignText(full_name, secretsOf(access))
      return { text: `${access.email} is '${name}', id ${user_id}; proves e-mail and key`, isWebhookBot: false }
    }),
    Effect.catch((error) =>
      isWebhookBot(error)
        ? Effect.succeed({
            text: `${access.email} is an incoming-webhook bot, which may only send; proves e-mail and key`,
            isWebhookBot: true
          })
        : Effect.fail(error)
    )
  )

const checkChannel = Effect.fnUntraced(function* (access: ZulipAccess, name: string) {
  const { answer } = yield* zulipAsk(access, { path: "/get_stream_id", query: { stream: name } }, Channel)
  return `'${name}' exists, id ${answer.stream_id}; does not prove that the bot may post there`
})

const checkRecipients = Effect.fnUntraced(function* (access: ZulipAccess, targets: string) {
  const ids = yield* lookUp(access, targets)
  return ids.length === 1
    ? `'${targets}' is the active user ${ids[0]}; does not prove that the bot may write to that person`
    : `'${targets}' are the active users ${ids.join(", ")}; does not prove that the bot may write to them`
})

/** The last check, of where the message goes. */
const checkTarget = Effect.fnUntraced(function* (access: ZulipAccess, config: ZulipConfig, bot: Bot) {
  const isChannel = config.messageType === "stream"
  const name = isChannel ? "channel" : "recipient"
  if (bot.isWebhookBot) return { name, outcome: "skipped", text: "this kind of bot may not ask" } satisfies ZulipCheck
  const check = isChannel ? checkChannel(access, config.stream.trim()) : checkRecipients(access, config.to.trim())
  return outcomeOf(name, yield* Effect.result(check))
})

const outcomeOf = (name: ZulipCheck["name"], result: Result.Result<string, NotifyFailed>): ZulipCheck =>
  Result.isSuccess(result)
    ? { name, outcome: "ok", text: result.success }
    : { name, outcome: "failed", text: result.failure.reason }

/** The checks in order; after one that failed the others would prove nothing and are left out. */
export const checkZulip = Effect.fnUntraced(function* (
  config: ZulipConfig
): Effect.fn.Return<ReadonlyArray<ZulipCheck>, never, HttpClient.HttpClient> {
  const access = yield* Effect.result(accessOf(config))
  const settings = outcomeOf(
    "settings",
    Result.map(access, () => `${sourceOf(config)}; complete, proves no more`)
  )
  if (Result.isFailure(access)) return [settings]
  const server = outcomeOf("server", yield* Effect.result(checkServer(access.success)))
  if (server.outcome === "failed") return [settings, server]
  const found = yield* Effect.result(checkBot(access.success))
  const bot = outcomeOf(
    "bot",
    Result.map(found, ({ text }) => text)
  )
  if (Result.isFailure(found)) return [settings, server, bot]
  return [settings, server, bot, yield* checkTarget(access.success, config, found.success)]
})

/** Where the credentials come from. */
export const sourceOf = ({ zuliprc }: ZulipConfig): string =>
  zuliprc === undefined ? "source=env-only" : `source=zuliprc:${zuliprc.path} [${zuliprc.profile}]`
