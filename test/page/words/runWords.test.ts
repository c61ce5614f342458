import { assert, describe, it } from "@effect/vitest"
import { whyWords } from "../../../src/page/words/runWords.ts"
import { endedRun, unstartedRun } from "../../browser/support/runs.ts"

const words = (...parts: Parameters<typeof whyWords>) => Object.values(whyWords(...parts))

describe("what stands beside a run in the list", () => {
  const failed = endedRun({ state: "failed", return_code: 1, reason: "usage limit reached" })

  it("is how a failed one ended, and apart from it why", () => {
    assert.deepStrictEqual(whyWords(failed, false), { word: "exit 1", detail: "usage limit reached" })
    assert.deepStrictEqual(whyWords({ ...failed, return_code: null }, false), {
      word: "usage limit reached",
      detail: ""
    })
  })

  it("is one word for all others", () => {
    assert.deepStrictEqual(words(endedRun(), false), ["", ""])
    assert.deepStrictEqual(words(endedRun({ is_autopoll: true }), false), ["auto", ""])
    assert.deepStrictEqual(words(unstartedRun({ reason: "no" }), false), ["not launched", ""])
    assert.deepStrictEqual(words(endedRun({ state: "stopped", cause: "request" }), true), ["from the page", ""])
    assert.deepStrictEqual(
      words(endedRun({ state: "failed", cause: "max_silent_seconds", reason: "silent for 30 m" }), false),
      ["silent 30 m, ended", ""]
    )
  })
})
