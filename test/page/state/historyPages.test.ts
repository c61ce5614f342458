import { assert, describe, it } from "@effect/vitest"
import type { Run, RunsPage } from "../../../src/page/api/answers.ts"
import { itemsOf, runsPath, targetOf, withNewest, withOlder } from "../../../src/page/state/historyPages.ts"
import { initialState } from "../../../src/page/state/PageState.ts"
import { indexAt, topsOf } from "../../../src/page/view/rowWindow.ts"
import { dayName } from "../../../src/page/words/dayWords.ts"
import { endedRun } from "../../browser/support/runs.ts"

const run = (id: number, startedAt = "2026-11-22T10:00:00Z"): Run =>
  endedRun({ request_id: id.toString(16).padStart(8, "0"), started_at: startedAt })
const page = (ids: ReadonlyArray<number>, cursor: string | null): RunsPage => ({
  ok: true,
  runs: ids.map((id) => run(id)),
  next_cursor: cursor
})
const history = { ...initialState.history, runs: page([5, 4, 3, 2], "b").runs, nextCursor: "b" }
const at = (day: number) => run(day, new Date(2026, 10, day, 12).toISOString())
const time = (year: number, month: number, day: number, hour = 0, minute = 0) =>
  ({ kind: "time", beforeMillis: new Date(year, month, day, hour, minute).getTime() }) as const
const ids = (runs: ReadonlyArray<Run>) => runs.map(({ request_id }) => Number.parseInt(request_id, 16))

describe("pages of the history", () => {
  it("put the newest before what is loaded, each run once", () => {
    const joined = withNewest(history, page([7, 6, 5, 4], "a"))
    assert.deepStrictEqual(ids(joined.runs), [7, 6, 5, 4, 3, 2])
    assert.strictEqual(joined.nextCursor, "b")
  })

  it("begin anew where runs between are not known", () => {
    const joined = withNewest(history, page([20, 19], "c"))
    assert.deepStrictEqual(ids(joined.runs), [20, 19])
    assert.strictEqual(joined.nextCursor, "c")
  })

  it("forget what a whole history does not have any more", () => {
    const joined = withNewest(history, page([5, 4], null))
    assert.deepStrictEqual(ids(joined.runs), [5, 4])
    assert.isNull(joined.nextCursor)
  })

  it("put older ones behind, each run once", () => {
    const joined = withOlder(history, page([2, 1], null))
    assert.deepStrictEqual(ids(joined.runs), [5, 4, 3, 2, 1])
    assert.isNull(joined.nextCursor)
  })

  it("are asked for by filter and cursor", () => {
    assert.strictEqual(runsPath("all"), "runs?limit=100&counts=1")
    assert.strictEqual(runsPath("failed"), "runs?limit=100&counts=1&state=failed")
    assert.strictEqual(runsPath("stopped"), "runs?limit=100&counts=1&state=stopped,interrupted")
    assert.strictEqual(runsPath("auto", "a/b"), "runs?limit=100&cursor=a%2Fb&autopoll=1")
  })

  it("have a heading for each day; the count of one that goes on is open", () => {
    const items = itemsOf(
      { runs: [at(22), at(21), at(21)], nextCursor: "x" },
      new Date(2026, 10, 22, 13).getTime(),
      dayName
    )
    assert.deepStrictEqual(
      items.flatMap((item) => (item.kind === "day" ? [`${item.name}: ${item.count}`] : [])),
      ["Today: 1 run", "Yesterday: 2+ runs"]
    )
  })
})

describe("a place to go to", () => {
  const now = new Date(2026, 10, 22, 13, 53).getTime()

  it("is an id or its beginning", () => {
    assert.deepStrictEqual(targetOf(" 3F9C21AB ", now), { kind: "id", id: "3f9c21ab", isWhole: true })
    assert.deepStrictEqual(targetOf("auto5d20c9e3", now), { kind: "id", id: "auto5d20c9e3", isWhole: true })
    assert.deepStrictEqual(targetOf("3f9", now), { kind: "id", id: "3f9", isWhole: false })
  })

  it("is a day, a minute of one, or a minute of today; what starts within it is meant", () => {
    assert.deepStrictEqual(targetOf("2026-11-20", now), time(2026, 10, 21))
    assert.deepStrictEqual(targetOf("2026-11-20 09:30", now), time(2026, 10, 20, 9, 31))
    assert.deepStrictEqual(targetOf("09:30", now), time(2026, 10, 22, 9, 31))
  })

  it("is nothing else", () => {
    for (const text of ["", "  ", "hello", "2026-02-30", "123456789"]) assert.isUndefined(targetOf(text, now), text)
  })
})

describe("rows of known heights", () => {
  it("are found by pixel", () => {
    const tops = topsOf([{ kind: "day" }, { kind: "run" }, { kind: "run" }], { day: 30, run: 28 })
    assert.deepStrictEqual([...tops], [0, 30, 58, 86])
    assert.deepStrictEqual(
      [-1, 0, 29, 30, 57, 58, 85, 1_000].map((pixel) => indexAt(tops, pixel)),
      [0, 0, 0, 1, 1, 2, 2, 2]
    )
    assert.strictEqual(indexAt([0], 10), 0)
  })
})
