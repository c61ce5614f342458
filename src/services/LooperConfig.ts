/** The one decoded configuration: from the environment over an optional `.env` file in the root. */
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import * as path from "node:path"
import { ConfigProvider, Context, Effect, Layer, Option, type Redacted } from "effect"
import { promptProblem } from "../domain/prompt.ts"
import { secondsFromText } from "../domain/seconds.ts"
import { splitWords } from "../domain/shellWords.ts"
import {
  anyText,
  ConfigInvalid,
  flag,
  integer,
  type Kind,
  list,
  oneOf,
  optional,
  secret,
  text,
  withDefault
} from "./configValue.ts"

/** Where and as whom the built-in Zulip client sends; missing credentials fail at the call, not at start. */
export interface ZulipConfig {
  readonly site: string | undefined
  readonly botEmail: string | undefined
  readonly botApiKey: Redacted.Redacted<string> | undefined
  readonly messageType: "stream" | "private"
  readonly stream: string
  readonly topic: string
  readonly to: string
}

/** The default prompt, or the file it is read from at each start. */
export type DefaultPrompt = { readonly text: string } | { readonly file: string }

/** Which `codex exec` processes are targets: every one, those of the same workspace, or Looper's own. */
export type KillScope = "all" | "workspace" | "own"

export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL"

export interface LooperConfigShape {
  /** Looper's folder, absolute; relative paths mean below it. */
  readonly root: string
  /** Looper's process environment, without what `.env` adds. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly host: string
  readonly port: number
  readonly logLevel: LogLevel
  readonly serverLogPath: string
  readonly logDir: string
  readonly codexBinary: string | undefined
  readonly extraArguments: ReadonlyArray<string>
  readonly delaySeconds: number
  readonly startupCheckSeconds: number
  readonly defaultWorkspace: string
  readonly defaultPrompt: DefaultPrompt
  readonly minFreeBytes: number
  readonly killScope: KillScope
  readonly notifier: "zulip" | "log"
  readonly isNotifyRequired: boolean
  readonly zulip: ZulipConfig
  readonly isAutopollOn: boolean
  readonly idlePollSeconds: number
  readonly idleLogStaleSeconds: number
  readonly apiToken: Redacted.Redacted<string> | undefined
  readonly allowedHosts: ReadonlyArray<string>
  readonly isRemoteAllowedWithoutToken: boolean
  readonly shutdownGraceSeconds: number
}

const builtInPrompt = [
  "Continue the current task of this repository.",
  "Read its notes first. Finish one step, check it, and record what you did and what is left."
].join(" ")

/** An absolute path: `~` is the home folder, anything relative lies below `root`. */
export const absolutePath = (root: string, text: string): string => {
  const isHome = text === "~" || text.startsWith("~/")
  return path.resolve(root, isHome ? path.join(homedir(), text.slice(1)) : text)
}

const seconds = (options: { readonly maximum: number; readonly isZeroAllowed: boolean }): Kind<number> => ({
  allowed: `a number ${options.isZeroAllowed ? "from" : "over"} 0 to ${options.maximum}`,
  decode: (value) => {
    const number = secondsFromText(value)
    if (number === undefined || number > options.maximum) return undefined
    return number > 0 || (options.isZeroAllowed && number === 0) ? number : undefined
  }
})

const words: Kind<ReadonlyArray<string>> = {
  allowed: "shell-quoted words with every quote closed, without NUL",
  decode: (value) => (value.includes("\0") ? undefined : Option.getOrUndefined(splitWords(value)))
}

const logLevel: Kind<LogLevel> = {
  allowed: "DEBUG, INFO, WARNING, ERROR or CRITICAL",
  decode: (value) => oneOf("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL").decode(value.trim().toUpperCase())
}

export class LooperConfig extends Context.Service<LooperConfig, LooperConfigShape>()("looper/services/LooperConfig") {
  /**
   * Decodes the configuration once.
   *
   * **Errors** `ConfigInvalid`: names the variable, its value (never a secret) and what is allowed.
   */
  static readonly layer = (source: {
    readonly root: string
    readonly environment: Readonly<Record<string, string | undefined>>
  }): Layer.Layer<LooperConfig, ConfigInvalid> =>
    Layer.effect(
      LooperConfig,
      Effect.flatMap(provider(source), (from) =>
        decode(source).pipe(Effect.provideService(ConfigProvider.ConfigProvider, from))
      )
    )
}

const provider = (source: {
  readonly root: string
  readonly environment: Readonly<Record<string, string | undefined>>
}): Effect.Effect<ConfigProvider.ConfigProvider, ConfigInvalid> =>
  Effect.gen(function* () {
    const set = Object.entries(source.environment).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "")
    const file = path.join(source.root, ".env")
    const text = readText(file)
    // Its token may be what keeps strangers out: without it Looper must not start.
    if (text === undefined && existsSync(file)) {
      return yield* new ConfigInvalid({ variable: ".env", value: file, allowed: "a readable file, or none" })
    }
    const fallback = ConfigProvider.fromDotEnvContents(text ?? "")
    return ConfigProvider.orElse(ConfigProvider.fromEnvRecord(Object.fromEntries(set)), fallback)
  })

