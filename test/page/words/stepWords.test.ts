import { assert, describe, it } from "@effect/vitest"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { startingBand } from "../../../src/page/words/startingBand.ts"
import { startingSteps } from "../../../src/page/words/stepWords.ts"
import { states } from "../../browser/support/states.ts"

const { status } = states.starting
const holder = status.holder!
const state: PageState = { ...initialState, status, nowMillis: states.starting.nowMillis ?? 0 }
/** One step under way, half a second long, of a request that named its own times. */
const doing = (step: "delay" | "startup_check", waits: Partial<typeof holder>) => ({
  ...holder,
  ...waits,
  step,
  steps: [
    {
      step,
      started_at: new Date(state.nowMillis - 500).toISOString(),
      ended_at: null,
      duration_ms: null,
      result: null,
      detail: null
    }
  ]
})
/** Of a sequence that has only begun. */
const titles = (over: Partial<typeof holder>) =>
  startingSteps({ ...holder, steps: [], ...over }, state).map(({ title }) => title)

describe("a sequence's steps", () => {
  it("tell what each came to", () => {
    const details = startingSteps(holder, state).map(({ detail }) => detail)
    assert.deepStrictEqual(details.slice(0, 4), [...holder.steps.slice(0, 3).map(({ detail }) => detail), ""])
  })

  it("tell a message that did not arrive and was not required, and go on", () => {
    const detail = "failed to send Zulip message: Missing ZULIP_SITE"
    const steps = holder.steps.map((step) =>
      step.step === "notify" ? { ...step, result: "notify_failed", detail } : step
    )
    const [, notify, kill] = startingSteps({ ...holder, steps }, state)
    assert.deepInclude(notify, { kind: "bad", detail })
    assert.deepInclude(kill, { kind: "ok" })
  })

  it("tell how long the sequence waits, whatever the default is", () => {
    const delay = doing("delay", { delay_seconds: 90 })
    assert.strictEqual(startingSteps(delay, state)[0]?.time, "0.5 of 90 s")
    assert.deepStrictEqual(startingBand(state, delay).sentence[0], { b: "Waiting 1 m 30 s before launch." })
    const watching = doing("startup_check", { startup_check_seconds: 7 })
    assert.deepInclude(startingSteps(watching, state)[0], { title: "Watching it for 7 s", time: "0.5 of 7 s" })
    const unwatched = doing("startup_check", { startup_check_seconds: 0 })
    assert.deepInclude(startingSteps(unwatched, state)[0], { title: "Watching it start", time: "0.5 s" })
  })

  it("leave a delay out that is none, and have the one of POST /spawn", () => {
    assert.notInclude(titles({ delay_seconds: 0 }), "Wait before launch")
    assert.deepStrictEqual(titles({ operation: "spawn" }), [
      "Check the request",
      "Wait before launch",
      "Launch codex",
      "Watch it for 1 s"
    ])
  })
})
