import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { encodeIntent, type MirrorIntent, parseIntent, positionAt } from "../../src/domain/mirrorIntent.ts"

const number = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })))
const intent: MirrorIntent = { from: 1, to: 23, textBytes: 21, format: "text", inode: 456, size: 7_890, skip: 2 }
const formats = ["text", "json"] as const

describe("a mirror's intent", () => {
  it.prop(
    "is read as it was written, and is always as long",
    [Arbitrary.array(number, { minLength: 6, maxLength: 6 }), Arbitrary.schema(Schema.Literals(formats))],
    ([[from = 0, to = 0, textBytes = 0, inode = 0, size = 0, skip = 0], format]) => {
      const any = { from, to, textBytes, format, inode, size, skip }
      const text = encodeIntent(any)
      assert.deepStrictEqual(parseIntent(text), any)
      assert.lengthOf(text, encodeIntent(positionAt(0)).length)
    }
  )

  it("may name the longest inode there is", () => {
    const longest = { ...intent, inode: Number(2n ** 64n - 1n) }
    assert.deepStrictEqual(parseIntent(encodeIntent(longest)), longest)
  })

  it("is not read where any byte of it is missing, changed, or one too many", () => {
    for (const format of formats) {
      const text = encodeIntent({ ...intent, format })
      for (let at = 0; at < text.length; at++) {
        assert.isUndefined(parseIntent(text.slice(0, at)), `cut at ${at}`)
        const changed = text[at] === "1" ? "2" : "1"
        assert.isUndefined(parseIntent(text.slice(0, at) + changed + text.slice(at + 1)), `changed at ${at}`)
      }
      assert.isUndefined(parseIntent(`${text}\n`))
      assert.isUndefined(parseIntent("\0".repeat(text.length)))
    }
  })

  it("is not read where its beginning is of one and its end of another", () => {
    const [one, other] = [encodeIntent(intent), encodeIntent({ ...intent, from: 20, format: "json", size: 1 })]
    for (let at = 1; at < one.length; at++) {
      const torn = one.slice(0, at) + other.slice(at)
      assert.isTrue(torn === one || torn === other || parseIntent(torn) === undefined, `torn at ${at}`)
    }
  })
})
