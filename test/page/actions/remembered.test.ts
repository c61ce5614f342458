import { afterEach, assert, describe, it, vi } from "vitest"
import { rememberedUnanswered, rememberUnanswered } from "../../../src/page/actions/remembered.ts"

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe("a request that got no answer", () => {
  it("is remembered for ten minutes: who sends the same later means another start", () => {
    const items = new Map<string, string>()
    const setItem = (key: string, value: string) => void items.set(key, value)
    vi.stubGlobal("sessionStorage", { getItem: (key: string) => items.get(key) ?? null, setItem })
    vi.useFakeTimers({ now: 0 })
    const unanswered = { body: "{}", key: "0a0a0a0a" }
    rememberUnanswered(unanswered)
    vi.setSystemTime(599_999)
    assert.deepStrictEqual(rememberedUnanswered(), unanswered)
    vi.setSystemTime(600_000)
    assert.isUndefined(rememberedUnanswered())
    rememberUnanswered(unanswered)
    assert.deepStrictEqual(rememberedUnanswered(), unanswered)
    rememberUnanswered(undefined)
    assert.isUndefined(rememberedUnanswered())
  })
})
