import { assert, describe, it } from "@effect/vitest"
import { maxMatches } from "../../../src/page/log/findMessages.ts"
import type { LogLine } from "../../../src/page/log/LineDecoder.ts"
import { Search } from "../../../src/page/log/Search.ts"

const lineOf = (start: number, text: string): LogLine => ({
  start,
  end: start + text.length + 1,
  number: undefined,
  text,
  isCut: false,
  cutCharacters: 0,
  kind: "plain"
})

/** One of a log that was empty when it began: nothing is left to a worker. */
const searchOf = () =>
  new Search(
    { url: "http://looper/runs/3f9c21ab/log", token: undefined, end: 0 },
    { kind: "text", text: "xy" },
    () => {}
  )

describe("a search at a log's live end", () => {
  it("counts matches and knows their places", () => {
    const search = searchOf()
    search.add([lineOf(0, "xy xy"), lineOf(6, "z"), lineOf(8, "xy")])
    assert.strictEqual(search.state.count, 3)
    assert.strictEqual(search.ordinal({ start: 8, column: 0 }), 3)
  })

  it("keeps so many places, and counts on", () => {
    const search = searchOf()
    const text = "xy".repeat(1_000)
    for (let index = 0; index < maxMatches / 1_000 + 2; index++) search.add([lineOf(index * 2_001, text)])
    assert.strictEqual(search.known, maxMatches)
    assert.strictEqual(search.state.count, maxMatches + 2_000)
  })
})
