/** Effect's log as records, in both forms. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema } from "effect"
import { layerLogging, redactor } from "../../../src/logging.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { ServerLog } from "../../../src/services/serverLog/ServerLog.ts"

const token = 'to"k\\en-é'

/** What a program logs, as records. */
const recordsOf = (format: "text" | "json", program: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const records: Array<string> = []
    const serverLog = Layer.succeed(ServerLog, {
      format,
      record: (line) => void records.push(line),
      append: () => Effect.void,
      reopen: Effect.void,
      sayListening: () => undefined
    })
    const environment = { LOOPER_LOG_FORMAT: format, LOOPER_API_TOKEN: token }
    const layer = layerLogging.pipe(
      Layer.provide(serverLog),
      Layer.provide(LooperConfig.layer({ root: "/nowhere", environment }))
    )
    yield* Effect.provide(program, layer)
    return records
  })

const configOf = (environment: Readonly<Record<string, string>>) =>
  LooperConfig.pipe(Effect.provide(LooperConfig.layer({ root: "/nowhere", environment })))

const saying = (fields: Readonly<Record<string, unknown>>) => Effect.annotateLogs(Effect.logInfo("run.step"), fields)

const jsonOf = (program: Effect.Effect<void>) =>
  Effect.map(recordsOf("json", program), (records) => JSON.parse(records[0] ?? ""))

const cycle: Record<string, unknown> = {}
cycle.self = cycle

describe("a record in the JSON form", () => {
  it.effect("has the event, the level and the fields as they are", () =>
    Effect.gen(function* () {
      const fields = { pids: [1, 2], took_ms: 3, is_on: true, reason: "a b", none: undefined, nothing: null }
      assert.deepStrictEqual(yield* jsonOf(saying(fields)), {
        time: "1970-01-01T00:00:00.000Z",
        level: "INFO",
        logger: "looper",
        event: "run.step",
        pids: [1, 2],
        took_ms: 3,
        is_on: true,
        reason: "a b",
        nothing: null
      })
      assert.strictEqual((yield* jsonOf(Effect.logWarning("a.b"))).level, "WARNING")
    })
  )

  it.effect("has the cause, on its one line", () =>
    Effect.gen(function* () {
      const record = yield* jsonOf(Effect.catchDefect(Effect.die(new Error("a\nb")), (d) => Effect.logError("x", d)))
      assert.strictEqual(record.level, "ERROR")
      const died = yield* jsonOf(
        Effect.sandbox(Effect.die(new Error("a\nb"))).pipe(Effect.catch((cause) => Effect.logError("x", cause)))
      )
      assert.strictEqual(died.event, "x")
      assert.match(died.cause, /^Error: a\nb/)
    })
  )

  it.effect("has what JSON has no value for, and never fails", () =>
    Effect.gen(function* () {
      const record = yield* jsonOf(saying({ big: 10n, cycle, time: "mine", lone: "\ud800", keys: { "\udc00": 1 } }))
      assert.strictEqual(record.big, "10")
      assert.deepStrictEqual(record.cycle, { self: "[cyclic]" })
      assert.strictEqual(record.time_, "mine")
      assert.strictEqual(record.lone, "\ufffd")
      assert.deepStrictEqual(record.keys, { "\ufffd": 1 })
    })
  )

  it.effect.prop(
    "is one line, whatever is logged",
    [Arbitrary.schema(Schema.Json), Arbitrary.schema(Schema.String), Arbitrary.schema(Schema.String)],
    ([value, key, event]) =>
      Effect.gen(function* () {
        const [line = "", ...more] = yield* recordsOf(
          "json",
          Effect.annotateLogs(Effect.logInfo(event), { [key]: value })
        )
        assert.deepStrictEqual(more, [])
        assert.strictEqual(line.indexOf("\n"), line.length - 1)
        assert.isObject(JSON.parse(line))
      }),
    { arbitrary: { runs: 500 } }
  )
})

describe("a secret", () => {
  it.effect("is found in a text that is no longer than itself, and in no shorter one", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_API_TOKEN: "0123456789abcdef", ZULIP_BOT_API_KEY: "k3y" }
      const redact = redactor(yield* configOf(environment))
      const texts = ["k3y", "k3", "0123456789abcdef", "0123456789abcde", ""]
      assert.deepStrictEqual(texts.map(redact), ["***", "k3", "***", "0123456789abcde", ""])
      assert.strictEqual(redactor(yield* configOf({}))("k3y"), "k3y")
    })
  )

  it.effect("is known in every part and form in which it may come back, and longer ones go first", () =>
    Effect.gen(function* () {
      const address = "https://hooks.example/services/T0123456/B%40123456/k3yOfTheHook?thread=k3yOfThread&a=b"
      const redact = redactor(
        yield* configOf({
          LOOPER_API_TOKEN: "k3yOfTheHook-2",
          LOOPER_WEBHOOK_URL: address,
          OTEL_EXPORTER_OTLP_HEADERS:
            "x-honeycomb-team=h0neyk3y,x-tenant=acme,x-org=verified-cad,authorization=Basic%20dTpw,api-key=k3",
          ZULIP_BOT_EMAIL: "bot@zulip.example ",
          ZULIP_BOT_API_KEY: "zul1p-k3yOfTheHook-2"
        })
      )
      const basic = Buffer.from("bot@zulip.example:zul1p-k3yOfTheHook-2").toString("base64")
      const secrets = [address, "k3yOfTheHook", "k3yOfThread", "B%40123456", "B@123456", "T0123456"]
      for (const secret of [
        ...secrets,
        "h0neyk3y",
        "Basic dTpw",
        "dTpw",
        "k3",
        "k3yOfTheHook-2",
        "zul1p-k3yOfTheHook-2",
        basic
      ])
        assert.strictEqual(redact(`a ${secret}!`), "a ***!", secret)
      const words = "acme services of hooks.example for verified-cad, a=b"
      assert.strictEqual(redact(words), words)
    })
  )

  it.effect("is in no record, in neither form, also where it is part of a nested value or has to be escaped", () =>
    Effect.gen(function* () {
      const program = Effect.annotateLogs(Effect.logInfo(`said ${token}`), {
        plain: `x${token}y`,
        list: [1, [token], { [token]: `${token}${token}` }],
        long: `${"x".repeat(4_090)}${token}`
      })
      for (const format of ["text", "json"] as const) {
        const [line = ""] = yield* recordsOf(format, program)
        assert.notMatch(line, /k\\*en/)
        assert.lengthOf(line.match(/\*\*\*/g) ?? [], 6 + 1)
      }
    })
  )
})

describe("a record in the text form", () => {
  it.effect("has a list or an object as one quoted value", () =>
    Effect.gen(function* () {
      const [line] = yield* recordsOf("text", saying({ pids: [1, 2], keys: ["a b"], big: 1n, cycle }))
      assert.match(
        line ?? "",
        / INFO looper run\.step pids=\[1,2\] keys="\[\\"a b\\"\]" big=1 cycle="\{\\"self\\":\\"\[cyclic\]\\"\}"\n$/
      )
    })
  )
})
