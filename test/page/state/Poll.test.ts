import { afterEach, assert, describe, it, vi } from "vitest"
import { ApiError, Unreachable } from "../../../src/page/api/ApiError.ts"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { Poll } from "../../../src/page/state/Poll.ts"
import { Store } from "../../../src/page/state/Store.ts"
import { stubBrowser, ToldApi } from "./browser.ts"

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("who asks for the status", () => {
  it("asks nothing without a token once one is wanted, whatever happens to the tab", async () => {
    const { document, window } = stubBrowser()
    const store = new Store<PageState>(initialState)
    const api = new ToldApi(() => {
      throw new ApiError(401, { code: "unauthorized" })
    })
    const poll = new Poll(store, api, async () => undefined)
    poll.ask()
    // Wanted while it asks, too.
    poll.ask()
    await vi.waitUntil(() => store.state.connection.kind === "unauthorized")
    await new Promise((resolve) => setTimeout(resolve))
    document.dispatchEvent(new Event("visibilitychange"))
    window.dispatchEvent(new Event("online"))
    poll.ask()
    assert.deepStrictEqual(api.asked, ["status"])
  })

  it("is told of a shutdown until its deadline, though the door is closed by then", async () => {
    stubBrowser()
    const store = new Store<PageState>(initialState)
    const deadline = new Date(10_000).toISOString()
    let error: Error = new ApiError(503, { code: "shutting_down", deadline_at: deadline, on_shutdown: "stop" })
    const api = new ToldApi(() => {
      throw error
    })
    const poll = new Poll(store, api, async () => undefined)
    const askAt = async (millis: number) => {
      api.tellTime(millis)
      const before = api.asked.length
      poll.ask()
      await vi.waitUntil(() => api.asked.length > before)
      await new Promise((resolve) => setTimeout(resolve))
      return store.state.connection.kind
    }
    assert.strictEqual(await askAt(2_000), "shuttingDown")
    error = new Unreachable("refused")
    assert.strictEqual(await askAt(9_000), "shuttingDown")
    assert.strictEqual(await askAt(10_001), "unreachable")
    assert.deepInclude(store.state.connection, { hasEndedRun: true })
  })
})
