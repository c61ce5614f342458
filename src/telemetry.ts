/** Spans and log records over OTLP, where a collector is configured. */
import { ConfigProvider, Effect, Layer, Redacted, References } from "effect"
import { OtlpLogger, OtlpTracer } from "effect/observability"
import { redactor } from "./logging.ts"
import { LooperConfig } from "./services/config/LooperConfig.ts"
import { pairsOf } from "./services/config/pairs.ts"
import { layerCollector } from "./services/telemetry/collector.ts"
import { layerOtlpJson } from "./services/telemetry/otlpJson.ts"
import { version } from "./version.ts"

/** Both together end within what a shutdown leaves at worst between its last drain and its deadline, 300 ms. */
const shutdownTimeout = "140 millis"
const exportInterval = "1 second"
const maxBatchSize = 500

/**
 * Sends spans and records, beside the server log, to the collector; nothing where none is configured.
 *
 * **Details** It never delays or fails anything: what a collector does not take within seconds is dropped, and one
 * that fails gets nothing for a minute. At the end what is left is sent once, or dropped.
 */
export const layerTelemetry = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* LooperConfig
    const { otlpEndpoint, otlpHeaders, otelServiceName, otelAttributes } = config
    if (otlpEndpoint === undefined) return Layer.empty
    const outside = yield* Effect.context()
    const tell = (reason: string | undefined) =>
      (reason === undefined
        ? Effect.logInfo("server.telemetry.ok")
        : Effect.annotateLogs(Effect.logWarning("server.telemetry.fail"), { reason })
      ).pipe(Effect.provideContext(outside))
    const options = {
      resource: {
        serviceName: otelServiceName,
        serviceVersion: version,
        attributes: Object.fromEntries(pairsOf(otelAttributes) ?? [])
      },
      headers: Object.fromEntries(otlpHeaders === undefined ? [] : (pairsOf(Redacted.value(otlpHeaders)) ?? [])),
      exportInterval,
      maxBatchSize,
      shutdownTimeout
    } as const
    const base = otlpEndpoint.replace(/\/+$/, "")
    return Layer.merge(
      OtlpLogger.layer({ ...options, url: `${base}/v1/logs`, mergeWithExisting: true }),
      OtlpTracer.layer({ ...options, url: `${base}/v1/traces` })
    ).pipe(
      Layer.provide(layerCollector(tell)),
      Layer.provide(layerOtlpJson(redactor(config))),
      // Looper's configuration has been read; what exporters say of a failure is told by `tell`.
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
      Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
    )
  })
)
