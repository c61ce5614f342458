/** Spans and records as a collector gets them: without secrets, and without what runs and messages hold. */
import { Layer } from "effect"
import { HttpBody } from "effect/http"
import { skipReasons } from "../../domain/RunResult.ts"
import { type OtlpLogger, OtlpSerialization, type OtlpTracer } from "effect/observability"

/** Of a span; everything else, an error's message too, may hold what a run or a caller wrote. */
const keptAttributes: ReadonlySet<string> = new Set(["request_id", "effect.fiber.interrupted"])

/** Of a record: an error's text may end in what the run wrote last, or in a message. The server log has them. */
const droppedFields: ReadonlySet<string> = new Set([
  "cause",
  "error",
  "stdout",
  "stderr",
  "exception.message",
  "exception.stacktrace"
])

/** A tick's reason is one of these words; every other one is an error's text. */
const keptReasons: ReadonlySet<unknown> = new Set(skipReasons)

/** Writes OTLP as JSON; `redact` sees every text. */
export const layerOtlpJson = (redact: (text: string) => string): Layer.Layer<OtlpSerialization.OtlpSerialization> => {
  const clean = (_key: string, value: unknown) => {
    if (typeof value === "string") return redact(value).toWellFormed()
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
  }
  const body = (data: unknown) => HttpBody.text(JSON.stringify(data, clean), "application/json")
  return Layer.succeed(OtlpSerialization.OtlpSerialization, {
    traces: (data) => body(bare(data)),
    logs: (data) => body(quiet(data)),
    metrics: body
  })
}

const bare = ({ resourceSpans }: OtlpTracer.TraceData) => ({
  resourceSpans: resourceSpans.map((of) => ({
    ...of,
    scopeSpans: of.scopeSpans.map((scoped) => ({
      ...scoped,
      spans: scoped.spans.map((span) => ({
        ...span,
        attributes: span.attributes.filter(({ key }) => keptAttributes.has(key)),
        events: span.events.map((event) => ({
          ...event,
          attributes: event.attributes.filter(({ key }) => key === "exception.type")
        })),
        status: { code: span.status.code }
      }))
    }))
  }))
})

const quiet = ({ resourceLogs }: OtlpLogger.LogsData) => ({
  resourceLogs: resourceLogs.map((of) => ({
    ...of,
    scopeLogs: of.scopeLogs.map((scoped) => ({
      ...scoped,
      logRecords: scoped.logRecords?.map((record) => ({
        ...record,
        attributes: record.attributes.filter(({ key, value }) =>
          key === "reason" ? keptReasons.has(value.stringValue) : !droppedFields.has(key)
        )
      }))
    }))
  }))
})
