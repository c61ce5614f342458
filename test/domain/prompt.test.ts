import { assert, describe, it } from "@effect/vitest"
import { maxPromptBytes, promptProblem, textProblem } from "../../src/domain/prompt.ts"

describe("a text", () => {
  it("may be anything that is valid Unicode without NUL", () => {
    for (const text of ["", " ", "-", "a\nb\u001b", "é😀\u{10ffff}", "x".repeat(maxPromptBytes + 1)]) {
      assert.isUndefined(textProblem(text))
    }
  })

  it("has no NUL", () => assert.strictEqual(textProblem("a\0b"), "must not contain a NUL byte"))

  it("has no half of a surrogate pair", () => {
    for (const text of ["\ud83d", "a\ude00", "\ude00\ud83d"]) {
      assert.strictEqual(textProblem(text), "must be valid Unicode")
    }
  })
})

describe("a prompt", () => {
  it("may be anything else that is one argument", () => {
    for (const prompt of ["", "--", "- x", "resume", "-\n", "x".repeat(maxPromptBytes)]) {
      assert.isUndefined(promptProblem(prompt))
    }
  })

  it("is not a lone '-', which codex takes for stdin", () =>
    assert.strictEqual(promptProblem("-"), "must not be '-': codex would read its prompt from stdin"))

  it("has the bytes of one argument at most, counted as UTF-8", () => {
    const problem = "must be at most 131071 bytes long, it has 131072"
    assert.strictEqual(promptProblem("x".repeat(131_072)), problem)
    assert.strictEqual(promptProblem("é".repeat(65_536)), problem)
    assert.isUndefined(promptProblem(`${"é".repeat(65_535)}x`))
  })

  it("is a text", () => {
    assert.strictEqual(promptProblem("a\0"), "must not contain a NUL byte")
    assert.strictEqual(promptProblem("\ud83d"), "must be valid Unicode")
  })
})
