import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { cleanLine, plainText } from "../../../src/page/log/cleanLine.ts"
import { nearestColor, spansOf } from "../../../src/page/log/sgr.ts"

const shown = (text: string) => spansOf(text).map((span) => [span.text, span.classes])
const esc = "\u001b["

const allowed = new Set(["ak", "ar", "ag", "ay", "ab", "am", "ac", "aw", "a1", "a2", "a4", "a7", "a9"])
const parameters = Arbitrary.array(
  Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 260 }))), { maxLength: 8 }),
  { maxLength: 6 }
)

describe("spansOf", () => {
  it("has one span for a line without colours, and none for an empty one", () => {
    assert.deepStrictEqual(shown("plain"), [["plain", ""]])
    assert.deepStrictEqual(shown(""), [])
  })

  it("gives each colour its class, bright as plain", () => {
    assert.deepStrictEqual(shown(`a${esc}1;31mb${esc}0mc${esc}92md${esc}39me`), [
      ["a", ""],
      ["b", "ar a1"],
      ["c", ""],
      ["d", "ag"],
      ["e", ""]
    ])
  })

  it("draws reversed text in its own colour, on another ground", () => {
    assert.deepStrictEqual(shown(`${esc}34;7mx`), [["x", "ab a7"]])
  })

  it("takes the nearest of the closed list for one of 256 or a true colour, and none for greys", () => {
    assert.deepStrictEqual(shown(`${esc}38;5;196mr${esc}38;5;21mb${esc}38;5;244mg${esc}38;2;10;200;30mt`), [
      ["r", "ar"],
      ["b", "ab"],
      ["g", ""],
      ["t", "ag"]
    ])
  })

  it("ignores backgrounds, whose parameters are no codes, and what hides text", () => {
    assert.deepStrictEqual(shown(`${esc}41;8mx${esc}48;5;31my${esc}48;2;1;4;31mz`), [
      ["x", ""],
      ["y", ""],
      ["z", ""]
    ])
  })

  it("ends at once what was begun twice", () => {
    assert.deepStrictEqual(shown(`${esc}1;4m${esc}1ma${esc}22mb${esc}mc`), [
      ["a", "a1 a4"],
      ["b", "a4"],
      ["c", ""]
    ])
  })

  it.prop(
    "keeps the text, and names no class outside the list, whatever the parameters",
    [parameters],
    ([parts]) => {
      const text = cleanLine(parts.map((values, index) => `${index}${esc}${values.join(";")}mx`).join(""))
      const spans = spansOf(text)
      assert.strictEqual(spans.map((span) => span.text).join(""), plainText(text))
      for (const name of spans.flatMap(({ classes }) => (classes === "" ? [] : classes.split(" ")))) {
        assert.isTrue(allowed.has(name), name)
      }
    },
    { arbitrary: { runs: 1000 } }
  )
})

describe("nearestColor", () => {
  it("goes by the hue", () => {
    assert.deepStrictEqual(
      [
        [255, 0, 0],
        [255, 255, 0],
        [0, 255, 0],
        [0, 255, 255],
        [0, 0, 255],
        [255, 0, 255],
        [255, 0, 60],
        [90, 90, 90]
      ].map(([red = 0, green = 0, blue = 0]) => nearestColor(red, green, blue)),
      ["ar", "ay", "ag", "ac", "ab", "am", "ar", ""]
    )
  })
})
