import { assert, describe, it } from "@effect/vitest"
import { Look } from "../../../src/page/log/Look.ts"
import { linkOf } from "../../../src/page/log/linkOf.ts"
import { fragmentOf, marksOf, placeOf } from "../../../src/page/log/place.ts"

describe("addresses of lines", () => {
  it("are read as they are written", () => {
    for (const place of [
      { start: 0, end: undefined },
      { start: 1_240_118, end: 1_240_377 }
    ]) {
      assert.deepStrictEqual(placeOf(fragmentOf(place)), place)
    }
  })

  it("have no end where it is not behind the start", () =>
    assert.deepStrictEqual(placeOf("#b9-9"), { start: 9, end: undefined }))

  it("are no other fragments", () => {
    for (const fragment of ["", "#", "#b", "#L12", "#b-1", "#b1-", "#b1x", "#b1234567890123456"]) {
      assert.isUndefined(placeOf(fragment), fragment)
    }
  })

  it("carry the run and the place, and nothing else of the page's", () => {
    assert.strictEqual(
      linkOf("http://devbox:3456/?theme=dark&x=1#old", "3f9c21ab", { start: 5, end: 9 }),
      "http://devbox:3456/?run=3f9c21ab#b5-9"
    )
    assert.strictEqual(linkOf("http://h/sub/?a", "a&b", undefined), "http://h/sub/?run=a%26b")
  })

  it("mark a line, or everything between it and what is marked", () => {
    assert.deepStrictEqual(marksOf({ start: 5, end: 9 }, undefined), { start: 5, end: 9 })
    assert.deepStrictEqual(marksOf({ start: 5, end: 9 }, { start: 20, end: undefined }), { start: 5, end: 21 })
    assert.deepStrictEqual(marksOf({ start: 30, end: 40 }, { start: 20, end: 25 }), { start: 20, end: 40 })
  })
})

describe("a line's address", () => {
  const line = { start: 8, end: 12, number: 2, text: "two", isCut: false, cutCharacters: 0, kind: "plain" } as const

  it("names its run also where the page's own names none", () => {
    const look = new Look(false)
    look.reset("3f9c21ab", "?theme=dark")
    assert.strictEqual(look.hrefOf(line), "?theme=dark&run=3f9c21ab#b8-12")
    look.reset("0a1b2c3d", "?run=3f9c21ab")
    assert.strictEqual(look.hrefOf(line), "?run=0a1b2c3d#b8-12")
  })
})
