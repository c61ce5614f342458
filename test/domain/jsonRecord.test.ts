import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { jsonRecord } from "../../src/domain/jsonRecord.ts"
import type { PlainValue } from "../../src/domain/plainValue.ts"

const date = new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 7))
const record = (fields: Readonly<Record<string, PlainValue | undefined>>, event = "run.step") =>
  jsonRecord({ date, level: "INFO", event, fields })

const own = { time: "2026-02-03T04:05:06.007Z", level: "INFO", logger: "looper", event: "run.step" }

const telling = Arbitrary.schema(
  Schema.Literals([
    "\n",
    "\r",
    "\u0085",
    "\u2028",
    "\u2029",
    "\u200b",
    "\ufeff",
    "\u202e",
    "\0",
    "\u001b",
    "\u007f",
    '"',
    "\\",
    "\\u0041",
    "}",
    "{",
    ",",
    "\ud800",
    "\udc00",
    "😀",
    "\u{e0001}",
    "\u{f0000}",
    "é",
    "event",
    "time",
    '","level":"ERROR',
    "__proto__"
  ])
)
const nasty = Arbitrary.map(Arbitrary.array(telling, { maxLength: 10 }), (parts) => parts.join(""))
const value = Arbitrary.map(Arbitrary.array(nasty, { maxLength: 4 }), (texts): PlainValue => {
  const [key = "", ...rest] = texts
  if (texts.length === 1) return key
  return texts.length % 2 === 0 ? { [key]: rest } : texts
})

describe("jsonRecord", () => {
  it("is time in UTC, level, logger, event and fields, in this order", () =>
    assert.strictEqual(
      record({ request_id: "0a1b2c3d", pids: [1, 2], took: 1.5, is_dry: false, none: null, nested: { a: ["b c"] } }),
      `${JSON.stringify({ ...own, request_id: "0a1b2c3d", pids: [1, 2], took: 1.5, is_dry: false, none: null, nested: { a: ["b c"] } })}\n`
    ))

  it("has no field for what is undefined", () => assert.strictEqual(record({ a: undefined }), record({})))

  it("lets no field take the place of its own", () => {
    const fields = { time: 1, level: 2, logger: 3, event: 4, event_: 5 }
    assert.deepStrictEqual(JSON.parse(record(fields)), {
      ...own,
      time_: 1,
      level_: 2,
      logger_: 3,
      event__: 4,
      event_: 5
    })
  })

  it("cuts a long value as the text form does, between characters", () => {
    const cut = (value: PlainValue) => JSON.parse(record({ value })).value
    assert.strictEqual(cut("x".repeat(4_096)), "x".repeat(4_096))
    assert.strictEqual(cut("x".repeat(4_097)), `${"x".repeat(4_096)}…`)
    assert.strictEqual(cut(`${"x".repeat(4_095)}😀`), `${"x".repeat(4_095)}…`)
    const numbers = Array.from({ length: 2_000 }, () => 10)
    assert.deepStrictEqual(cut(numbers.slice(0, 1_365)), numbers.slice(0, 1_365))
    assert.strictEqual(cut(numbers), `${JSON.stringify(numbers).slice(0, 4_096)}…`)
    assert.isBelow(record({ value: "\0".repeat(100_000) }, "x".repeat(100_000)).length, 30_000)
  })

  let reads = 0
  /**
   * Reads an object whose first key no object had before it: V8's JSON.parse takes the key `\n` for `\` where an earlier
   * object with the same keys before had that one there.
   */
  const read = (line: string): object => {
    const first = `read ${++reads}`
    const { [first]: _, ...value } = JSON.parse(line.replace("{", `{"${first}":0,`))
    return value
  }

  it.prop(
    "is one line that every reader of JSON reads back as it was, whatever texts are in it",
    [value, value, nasty, nasty],
    ([one, two, key, event]) => {
      const name = ["time", "level", "logger", "event", "one", "two"].includes(key) ? "key" : key
      const fields = Object.fromEntries<PlainValue>([
        ["one", one],
        ["two", two],
        [name, key]
      ])
      const line = record(fields, event)
      assert.match(line, /^\{[^\p{C}\u2028\u2029]*\}\n$/u)
      const expected = Object.fromEntries<unknown>([...Object.entries({ ...own, event }), ...Object.entries(fields)])
      assert.strictEqual(JSON.stringify(read(line)), JSON.stringify(expected))
    },
    { arbitrary: { runs: 3000 } }
  )
})
