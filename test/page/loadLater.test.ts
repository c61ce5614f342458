import { afterEach, assert, describe, it, vi } from "vitest"
import { makeLaterActions } from "../../src/page/actions/laterActions.ts"
import { loadLater } from "../../src/page/loadLater.ts"
import { initialState, type PageState } from "../../src/page/state/PageState.ts"
import { Store } from "../../src/page/state/Store.ts"
import { ToldApi } from "./state/browser.ts"

afterEach(() => {
  vi.unstubAllGlobals()
})

const createElement = () => Object.assign(new EventTarget(), { remove: () => undefined })

/** A document whose styles are loaded or not. */
const stubDocument = (event: "load" | "error") => {
  const append = (link: EventTarget) => setTimeout(() => link.dispatchEvent(new Event(event)))
  const fields = { hidden: true, head: { append }, querySelector: () => null, createTreeWalker: () => ({}) }
  vi.stubGlobal("document", Object.assign(new EventTarget(), fields, { createElement }))
}

const pressed = async (connection: PageState["connection"]) => {
  const store = new Store<PageState>({ ...initialState, connection })
  makeLaterActions({ store, api: new ToldApi(() => ({})) }).checkNow()
  await vi.waitUntil(() => store.state.notice !== undefined)
  return store.state.notice
}

describe("a part of the page that is not there", () => {
  it("is told where it is wanted, and tried again", async () => {
    stubDocument("error")
    assert.strictEqual(await pressed({ kind: "online" }), "A part of the page could not be loaded; reload it.")
    assert.strictEqual(
      await pressed({ kind: "unreachable", sinceMillis: 0, nextTryMillis: 0 }),
      "Looper does not answer; nothing was sent."
    )
    stubDocument("load")
    assert.isDefined(await loadLater(new Store<PageState>(initialState)))
  })
})
