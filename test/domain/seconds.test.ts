import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema, SchemaIssue } from "effect"
import { Seconds, secondsFromText } from "../../src/domain/seconds.ts"

const Body = Schema.Struct({ codex_exec_delay_seconds: Schema.optionalKey(Seconds({ maximum: 86_400 })) })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

const decode = (value: unknown) =>
  Result.mapError(
    Schema.decodeUnknownResult(Body, { errors: "all" })({ codex_exec_delay_seconds: value }),
    (error) => format(error.issue).issues
  )

const accepted: ReadonlyArray<readonly [value: unknown, seconds: number]> = [
  [0, 0],
  [1.5, 1.5],
  [86_400, 86_400],
  [JSON.parse("-0"), 0],
  ["-0", 0],
  ["+1", 1],
  [" 2 ", 2],
  ["\t3\r\n", 3],
  ["1.", 1],
  [".5", 0.5],
  ["0.25", 0.25],
  ["1e3", 1000],
  ["1E+3", 1000],
  ["15e-1", 1.5],
  ["007", 7],
  ["86400", 86_400]
]

const notNumberTexts = "| |x|1x|0x10|0b1|1_000|1,5|1 2|--1|+-1|.|e1|1e|1e1.5|١|Infinity|-Infinity|NaN|true|1n".split(
  "|"
)
const notNumbers: ReadonlyArray<unknown> = [true, false, null, undefined, Number.NaN, 1n, [], [1], ["1"], {}].concat(
  notNumberTexts
)

const outOfRange: ReadonlyArray<readonly [value: unknown, message: string]> = [
  [-1, "must be >= 0"],
  [-0.001, "must be >= 0"],
  ["-1", "must be >= 0"],
  [JSON.parse("-1e400"), "must be >= 0"],
  ["-1e400", "must be >= 0"],
  [86_400.001, "must be <= 86400"],
  ["86401", "must be <= 86400"],
  [JSON.parse("1e400"), "must be <= 86400"],
  ["1e400", "must be <= 86400"]
]

const pieces = Arbitrary.schema(
  Schema.Literals([" ", "\n", "+", "-", "0", "7", "42", ".", "e", "E", "x", "_", "Infinity", "\u00a0", "é"])
)
const numberLike = Arbitrary.map(Arbitrary.array(pieces, { maxLength: 8 }), (parts) => parts.join(""))
const reference = /^[-+]?(\d+|\d+\.|\d*\.\d+)(e[-+]?\d+)?$/i

describe("Seconds", () => {
  for (const [value, seconds] of accepted) {
    it(`reads ${JSON.stringify(value)} as ${seconds}`, () =>
      assert.deepStrictEqual(decode(value), Result.succeed({ codex_exec_delay_seconds: seconds })))
  }

  for (const value of notNumbers) {
    it(`refuses ${typeof value === "string" ? JSON.stringify(value) : String(value)} of type ${typeof value}`, () =>
      assert.deepStrictEqual(
        decode(value),
        Result.fail([{ path: ["codex_exec_delay_seconds"], message: "must be a number" }])
      ))
  }

  for (const [value, message] of outOfRange) {
    it(`refuses the ${typeof value} ${value}: ${message}`, () =>
      assert.deepStrictEqual(decode(value), Result.fail([{ path: ["codex_exec_delay_seconds"], message }])))
  }

  it("leaves an absent field absent", () =>
    assert.deepStrictEqual(Schema.decodeUnknownResult(Body)({}), Result.succeed({})))

  it("encodes to a number", () => assert.strictEqual(Schema.encodeSync(Seconds({ maximum: 5 }))(2), 2))

  it("documents a bounded number or decimal text", () =>
    assert.deepStrictEqual(Schema.toJsonSchemaDocument(Seconds({ maximum: 3600 })).schema, {
      anyOf: [
        { type: "number", minimum: 0, maximum: 3600 },
        { type: "string", pattern: "^\\s*[+-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?\\s*$" }
      ]
    }))

  it("refuses a megabyte of digits at once", () => {
    const started = performance.now()
    assert.isUndefined(secondsFromText(`${"1".repeat(1_000_000)}x`))
    assert.isBelow(performance.now() - started, 2000)
  })
})

describe("secondsFromText", () => {
  it("reads -0 as 0", () => assert.isTrue(Object.is(secondsFromText("-0"), 0)))

  it.prop(
    "agrees with a reference on number-like text",
    [numberLike],
    ([text]) => {
      const trimmed = text.trim()
      const expected = reference.test(trimmed) ? Number(trimmed) + 0 : undefined
      assert.strictEqual(secondsFromText(text), expected)
    },
    { arbitrary: { runs: 5000 } }
  )

  it.prop("agrees with a reference on arbitrary text", [Schema.String], ([text]) =>
    assert.strictEqual(secondsFromText(text) !== undefined, reference.test(text.trim()))
  )

  it.prop("agrees with the decoder", [numberLike], ([text]) => {
    const seconds = secondsFromText(text)
    const isInRange = seconds !== undefined && seconds >= 0 && seconds <= 86_400
    assert.deepStrictEqual(
      Result.getOrElse(decode(text), () => ({})),
      isInRange ? { codex_exec_delay_seconds: seconds } : {}
    )
  })
})