const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const decode = Effect.fnUntraced(function* (source: {
  readonly root: string
  readonly environment: Readonly<Record<string, string | undefined>>
}) {
  const { root } = source
  const file: Kind<string> = { allowed: "a path", decode: (value) => absolutePath(root, value) }
  const readSecret = (name: string) => readText(absolutePath(root, name))
  const config: LooperConfigShape = {
    root,
    environment: source.environment,
    host: yield* withDefault(anyText, "0.0.0.0", "LOOPER_HOST"),
    port: yield* withDefault(integer(0, 65_535), 3456, "LOOPER_PORT"),
    logLevel: yield* withDefault(logLevel, "DEBUG", "LOOPER_LOG_LEVEL"),
    serverLogPath: yield* withDefault(file, path.join(root, "logs/looper-server.log"), "LOOPER_SERVER_LOG_PATH"),
    logDir: yield* withDefault(file, path.join(root, "logs"), "CODEX_EXEC_LOG_DIR"),
    codexBinary: yield* optional(anyText, "CODEX_EXEC_BINARY"),
    extraArguments: yield* withDefault(words, [], "CODEX_EXEC_EXTRA_ARGS"),
    delaySeconds: yield* withDefault(
      seconds({ maximum: 86_400, isZeroAllowed: true }),
      1,
      "CODEX_EXEC_DELAY_SECONDS",
      "PROMPT_SEND_DELAY_SECONDS"
    ),
    startupCheckSeconds: yield* withDefault(
      seconds({ maximum: 3_600, isZeroAllowed: true }),
      1,
      "CODEX_EXEC_STARTUP_CHECK_SECONDS"
    ),
    defaultWorkspace: yield* withDefault(
      anyText,
      "/home/bepis/Documents/verifycad/VerusCAD/",
      "LOOPER_DEFAULT_WORKSPACE"
    ),
    defaultPrompt: yield* defaultPrompt(root),
    minFreeBytes: yield* withDefault(integer(0, Number.MAX_SAFE_INTEGER), 64 * 1024 * 1024, "LOOPER_MIN_FREE_BYTES"),
    killScope: yield* withDefault(oneOf("all", "workspace", "own"), "all", "CODEX_EXEC_KILL_SCOPE"),
    notifier: yield* withDefault(oneOf("zulip", "log"), "zulip", "LOOPER_NOTIFIER"),
    isNotifyRequired: yield* withDefault(flag, true, "LOOPER_NOTIFY_REQUIRED"),
    zulip: {
      site: yield* optional(anyText, "ZULIP_SITE"),
      botEmail: yield* optional(anyText, "ZULIP_BOT_EMAIL", "ZULIP_EMAIL"),
      botApiKey: yield* secret(readSecret, "ZULIP_BOT_API_KEY", "ZULIP_API_KEY"),
      messageType: yield* withDefault(oneOf("stream", "private"), "stream", "ZULIP_MESSAGE_TYPE"),
      stream: yield* withDefault(anyText, "coding", "ZULIP_STREAM"),
      topic: yield* withDefault(anyText, "verified-cad", "ZULIP_TOPIC"),
      to: yield* withDefault(anyText, "8-Tessa", "ZULIP_TO")
    },
    isAutopollOn: yield* withDefault(flag, true, "LOOPER_AUTO_START_WHEN_IDLE"),
    idlePollSeconds: yield* withDefault(
      seconds({ maximum: 86_400, isZeroAllowed: false }),
      300,
      "LOOPER_IDLE_POLL_SECONDS"
    ),
    idleLogStaleSeconds: yield* withDefault(
      seconds({ maximum: Number.MAX_SAFE_INTEGER, isZeroAllowed: true }),
      0,
      "LOOPER_IDLE_LOG_STALE_SECONDS"
    ),
    apiToken: yield* secret(readSecret, "LOOPER_API_TOKEN"),
    allowedHosts: yield* withDefault(list, [], "LOOPER_ALLOWED_HOSTS"),
    isRemoteAllowedWithoutToken: yield* withDefault(flag, false, "LOOPER_ALLOW_UNAUTHENTICATED_REMOTE"),
    shutdownGraceSeconds: yield* withDefault(
      seconds({ maximum: 3_600, isZeroAllowed: false }),
      10,
      "LOOPER_SHUTDOWN_GRACE_SECONDS"
    )
  }
  return config
})

const defaultPrompt = Effect.fnUntraced(function* (root: string) {
  const direct = yield* text("LOOPER_DEFAULT_PROMPT")
  const file = yield* text("LOOPER_DEFAULT_PROMPT_FILE")
  if (direct !== undefined && file !== undefined) {
    return yield* new ConfigInvalid({
      variable: "LOOPER_DEFAULT_PROMPT_FILE",
      value: file.value,
      allowed: "unset beside LOOPER_DEFAULT_PROMPT"
    })
  }
  if (file !== undefined) return { file: absolutePath(root, file.value) }
  const problem = direct && promptProblem(direct.value.trim())
  if (direct !== undefined && problem !== undefined) {
    return yield* new ConfigInvalid({
      variable: direct.name,
      value: direct.value.slice(0, 80),
      allowed: `a prompt that ${problem}`
    })
  }
  return { text: direct?.value ?? builtInPrompt }
})
