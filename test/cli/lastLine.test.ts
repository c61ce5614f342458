import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { makeLastLine } from "../../src/cli/lastLine.ts"

describe("the last line of a growing log", () => {
  it("is the newest with something in it, also before it ends", () => {
    const last = makeLastLine()
    const push = (text: string) => last.push(Buffer.from(text))
    assert.strictEqual(push(""), "")
    assert.strictEqual(push("one\ntwo\n"), "two")
    assert.strictEqual(push("th"), "th")
    assert.strictEqual(push("ree"), "three")
    assert.strictEqual(push("\n\n  \n"), "three")
    assert.strictEqual(push("10 %\r20 %\r"), "20 %")
    assert.strictEqual(push("\n\u001b[31mfour\u001b[0m\r\n"), "four")
  })

  const pieces = Arbitrary.array(Arbitrary.schema(Schema.Literals(["a", "bb", "\n", "  ", "c"])), { maxLength: 40 })
  const cuts = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))))

  it.prop("is the same in whatever pieces the log comes", [pieces, cuts], ([texts, places]) => {
    const text = Buffer.from(texts.join(""))
    const last = makeLastLine()
    const ends = [...places.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length]
    const seen = ends.map((end, index) => last.push(text.subarray(ends[index - 1] ?? 0, end)))
    const lines = text.toString().split("\n")
    assert.strictEqual(seen.at(-1), lines.findLast((line) => line.trim() !== "")?.trim() ?? "")
  })
})
