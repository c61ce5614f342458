import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import type { LooperApi } from "../../../src/page/api/LooperApi.ts"
import type { Finders } from "../../../src/page/log/Finders.ts"
import { Handout } from "../../../src/page/log/Handout.ts"
import { Announcer } from "../../../src/page/log/Announcer.ts"
import { LaterParts } from "../../../src/page/log/LaterParts.ts"
import type { LogView } from "../../../src/page/log/LogView.ts"

/** Finds nothing. */
class NoFinders {
  reset(): void {}
}

/** Parts that are loaded as soon as `isThere`; nothing of them needs a log. */
const laterOf = () => {
  const page = { isThere: false, announcer: 0, finders: 0, handout: 0, changes: 0 }
  const load = <Module>(name: "announcer" | "finders" | "handout", module: Module) => {
    page[name] += 1
    return page.isThere ? Promise.resolve(module) : Promise.reject(new TypeError("not loaded"))
  }
  const later = new LaterParts({} as LooperApi, {} as LogView, () => (page.changes += 1), {
    announcer: () => load("announcer", { Announcer }),
    finders: () => load("finders", { Finders: NoFinders as unknown as typeof Finders }),
    handout: () => load("handout", { Handout })
  })
  return { page, later }
}

const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe("LaterParts", () => {
  it("says that what was asked for could not be loaded, until it is", async () => {
    const { page, later } = laterOf()
    let found = 0
    later.find(() => (found += 1))
    await settle()
    assert.isTrue(later.isMissing)
    assert.strictEqual(page.changes, 1)
    page.isThere = true
    later.find(() => (found += 1))
    await vi.waitFor(() => assert.isFalse(later.isMissing))
    assert.strictEqual(found, 1)
  })

  it("says it of a link or a download too, until another log is open", async () => {
    const { later } = laterOf()
    later.handOut(async () => {})
    await settle()
    assert.isTrue(later.isMissing)
    later.reset(undefined)
    assert.isFalse(later.isMissing)
  })

  it("counts no errors where that could not be loaded, says nothing, and asks once for each log", async () => {
    const { page, later } = laterOf()
    for (let drawn = 0; drawn < 3; drawn++) {
      later.count()
      await settle()
    }
    assert.strictEqual(page.finders, 1)
    assert.isFalse(later.isMissing)
    later.reset(undefined)
    later.count()
    assert.strictEqual(page.finders, 2)
  })
})
