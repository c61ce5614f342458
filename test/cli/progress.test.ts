import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { displayWidth } from "effect/cli/CliOutput"
import { cutText, progressLine } from "../../src/cli/progress.ts"
import { runCode } from "../../src/cli/waited.ts"

describe("the line of a run that is waited for", () => {
  it("has id, step, elapsed time and the log's last line", () => {
    const shown = { id: "1a2b3c4d", step: "running", line: "all tests pass" }
    assert.strictEqual(progressLine(shown, 65_000, 80), "1a2b3c4d  running  1m 5s  all tests pass")
    assert.strictEqual(progressLine({ ...shown, id: undefined, line: "" }, 0, 80), "running  0s")
  })

  it("is cut to the terminal", () => {
    assert.strictEqual(progressLine({ id: undefined, step: "running", line: "0123456789" }, 0, 16), "running  0s  01…")
  })

  const word = Schema.Literals(["a", "日", "🦊", "é", "👨‍👩‍👧", " ", "text"])
  const texts = Arbitrary.map(Arbitrary.array(Arbitrary.schema(word), { maxLength: 20 }), (words) => words.join(""))
  const columns = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })))

  it.prop("never takes more columns than there are, and is whole where it fits", [texts, columns], ([text, width]) => {
    const cut = cutText(text, width)
    assert.isAtMost(displayWidth(cut), width)
    if (displayWidth(text) <= width) assert.strictEqual(cut, text)
  })
})

describe("a waited run's exit code", () => {
  it("is the run's own, and 125 where nobody knows it", () => {
    assert.deepStrictEqual(
      [0, 7, 143, "unknown" as const, null].map((code) => runCode({ return_code: code })),
      [0, 7, 143, 125, 125]
    )
  })
})
