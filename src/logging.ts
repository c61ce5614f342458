/** Effect's log as records of the server log. */
import { Cause, Effect, Layer, Logger, Redacted, References } from "effect"
import { logRecord } from "./domain/logRecord.ts"
import { escapeControls } from "./domain/escapeControls.ts"
import { LooperConfig, type LogLevel, type LooperConfigShape } from "./services/config/LooperConfig.ts"
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
  const secrets = [config.apiToken, config.zulip.botApiKey, config.webhookUrl]
    .filter((secret) => secret !== undefined)
    .map((secret) => Redacted.value(secret).trim())
    .filter(Boolean)
  return (text) => secrets.reduce((left, secret) => left.replaceAll(secret, "***"), text)
}

/** Replaces the default logger: event and annotations go to the server log and to stdout. */
export const layerLogging = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* LooperConfig
    const serverLog = yield* ServerLog
    const redact = redactor(config)
    const logger = Logger.make<unknown, void>((options) => {
      const annotations = options.fiber.getRef(References.CurrentLogAnnotations)
      const fields: Record<string, unknown> = {}
      for (const [key, value] of Object.entries(annotations)) fields[key] = redactValue(redact, value)
      if (options.cause.reasons.length > 0) fields.cause = redact(Cause.pretty(options.cause))
      const words: ReadonlyArray<unknown> = Array.isArray(options.message) ? options.message : [options.message]
      const event = escapeControls(
        words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" ")
      )
      serverLog.record(
        logRecord({ date: options.date, level: levelNames[options.logLevel] ?? "INFO", event: redact(event), fields })
      )
    })
    return Layer.merge(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, minimumLevels[config.logLevel])
    )
  })
)

const redactValue = (redact: (text: string) => string, value: unknown): unknown => {
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return value
  return redact(typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)))
}
