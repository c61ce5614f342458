/** Effect's log as records of the server log. */
import { Cause, Effect, Layer, Logger, References } from "effect"
import { escapeControls } from "./domain/escapeControls.ts"
import { jsonRecord } from "./domain/jsonRecord.ts"
import { logRecord } from "./domain/logRecord.ts"
import { plainValue } from "./domain/plainValue.ts"
import { LooperConfig, type LogLevel, type LooperConfigShape } from "./services/config/LooperConfig.ts"
import { secretsOf } from "./services/config/secrets.ts"
import { ServerLog } from "./services/serverLog/ServerLog.ts"

const minimumLevels = { DEBUG: "Debug", INFO: "Info", WARNING: "Warn", ERROR: "Error", CRITICAL: "Fatal" } as const

const levelNames: Readonly<Record<string, LogLevel>> = {
  Trace: "DEBUG",
  Debug: "DEBUG",
  Info: "INFO",
  Warn: "WARNING",
  Error: "ERROR",
  Fatal: "CRITICAL"
}

/** Every configured secret by value becomes `***`. */
export const redactor = (config: LooperConfigShape): ((text: string) => string) => {
  const secrets = secretsOf(config)
  const shortest = Math.min(...secrets.map((secret) => secret.length))
  // Every field of every record passes here, and most are short.
  return (text) =>
    text.length < shortest ? text : secrets.reduce((left, secret) => left.replaceAll(secret, "***"), text)
}

/** Replaces the default logger: event and annotations go to the server log and to stdout. */
export const layerLogging = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* LooperConfig
    const serverLog = yield* ServerLog
    const redact = redactor(config)
    const recordOf =
      serverLog.format === "json" ? jsonRecordOf((text) => redact(text).toWellFormed()) : textRecordOf(redact)
    const logger = Logger.make<unknown, void>((options) => {
      const { cause, date, fiber, logLevel, message } = options
      const annotations = fiber.getRef(References.CurrentLogAnnotations)
      serverLog.record(
        recordOf({
          date,
          level: levelNames[logLevel] ?? "INFO",
          words: Array.isArray(message) ? message : [message],
          fields: cause.reasons.length === 0 ? annotations : { ...annotations, cause: Cause.pretty(cause) }
        })
      )
    })
    return Layer.merge(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, minimumLevels[config.logLevel])
    )
  })
)

/** What Effect logs. */
interface Logged {
  readonly date: Date
  readonly level: LogLevel
  readonly words: ReadonlyArray<unknown>
  readonly fields: Readonly<Record<string, unknown>>
}

type Clean = (text: string) => string

const wordOf = (word: unknown, clean: Clean): string =>
  typeof word === "string" ? clean(word) : JSON.stringify(plainValue(word, clean))

/** Several words are an event only in what is not Looper's own. */
const eventOf = (words: ReadonlyArray<unknown>, clean: Clean): string =>
  words.length === 1 ? wordOf(words[0], clean) : words.map((word) => wordOf(word, clean)).join(" ")

/** A list or an object stands as its JSON. */
const textRecordOf = (redact: Clean) => {
  const shown = (value: unknown) => {
    const plain = plainValue(value, redact)
    return typeof plain === "object" && plain !== null ? JSON.stringify(plain) : plain
  }
  return ({ date, level, words, fields }: Logged): string =>
    logRecord({ date, level, event: escapeControls(eventOf(words, redact)), fields }, shown)
}

/** Strict readers refuse a lone surrogate, also where it is escaped: `clean` leaves none. */
const jsonRecordOf =
  (clean: Clean) =>
  ({ date, level, words, fields }: Logged): string => {
    const values = Object.entries(fields).map(([key, value]) => [clean(key), plainValue(value, clean)] as const)
    return jsonRecord({ date, level, event: eventOf(words, clean), fields: Object.fromEntries(values) })
  }
