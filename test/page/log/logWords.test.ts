import { countWords } from "../../../src/page/log/countWords.ts"
import { assert, describe, it } from "@effect/vitest"
import {
  chipWords,
  edgeWords,
  footWords,
  type FootFacts,
  sizeWords,
  zoneWords
} from "../../../src/page/log/logWords.ts"
import { waitMillis } from "../../../src/page/log/waits.ts"

const facts: FootFacts = {
  stream: { kind: "open" },
  isFollowing: true,
  reason: undefined,
  line: undefined,
  linesPerSecond: 3,
  offset: 1_240_118,
  nowMillis: 1_000
}
const words = (changed: Partial<FootFacts>) => footWords({ ...facts, ...changed }).words

describe("the foot", () => {
  it("says whether it follows, and why not", () => {
    assert.strictEqual(words({}), "Following")
    assert.strictEqual(words({ linesPerSecond: 10_438 }), "Following, 10,400 lines/s")
    assert.strictEqual(words({ isFollowing: false, reason: "scrolling" }), "Paused by scrolling")
    assert.strictEqual(words({ isFollowing: false, reason: "finding" }), "Paused while finding")
    assert.strictEqual(words({ isFollowing: false, reason: "line", line: 2_330 }), "Paused at line 2,330")
    assert.strictEqual(words({ stream: { kind: "ended" } }), "End of log")
  })

  it("says when a stream that broke is opened again, and where it goes on", () => {
    const stream = { kind: "broken", nextTryMillis: 2_900 } as const
    assert.deepStrictEqual(footWords({ ...facts, stream }), {
      mark: "warn",
      words: "Reconnecting in 2 s, at byte 1,240,118"
    })
    assert.strictEqual(words({ stream, nowMillis: 2_950 }), "Reconnecting, at byte 1,240,118")
    assert.strictEqual(
      words({ stream: { ...stream, isNotLoaded: true } }),
      "A part of the page could not be loaded; reload it."
    )
    assert.strictEqual(
      words({ stream: { kind: "broken", nextTryMillis: undefined } }),
      "Not connected, at byte 1,240,118"
    )
    assert.strictEqual(
      words({ stream: { kind: "gone", reason: "the log was truncated" } }),
      "No more of this log: the log was truncated"
    )
  })

  it("says how much of a large log is in the tab", () => {
    assert.strictEqual(sizeWords(1_240_118, { bytes: 48_000, isEnd: true }), "1.24 MB")
    assert.strictEqual(sizeWords(96_000_000, { bytes: 20_000_000, isEnd: true }), "96 MB, the last 20 MB in this tab")
    assert.strictEqual(sizeWords(96_000_000, { bytes: 400_000, isEnd: false }), "96 MB, 400 kB of it in this tab")
  })

  it("names the zone", () => {
    assert.deepStrictEqual([0, -60, 300, -330].map(zoneWords), [
      "local time, UTC",
      "local time, UTC+1",
      "local time, UTC−5",
      "local time, UTC+5:30"
    ])
  })
})

const count = (found: number, progress: number, ordinal?: number) =>
  countWords({ count: found, progress, isFailed: false }, ordinal)

describe("chip, edge and count", () => {
  it("count lines, up to many", () => {
    assert.deepStrictEqual([1, 214, 9_999, 10_000].map(chipWords), [
      "1 new line, go to end",
      "214 new lines, go to end",
      "9,999 new lines, go to end",
      "many new lines, go to end"
    ])
    assert.strictEqual(edgeWords(2_312, 1_100_000), "of 2,311 (1.1 MB)")
    assert.strictEqual(edgeWords(undefined, 1_100_000), "(1.1 MB)")
  })

  it("count matches over the whole file, also before all of it was searched", () => {
    assert.strictEqual(count(31, 1, 2), "2 of 31")
    assert.strictEqual(count(31, 0.409), "of 31 so far, 40 %")
    assert.strictEqual(count(31, 0.4, 2), "2 of 31 so far, 40 %")
    assert.strictEqual(count(0, 0.4), "none so far, 40 %")
    assert.strictEqual(count(0, 1), "none")
    assert.strictEqual(countWords({ count: 3, progress: 0.5, isFailed: true }, 1), "3, then the log could not be read")
  })
})

describe("waiting to connect again", () => {
  it("takes longer each time, up to 15 seconds, and never quite the same", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 3, 4, 5, 99].map((attempt) => waitMillis(attempt, 0)),
      [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]
    )
    assert.strictEqual(waitMillis(5, 1), 12_000)
  })
})
