import { afterEach, assert, describe, it, vi } from "vitest"
import { ApiError } from "../../../src/page/api/ApiError.ts"
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
})
