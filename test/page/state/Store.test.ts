import { afterEach, assert, describe, it, vi } from "vitest"
import { Store } from "../../../src/page/state/Store.ts"
import { stubBrowser } from "./browser.ts"

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A timer that was set before this one has come. */
const timers = () => new Promise((resolve) => setTimeout(resolve))

const opened = () => {
  const browser = stubBrowser()
  const store = new Store({ count: 0 })
  const heard: Array<number> = []
  store.subscribe(({ count }) => heard.push(count))
  return { browser, store, heard }
}

describe("the page's state", () => {
  it("is told once a frame, however often it changed", () => {
    const { browser, store, heard } = opened()
    store.update({ count: 1 })
    store.update({ count: 2 })
    assert.strictEqual(browser.frames.length, 1)
    browser.frames[0]?.()
    assert.deepStrictEqual(heard, [2])
  })

  it("is told in a hidden tab, also where the tab was hidden before the frame came", async () => {
    const { browser, store, heard } = opened()
    store.update({ count: 1 })
    browser.document.hidden = true
    browser.document.dispatchEvent(new Event("visibilitychange"))
    await timers()
    assert.deepStrictEqual(heard, [1])
    store.update({ count: 2 })
    await timers()
    assert.deepStrictEqual(heard, [1, 2])
    // The frame comes after all, once the tab is seen again.
    browser.frames[0]?.()
    assert.deepStrictEqual(heard, [1, 2])
  })
})
