/** From the configuration to a server that can be asked. */
import { Effect, Redacted } from "effect"
import { NotifyFailed } from "../../domain/errors.ts"
import { sendDeadlineMillis } from "../delivery/guardedCall.ts"
import type { ZulipConfig } from "../config/LooperConfig.ts"
import { splitTargets } from "./zulipRecipient.ts"
import { zulipApiUrl } from "./zulipSite.ts"

/** A server, who speaks to it, and until when. */
export interface ZulipAccess {
  readonly apiUrl: string
  readonly email: string
  readonly apiKey: Redacted.Redacted<string>
  /** On the monotonic clock; no wait passes it. */
  readonly deadlineMillis: number
}

/** What must never be shown: the key, and the token that is made of it. */
export const secretsOf = (access: ZulipAccess): ReadonlyArray<string> => {
  const key = Redacted.value(access.apiKey)
  return [Buffer.from(`${access.email}:${key}`).toString("base64"), key]
}

/** Fails with `NotifyFailed` for this reason. */
export const refuse = (reason: string) => Effect.fail(new NotifyFailed({ reason }))

/** The variables of the credentials that neither the environment nor the zuliprc gives. */
export const missingCredentials = ({ site, botEmail, botApiKey }: ZulipConfig): ReadonlyArray<string> => [
  ...(site?.trim() ? [] : ["ZULIP_SITE"]),
  ...(botEmail?.trim() ? [] : ["ZULIP_BOT_EMAIL"]),
  ...(botApiKey !== undefined && Redacted.value(botApiKey).trim() ? [] : ["ZULIP_BOT_API_KEY"])
]

/**
 * Whom to ask, for the next 30 seconds.
 *
 * **Errors** `NotifyFailed`: the settings are incomplete or unusable; nobody was asked.
 */
export const accessOf = Effect.fnUntraced(function* (config: ZulipConfig) {
  const { site = "", botEmail = "", botApiKey = Redacted.make(""), problem, messageType } = config
  const [missing] = missingCredentials(config)
  if (missing !== undefined) return yield* refuse(`Missing ${missing}${problem === undefined ? "" : `; ${problem}`}`)
  if (problem !== undefined) return yield* refuse(problem)
  if (messageType === "stream" && !config.stream.trim())
    return yield* refuse("Missing ZULIP_STREAM for stream messages")
  if (messageType === "private" && splitTargets(config.to).length === 0) return yield* refuse("Recipient is empty")
  const apiUrl = yield* Effect.fromResult(zulipApiUrl(site)).pipe(Effect.catch(refuse))
  const apiKey = Redacted.make(Redacted.value(botApiKey).trim())
  return { apiUrl, email: botEmail.trim(), apiKey, deadlineMillis: yield* sendDeadlineMillis } satisfies ZulipAccess
})
