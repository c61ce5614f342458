import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { logRecord, recordTime, recordValue } from "../../src/domain/logRecord.ts"

const date = new Date(2026, 1, 3, 4, 5, 6, 7)
const record = (fields: Readonly<Record<string, unknown>>) =>
  logRecord({ date, level: "INFO", event: "run.step", fields })

const head = "2026-02-03 04:05:06,007 INFO looper run.step"

/** Reads `key=value` pairs back as a log reader does: a value is bare up to a blank, or a quoted string. */
const fieldsOf = (line: string): ReadonlyArray<readonly [key: string, value: string]> => {
  const pairs: Array<readonly [string, string]> = []
  const pair = / ([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]\S*))/y
  for (pair.lastIndex = head.length; pair.lastIndex < line.length - 1; ) {
    const [, key = "", quoted, bare = ""] = pair.exec(line) ?? assert.fail(`cannot be read: ${line}`)
    pairs.push([key, quoted === undefined ? bare : unescaped(quoted)])
  }
  return pairs
}

const shortEscapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

const unescaped = (quoted: string): string =>
  quoted.replace(/\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})|(.))/g, (_, long?: string, short?: string, one = "") => {
    const hex = long ?? short
    if (hex === undefined) return shortEscapes[one] ?? one
    return long === undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : String.fromCodePoint(parseInt(hex, 16))
  })

const telling = Arbitrary.schema(
  Schema.Literals([
    "\n",
    "\r",
    "\u0085",
    "\u2028",
    "\u2029",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u202e",
    "\0",
    "\u001b",
    "\t",
    " ",
    '"',
    "'",
    "\\",
    "=",
    "\\u{41}",
    "\\u0041",
    "\ud800",
    "\udc00",
    "😀",
    "\u{e0001}",
    "\u{f0000}",
    "é",
    "x",
    " pid=1",
    "\n2026-02-03 04:05:06,007 INFO looper run.step"
  ])
)
const nasty = Arbitrary.map(Arbitrary.array(telling, { maxLength: 10 }), (parts) => parts.join(""))
const json = Arbitrary.map(Arbitrary.array(nasty, { maxLength: 4 }), (texts): unknown => {
  const [key = "", ...rest] = texts
  return texts.length % 2 === 0 ? { [key]: rest } : texts
})

describe("recordTime", () => {
  it("is local time with milliseconds, filled up with zeros", () =>
    assert.strictEqual(recordTime(date), "2026-02-03 04:05:06,007"))

  it("is each date's own, whatever was written before", () => {
    const dates = [0, 992, 993, 1_992, -8, -1_008, 0].map((millis) => new Date(date.getTime() + millis))
    assert.deepStrictEqual(dates.map(recordTime), [
      "2026-02-03 04:05:06,007",
      "2026-02-03 04:05:06,999",
      "2026-02-03 04:05:07,000",
      "2026-02-03 04:05:07,999",
      "2026-02-03 04:05:05,999",
      "2026-02-03 04:05:04,999",
      "2026-02-03 04:05:06,007"
    ])
  })
})

describe("recordValue", () => {
  const table: ReadonlyArray<readonly [value: unknown, text: string]> = [
    ["abc", "abc"],
    ["/a-b.c:d,e;é😀", "/a-b.c:d,e;é😀"],
    ["", '""'],
    ["a b", '"a b"'],
    ["a=b", '"a=b"'],
    ['"', '"\\""'],
    ["'", '"\'"'],
    ["\\", '"\\\\"'],
    ["a\nb", '"a\\nb"'],
    ["\u001b\u007f\u0085", '"\\u001b\\u007f\\u0085"'],
    ["\u2028\u200b\ufeff", '"\\u2028\\u200b\\ufeff"'],
    ["\u{f0000}", '"\\u{f0000}"'],
    ["\ud800", '"\\ud800"'],
    ["\u00a0", '"\u00a0"'],
    [7, "7"],
    [-1.5, "-1.5"],
    [true, "true"],
    [null, "null"],
    [[1, 2], "[1,2]"],
    [["a"], '["a"]'],
    [["a b"], '"[\\"a b\\"]"'],
    [Symbol.for("x"), "Symbol(x)"]
  ]
  for (const [value, text] of table) {
    it(`writes ${typeof value === "string" ? JSON.stringify(value) : String(value)} as ${text}`, () =>
      assert.strictEqual(recordValue(value), text))
  }

  it("cuts a long value and says so", () => {
    assert.strictEqual(recordValue("x".repeat(4_096)), "x".repeat(4_096))
    assert.strictEqual(recordValue("x".repeat(4_097)), `${"x".repeat(4_096)}…`)
    assert.isBelow(recordValue("\0".repeat(100_000)).length, 30_000)
    assert.strictEqual(recordValue(`${"x".repeat(4_095)}😀`), `"${"x".repeat(4_095)}\\ud83d…"`)
  })
})

describe("logRecord", () => {
  it("is time, level, logger, event and fields, in one line", () =>
    assert.strictEqual(
      record({ request_id: "0a1b2c3d", action: "kill all", pids: [1, 2] }),
      `${head} request_id=0a1b2c3d action="kill all" pids=[1,2]\n`
    ))

  it("has no field for what is undefined", () => assert.strictEqual(record({ a: undefined }), `${head}\n`))

  it.prop(
    "gives back exactly the keys and the texts it was given: no text forges a line, a key or an end",
    [nasty, nasty, Schema.String],
    ([one, two, three]) => {
      const line = record({ one, two, three })
      assert.deepStrictEqual(fieldsOf(line), [
        ["one", one],
        ["two", two],
        ["three", three]
      ])
      assert.notMatch(line.slice(0, -1), /[\p{C}\u2028\u2029]/u)
      assert.strictEqual(line.at(-1), "\n")
    },
    { arbitrary: { runs: 3000 } }
  )

  it.prop(
    "gives back exactly the keys, whatever the values are made of",
    [json, json],
    ([one, two]) => {
      const line = record({ one, two })
      assert.deepStrictEqual(
        fieldsOf(line).map(([key]) => key),
        ["one", "two"]
      )
      assert.notMatch(line.slice(0, -1), /[\p{C}\u2028\u2029]/u)
    },
    { arbitrary: { runs: 2000 } }
  )
})
