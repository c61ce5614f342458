import { assert, describe, it } from "@effect/vitest"
import { clockText, comingText, dateTimeText, durationText, sizeText, table } from "../../src/cli/words.ts"

/** A local time, so that the tests are the same in every zone. */
const local = (day: number, hours: number, minutes = 0, seconds = 0) =>
  new Date(2026, 1, day, hours, minutes, seconds).toISOString()

describe("a duration", () => {
  it.each([
    [0, "0s"],
    [499, "0s"],
    [500, "1s"],
    [59_499, "59s"],
    [59_500, "1m"],
    [725_000, "12m 5s"],
    [3_600_000, "1h"],
    [3_605_000, "1h"],
    [90_000_000, "1d 1h"],
    [-5, "0s"]
  ])("of %d ms is %s", (millis, text) => {
    assert.strictEqual(durationText(millis), text)
  })
})

describe("a size", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 KiB"],
    [1_536, "1.5 KiB"],
    [10 * 1_024, "10 KiB"],
    [1_000 * 1_024, "1.0 MiB"],
    [5 * 1_024 ** 4, "5.0 TiB"],
    [5_000 * 1_024 ** 4, "5000 TiB"]
  ])("of %d bytes is %s", (bytes, text) => {
    assert.strictEqual(sizeText(bytes), text)
  })
})

describe("a time", () => {
  const now = Date.parse(local(13, 10))

  it("of today is a clock's", () => {
    assert.strictEqual(clockText(local(13, 9, 5, 7), now), "09:05:07")
  })

  it("of another day has its date", () => {
    assert.strictEqual(clockText(local(12, 23, 59, 59), now), "2026-02-12 23:59:59")
    assert.strictEqual(dateTimeText(local(13, 9, 5, 7)), "2026-02-13 09:05:07")
  })

  it("to come is told in both ways", () => {
    assert.strictEqual(comingText(local(13, 10, 4, 10), now), "in 4m 10s, at 10:04:10")
  })
})

describe("a table", () => {
  it("has columns as wide as their widest cell, and no blanks at the end", () => {
    const rows = [
      ["ID", "STATE", "WORKSPACE"],
      ["1", "running", ""],
      ["a longer one", "x", "/w"]
    ]
    assert.deepStrictEqual(table(rows), [
      "ID            STATE    WORKSPACE",
      "1             running",
      "a longer one  x        /w"
    ])
  })

  it("without rows is nothing", () => {
    assert.deepStrictEqual(table([]), [])
  })
})
