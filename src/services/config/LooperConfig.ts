/** The one decoded configuration: from the environment over an optional `.env` file in the root. */
import { existsSync } from "node:fs"
import * as path from "node:path"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { configTable, readText } from "./configTable.ts"
import { ConfigInvalid, readAll, type Variable } from "./configValue.ts"
import { type ZulipCredentials, zulipCredentials } from "../zulip/zulipCredentials.ts"

/** Where and as whom the built-in Zulip client sends; missing credentials fail at the call, not at start. */
export interface ZulipConfig extends ZulipCredentials {
  readonly messageType: "stream" | "private"
  readonly stream: string
  readonly topic: string
  readonly to: string
}

/** The default prompt, or the file it is read from at each start. */
export type DefaultPrompt = { readonly text: string } | { readonly file: string }

type Values = ReturnType<typeof configTable>

/** The configuration: the table's values, and what is made of several of them. */
export interface LooperConfigShape
  extends Omit<
    { readonly [Key in keyof Values]: Values[Key] extends Variable<infer A> ? A : never },
    `zulip${string}` | "isZulipInsecure" | `defaultPrompt${string}`
  > {
  /** Looper's folder, absolute; relative paths mean below it. */
  readonly root: string
  /** Looper's process environment, without what `.env` adds. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly defaultPrompt: DefaultPrompt
  readonly zulip: ZulipConfig
}

/** The least level of records in the server log. */
export type LogLevel = LooperConfigShape["logLevel"]

/** The default prompt where none is configured. */
export const builtInPrompt = [
  "Continue the current task of this repository.",
  "Read its notes first. Finish one step, check it, and record what you did and what is left."
].join(" ")

/** The configuration, decoded once at start and never changed. */
export class LooperConfig extends Context.Service<LooperConfig, LooperConfigShape>()(
  "looper/services/config/LooperConfig"
) {
  /**
   * Decodes the configuration once.
   *
   * **Errors** `ConfigInvalid`: names the variable, its value (never a secret) and what is allowed.
   */
  static readonly layer = (source: ConfigSource): Layer.Layer<LooperConfig, ConfigInvalid> =>
    Layer.effect(LooperConfig, decodeConfig(source))
}

/** Where the configuration comes from: Looper's folder, which may hold a `.env` file, and its process environment. */
export interface ConfigSource {
  readonly root: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Decodes the configuration; variables in `leftOut` (`.env` stands for the file) count as unset.
 *
 * **Errors** `ConfigInvalid`: the first variable that is not as it must be.
 */
export const decodeConfig = (
  source: ConfigSource,
  leftOut: Pick<ReadonlySet<string>, "has"> = new Set()
): Effect.Effect<LooperConfigShape, ConfigInvalid> =>
  Effect.flatMap(provider(source, leftOut), (from) =>
    decode(source).pipe(Effect.provideService(ConfigProvider.ConfigProvider, from))
  )

const provider = (
  source: ConfigSource,
  leftOut: Pick<ReadonlySet<string>, "has">
): Effect.Effect<ConfigProvider.ConfigProvider, ConfigInvalid> =>
  Effect.gen(function* () {
    const file = path.join(source.root, ".env")
    const text = readText(file)
    // Its token may be what keeps strangers out: without it Looper must not start.
    if (text === undefined && existsSync(file) && !leftOut.has(".env")) {
      return yield* new ConfigInvalid({ variable: ".env", value: file, allowed: "a readable file, or none" })
    }
    const fallback = ConfigProvider.fromDotEnvContents(text ?? "")
    // Both count an empty variable as unset.
    const both = ConfigProvider.orElse(ConfigProvider.fromEnvRecord(source.environment), fallback)
    return ConfigProvider.make((names) => (leftOut.has(names.join("_")) ? Effect.undefined : both.load(names)))
  })

const decode = Effect.fnUntraced(function* (source: ConfigSource) {
  const { defaultPromptText, defaultPromptFile, ...values } = yield* readAll(configTable(source.root))
  if (defaultPromptText !== undefined && defaultPromptFile !== undefined) {
    return yield* new ConfigInvalid({
      variable: "LOOPER_DEFAULT_PROMPT_FILE",
      value: defaultPromptFile,
      allowed: "unset beside LOOPER_DEFAULT_PROMPT"
    })
  }
  const { zulipMessageType, zulipStream, zulipTopic, zulipTo, ...others } = values
  const { zulipSite, zulipBotEmail, zulipBotApiKey, zuliprcPath, zulipProfile, ...more } = others
  const { zulipCertBundle, zulipCert, zulipCertKey, isZulipInsecure, ...rest } = more
  if (rest.notifier === "webhook" && rest.webhookUrl === undefined) {
    return yield* new ConfigInvalid({
      variable: "LOOPER_WEBHOOK_URL",
      value: undefined,
      allowed: "a URL beside LOOPER_NOTIFIER=webhook; it is unset"
    })
  }
  const config: LooperConfigShape = {
    ...source,
    ...rest,
    defaultPrompt:
      defaultPromptFile === undefined ? { text: defaultPromptText ?? builtInPrompt } : { file: defaultPromptFile },
    zulip: {
      ...zulipCredentials({
        root: source.root,
        site: zulipSite,
        botEmail: zulipBotEmail,
        botApiKey: zulipBotApiKey,
        zuliprcPath,
        profile: zulipProfile,
        certBundlePath: zulipCertBundle,
        certPath: zulipCert,
        certKeyPath: zulipCertKey,
        isInsecure: isZulipInsecure
      }),
      messageType: zulipMessageType,
      stream: zulipStream,
      topic: zulipTopic,
      to: zulipTo
    }
  }
  return config
})
