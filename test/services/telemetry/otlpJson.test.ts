/** What of spans and records leaves this machine. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { OtlpSerialization, type OtlpTracer } from "effect/observability"
import { layerOtlpJson } from "../../../src/services/telemetry/otlpJson.ts"

const redact = (text: string) => text.replaceAll("s3cret", "***")

const written = Effect.fnUntraced(
  function* (
    of: (serialization: OtlpSerialization.OtlpSerialization["Service"]) => { readonly toJSON: () => unknown }
  ) {
    const body = of(yield* OtlpSerialization.OtlpSerialization)
    return JSON.parse((body.toJSON() as { readonly body: string }).body)
  },
  Effect.provide(layerOtlpJson(redact))
)

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const span: OtlpTracer.TraceData["resourceSpans"][number]["scopeSpans"][number]["spans"][number] = {
  traceId: "t",
  spanId: "s",
  parentSpanId: undefined,
  name: "run s3cret",
  kind: 1,
  startTimeUnixNano: "1",
  endTimeUnixNano: "2",
  attributes: [text("request_id", "0a1b2c3d"), text("url.full", "https://hooks.example/key")],
  droppedAttributesCount: 0,
  events: [
    {
      name: "exception",
      timeUnixNano: "2",
      droppedAttributesCount: 0,
      attributes: [text("exception.type", "EarlyExit"), text("exception.message", "tail=what a run printed")]
    }
  ],
  droppedEventsCount: 0,
  status: { code: 2, message: "tail=what a run printed" },
  links: [],
  droppedLinksCount: 0
}

it.effect("a span keeps its request's id and the names of its errors, and nothing that a run or a caller wrote", () =>
  Effect.gen(function* () {
    const resource = { attributes: [], droppedAttributesCount: 0 }
    const data = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "effect" }, spans: [span] }] }] }
    const [sent] = (yield* written(({ traces }) => traces(data))).resourceSpans[0].scopeSpans[0].spans
    assert.strictEqual(sent.name, "run ***")
    assert.deepStrictEqual(sent.attributes, [text("request_id", "0a1b2c3d")])
    assert.deepStrictEqual(sent.events[0].attributes, [text("exception.type", "EarlyExit")])
    assert.deepStrictEqual(sent.status, { code: 2 })
  })
)

it.effect(
  "a tick's reason is in its record, and no other reason or cause, which may hold a message or a run's output",
  () =>
    Effect.gen(function* () {
      const reasons = ["alive_tasks", "webhook request failed (400): what a message said", "word"]
      const logRecords = reasons.map((reason) => ({
        attributes: [text("reason", reason), text("cause", reason), text("log_path", "/l")]
      }))
      const sent = yield* written(({ logs }) => logs({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] } as never))
      assert.deepStrictEqual(
        sent.resourceLogs[0].scopeLogs[0].logRecords.map(({ attributes }: { attributes: unknown }) => attributes),
        [[text("reason", "alive_tasks"), text("log_path", "/l")], [text("log_path", "/l")], [text("log_path", "/l")]]
      )
    })
)

it.effect("no secret is in a record, in whatever field, and no error's text", () =>
  Effect.gen(function* () {
    const record = {
      body: { stringValue: 'say "s3cret"' },
      attributes: [text("user_agent", "\ud800 s3cret"), text("error", "tail=what a run printed")]
    }
    const data = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }
    const sent = yield* written(({ logs }) => logs(data as never))
    const [{ body, attributes }] = sent.resourceLogs[0].scopeLogs[0].logRecords
    assert.deepStrictEqual(body, { stringValue: 'say "***"' })
    assert.deepStrictEqual(attributes, [text("user_agent", "\ufffd ***")])
  })
)
