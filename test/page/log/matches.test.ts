import { assert, describe, it } from "@effect/vitest"
import { compareMatches, fold, matcherOf } from "../../../src/page/log/matches.ts"

const columns = (text: string, line: string) => matcherOf({ kind: "text", text })(line)

describe("what a text matches", () => {
  it("is found without case, every time, without overlapping", () => {
    assert.deepStrictEqual(columns("aB", "ab AB xaba"), [0, 3, 7])
    assert.deepStrictEqual(columns("aa", "aaaa"), [0, 2])
    assert.deepStrictEqual(columns("x", ""), [])
  })

  it("is found as the line is shown, over its colours", () => {
    assert.deepStrictEqual(columns("compiling kernel", "\u001b[32m   Compiling\u001b[0m kernel"), [3])
  })

  it("stands where it stood, also behind characters whose small form is longer", () => {
    assert.strictEqual(fold("İSTANBUL X").length, "İSTANBUL X".length)
    assert.deepStrictEqual(columns("x", "İİİX"), [3])
  })
})

describe("errors and messages", () => {
  it("are matched by their lines", () => {
    assert.deepStrictEqual(matcherOf({ kind: "errors" })(" exited 2 in 5ms:"), [0])
    assert.deepStrictEqual(matcherOf({ kind: "errors" })("fine"), [])
    assert.deepStrictEqual(matcherOf({ kind: "messages" })("codex"), [0])
  })
})

describe("compareMatches", () => {
  it("goes by the place in the file, then by the column", () => {
    const ordered = [
      { start: 0, column: 9 },
      { start: 5, column: 0 },
      { start: 5, column: 1 }
    ]
    assert.deepStrictEqual(ordered.toReversed().toSorted(compareMatches), ordered)
  })
})
