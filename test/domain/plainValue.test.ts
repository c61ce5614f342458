import { assert, describe, it } from "@effect/vitest"
import { plainValue } from "../../src/domain/plainValue.ts"

const same = (text: string) => text
const hide = (text: string) => text.replaceAll('se"cret', "***")

const cycle: { name: string; self?: unknown; list?: ReadonlyArray<unknown> } = { name: "a" }
cycle.self = cycle
cycle.list = [cycle]

const thrower = {
  get broken(): string {
    throw new Error("no")
  }
}
const unnamed = Object.assign(() => undefined, {
  toString: (): string => {
    throw new Error("no")
  }
})
const deep = Array.from({ length: 30 }).reduce<unknown>((inner) => [inner], "core")

describe("plainValue", () => {
  const table: ReadonlyArray<readonly [what: string, value: unknown, plain: unknown]> = [
    ["nothing", undefined, undefined],
    ["null", null, null],
    ["a number", -1.5, -1.5],
    ["what JSON knows no number for", [Number.NaN, Number.POSITIVE_INFINITY], [null, null]],
    ["a BigInt", 2n ** 80n, "1208925819614629174706176"],
    ["a symbol", Symbol.for("x"), "Symbol(x)"],
    ["a list with nothing in it", [undefined, 1], [null, 1]],
    ["a field with nothing in it", { a: undefined, b: 1 }, { b: 1 }],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["a cycle", cycle, { name: "a", self: "[cyclic]", list: ["[cyclic]"] }],
    ["what cannot be read", thrower, "[unreadable]"],
    ["a function that cannot be read", unnamed, "[unreadable]"],
    ["the name of a prototype", JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')]
  ]
  for (const [what, value, plain] of table) {
    it(`takes ${what}`, () => assert.deepStrictEqual(plainValue(value, same), plain as never))
  }

  it("takes the same thing twice where it is no cycle", () => {
    const shared = { a: 1 }
    assert.deepStrictEqual(plainValue([shared, shared], same), [shared, shared])
  })

  it("cleans every text, keys and nested ones too, before JSON escapes it", () => {
    const plain = plainValue({ 'a se"cret': ['se"cret', { b: 'xse"crety' }] }, hide)
    assert.deepStrictEqual(plain, { "a ***": ["***", { b: "x***y" }] })
  })

  it("ends in the depth", () => {
    assert.include(JSON.stringify(plainValue(deep, same)), "[deep]")
    assert.notInclude(JSON.stringify(plainValue(deep, same)), "core")
  })

  it("takes no more parts than a record could show, however many there are", () => {
    const twice = Array.from({ length: 60 }).reduce<unknown>((inner) => [inner, inner], 0)
    for (const value of [Array.from({ length: 1_000_000 }, () => 1), twice]) {
      const { length } = JSON.stringify(plainValue(value, same))
      assert.isAbove(length, 4_096)
      assert.isBelow(length, 100_000)
    }
  })
})
