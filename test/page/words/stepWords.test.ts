import { assert, describe, it } from "@effect/vitest"
import { initialState, type PageState } from "../../../src/page/state/PageState.ts"
import { startingBand } from "../../../src/page/words/startingBand.ts"
import { startingSteps } from "../../../src/page/words/stepWords.ts"
import { endedRun } from "../../browser/support/runs.ts"
import { states } from "../../browser/support/states.ts"

const { status } = states.starting
const holder = status.holder!
const shownRun = endedRun({ request_id: holder.request_id, state: "starting", workspace: "/srv/another" })
const state: PageState = { ...initialState, status, shownRun, nowMillis: states.starting.nowMillis ?? 0 }

describe("a sequence's steps", () => {
  it("name the workspace that the request named, and none where that is not known", () => {
    assert.strictEqual(startingSteps(holder, state)[0]?.detail, "/srv/another")
    assert.strictEqual(startingSteps(holder, { ...state, shownRun: undefined })[0]?.detail, "")
  })

  it("tell no default of how long codex is watched: a request may have its own", () => {
    const since = holder.since
    const steps = [
      { step: "startup_check", started_at: since, ended_at: null, duration_ms: null, result: null }
    ] as const
    const watching = { ...holder, step: "startup_check", steps } as const
    const [line] = startingSteps(watching, state)
    assert.strictEqual(line?.title, "Watching it start")
    assert.notInclude(line?.time ?? "", "of")
    assert.deepStrictEqual(startingBand(state, watching).sentence[0], { b: "Watching codex start." })
  })
})
