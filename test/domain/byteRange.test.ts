/** A `Range` asks for bytes that are there, for none, or for nothing that is understood. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { byteRange } from "../../src/domain/byteRange.ts"

const size = 1_000

describe("a Range", () => {
  it.each<readonly [string, number, number]>([
    ["bytes=0-0", 0, 1],
    ["bytes=0-499", 0, 500],
    ["bytes=500-", 500, 1_000],
    ["bytes=990-5000", 990, 1_000],
    ["bytes=-1", 999, 1_000],
    ["bytes=-5000", 0, 1_000],
    ["BYTES= 1-2 ", 1, 3],
    ["bytes=0007-0008", 7, 9]
  ])("%s is [%d, %d)", (text, start, end) => {
    assert.deepStrictEqual(byteRange(text, size), { start, end })
  })

  it.each(["bytes=1000-", "bytes=1000-1001", "bytes=-0", `bytes=${"9".repeat(400)}-`])(
    "%s begins behind the end",
    (text) => {
      assert.strictEqual(byteRange(text, size), "beyondEnd")
    }
  )

  it.each([
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=5-4",
    "bytes=0-1,3-4",
    "lines=0-1",
    "bytes=a-b",
    "bytes=1-2x",
    "bytes=+1-2"
  ])("%j is ignored", (text) => {
    assert.isUndefined(byteRange(text, size))
  })

  it("is nothing where there is none", () => {
    assert.isUndefined(byteRange(undefined, size))
  })

  it("of an empty log has no bytes", () => {
    for (const text of ["bytes=0-", "bytes=0-0", "bytes=-1"]) assert.strictEqual(byteRange(text, 0), "beyondEnd")
  })

  it.prop("never gives a byte that is not there", [Schema.String, Schema.Int], ([text, number]) => {
    for (const range of [text, `bytes=${text}`, `bytes=${number}-${text}`, `bytes=${Math.abs(number)}-`]) {
      const found = byteRange(range, size)
      if (found === undefined || found === "beyondEnd") continue
      assert.isAtLeast(found.start, 0)
      assert.isBelow(found.start, found.end)
      assert.isAtMost(found.end, size)
    }
  })
})
