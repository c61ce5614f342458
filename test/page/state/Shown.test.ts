import { afterEach, assert, describe, it, vi } from "vitest"
import { Histories } from "../../../src/page/state/Histories.ts"
import { initialState, nothingSeen, type PageState } from "../../../src/page/state/PageState.ts"
import { Shown } from "../../../src/page/state/Shown.ts"
import { Store } from "../../../src/page/state/Store.ts"
import { endedRun } from "../../browser/support/runs.ts"
import { states } from "../../browser/support/states.ts"
import { stubBrowser, ToldApi } from "./browser.ts"

afterEach(() => {
  vi.unstubAllGlobals()
})

const { status } = states.running
const old = endedRun({ request_id: "00000001" as never })
const newest = status.run?.request_id ?? ""
const header = "# looper_request_id=00000001\n# command=codex exec 'do it'\n\n"

const opened = (search = "") => {
  const browser = stubBrowser()
  browser.location.search = search
  const store = new Store<PageState>({ ...initialState, status, recent: [old] })
  const api = new ToldApi((path) => (path.startsWith("runs?") ? { runs: [old], next_cursor: null } : header))
  return { ...browser, store, api }
}

describe("the run that is open", () => {
  it("is the newest again when somebody goes back to an address without one, also from a log that was scrolled", () => {
    const { store, api, location, window } = opened("?run=00000001")
    const shown = new Shown(store, api)
    shown.choose()
    assert.strictEqual(store.state.shownRun?.request_id, "00000001")
    shown.onLog({ command: undefined, stream: "ended", isFollowing: false })
    location.search = ""
    window.dispatchEvent(new Event("popstate"))
    assert.strictEqual(store.state.shownRun?.request_id, newest)
    assert.isUndefined(store.state.newerRunId)
  })

  it("stays where only a place in its log is another", () => {
    const { store, api, location, window } = opened()
    const shown = new Shown(store, api)
    store.update({ shownRun: old })
    shown.onLog({ command: undefined, stream: "ended", isFollowing: false })
    location.hash = "#b7"
    window.dispatchEvent(new Event("popstate"))
    assert.strictEqual(store.state.shownRun?.request_id, "00000001")
  })
})

describe("a mark in the log", () => {
  it("pins the run as long, and a newer one is offered meanwhile", () => {
    const { store, api, history, location } = opened()
    const shown = new Shown(store, api)
    store.update({ status: { ...status, run: null } })
    shown.choose()
    shown.mark("00000001", { start: 5, end: 9 })
    assert.strictEqual(history.address, "/?run=00000001#b5-9")
    location.search = "?run=00000001"
    store.update({ status })
    shown.choose()
    assert.strictEqual(store.state.shownRun?.request_id, "00000001")
    assert.strictEqual(store.state.newerRunId, newest)
    shown.mark("00000001", undefined)
    assert.strictEqual(history.address, "/")
    assert.isUndefined(store.state.pinnedRunId)
  })

  it("leaves a run pinned that somebody pinned", () => {
    const { store, api, history } = opened("?run=00000001")
    const shown = new Shown(store, api)
    shown.choose()
    shown.mark("00000001", { start: 5, end: 9 })
    shown.mark("00000001", undefined)
    assert.strictEqual(history.address, "/?run=00000001")
    assert.strictEqual(store.state.pinnedRunId, "00000001")
    shown.choose()
    assert.isUndefined(store.state.newerRunId)
  })
})

/** A page that follows or reads `old`, which is the newest until `start`. */
const reading = () => {
  const { store, api } = opened()
  store.update({ status: states.idle.status, recent: [old] })
  const shown = new Shown(store, api)
  const log = (stream: "open" | "ended", isFollowing: boolean) =>
    shown.onLog({ command: undefined, stream, isFollowing })
  const start = () => {
    store.update({ status })
    shown.choose()
    return store.state.shownRun?.request_id
  }
  store.update({ shownRun: old })
  return { store, log, start, choose: () => shown.choose() }
}

describe("the run that is newer than the one that is read", () => {
  it("opens for who followed to the end, also if he looked back from there and returned", () => {
    const { log, start } = reading()
    log("open", true)
    for (const isFollowing of [true, false, true]) log("ended", isFollowing)
    assert.strictEqual(start(), newest)
  })

  it("is only named to who reads on in a log that has ended, and when he finishes it", () => {
    for (const wasFollowing of [true, false]) {
      const { store, log, start } = reading()
      log("open", wasFollowing)
      log("ended", false)
      assert.strictEqual(start(), "00000001")
      assert.strictEqual(store.state.newerRunId, newest)
      log("ended", true)
      assert.strictEqual(start(), "00000001")
      assert.strictEqual(store.state.newerRunId, newest)
    }
  })

  it("is named no more where its start failed", () => {
    const { store, log, start, choose } = reading()
    log("open", false)
    assert.strictEqual(start(), "00000001")
    assert.strictEqual(store.state.newerRunId, newest)
    store.update({ status: states.idle.status, recent: [old] })
    choose()
    assert.isUndefined(store.state.newerRunId)
  })

  it("is only named to who finished a log after its end that he did not follow", () => {
    const { log, start } = reading()
    log("open", false)
    for (const isFollowing of [false, true]) log("ended", isFollowing)
    assert.strictEqual(start(), "00000001")
  })
})

describe("a page that is blank until a token is entered anew", () => {
  it("reads the prompt and the history again", async () => {
    const { store, api } = opened("?run=00000001")
    const shown = new Shown(store, api)
    const histories = new Histories(store, api)
    const load = async () => {
      await histories.onStatus(status)
      shown.choose()
      await vi.waitUntil(() => store.state.prompt !== undefined)
    }
    await load()
    const first = api.asked.splice(0)
    assert.includeMembers(first, ["runs/00000001/log"])
    store.update(nothingSeen())
    histories.reset()
    shown.reset()
    store.update({ status })
    await load()
    assert.deepStrictEqual(api.asked, first)
    assert.strictEqual(store.state.history.runs.length, 1)
  })
})
