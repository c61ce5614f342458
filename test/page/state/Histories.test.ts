import { afterEach, assert, describe, it, vi } from "vitest"
import type { Status } from "../../../src/page/api/answers.ts"
import { Histories } from "../../../src/page/state/Histories.ts"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { Store } from "../../../src/page/state/Store.ts"
import { states } from "../../browser/support/states.ts"
import { stubBrowser, ToldApi } from "./browser.ts"

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** How often the history is asked for by two looks at the status, so many milliseconds apart. */
const asksWithin = async (status: Status, millis: number) => {
  stubBrowser()
  vi.useFakeTimers({ toFake: ["Date"] })
  const api = new ToldApi(() => ({ runs: [], next_cursor: null }))
  const histories = new Histories(new Store<PageState>(initialState), api)
  await histories.onStatus(status)
  vi.setSystemTime(Date.now() + millis)
  await histories.onStatus(status)
  return api.asked.length
}

describe("the history", () => {
  it("is asked for again soon while nothing runs: a run may come and go between two looks", async () => {
    assert.strictEqual(await asksWithin(states.idle.status, 4_000), 1)
    assert.strictEqual(await asksWithin(states.idle.status, 6_000), 2)
  })

  it("rests while a run lives: its end is seen by the status", async () => {
    assert.strictEqual(await asksWithin(states.running.status, 50_000), 1)
    assert.strictEqual(await asksWithin(states.running.status, 70_000), 2)
  })
})
