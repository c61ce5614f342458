import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Redraw } from "../../../src/page/log/Redraw.ts"

const hiddenMillis = 500

/** A page whose frames come when a test says so. */
const pageOf = (isHidden: boolean) => {
  const page = Object.assign(new EventTarget(), { hidden: isHidden })
  let frames: Array<() => void> = []
  vi.stubGlobal("document", page)
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame))
  let drawn = 0
  const redraw = new Redraw(() => (drawn += 1), hiddenMillis)
  return {
    redraw,
    drawn: () => drawn,
    frame: () => {
      const now = frames
      frames = []
      for (const each of now) each()
    },
    turn: (hidden: boolean) => {
      page.hidden = hidden
      page.dispatchEvent(new Event("visibilitychange"))
    }
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("Redraw", () => {
  it("draws once in a frame", () => {
    const { redraw, drawn, frame } = pageOf(false)
    redraw.schedule()
    redraw.schedule()
    assert.strictEqual(drawn(), 0)
    frame()
    frame()
    assert.strictEqual(drawn(), 1)
    redraw.schedule()
    frame()
    assert.strictEqual(drawn(), 2)
  })

  it("draws a hidden page without frames", () => {
    const { redraw, drawn } = pageOf(true)
    redraw.schedule()
    vi.advanceTimersByTime(hiddenMillis)
    assert.strictEqual(drawn(), 1)
  })

  it("draws a page that is hidden before its frame came, and goes on", () => {
    const { redraw, drawn, frame, turn } = pageOf(false)
    redraw.schedule()
    turn(true)
    vi.advanceTimersByTime(hiddenMillis)
    assert.strictEqual(drawn(), 1)
    redraw.schedule()
    vi.advanceTimersByTime(hiddenMillis)
    assert.strictEqual(drawn(), 2)
    turn(false)
    frame()
    assert.strictEqual(drawn(), 2)
    redraw.schedule()
    frame()
    assert.strictEqual(drawn(), 3)
  })
})
