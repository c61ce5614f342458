import { assert, describe, it } from "@effect/vitest"
import { emptyForm, emptyTexts } from "../../../src/page/actions/formState.ts"
import { announcement, edited, keyFor, shownTexts, start } from "../../../src/page/actions/startForm.ts"
import { running, status } from "./status.ts"

const { defaults } = status()
const foreign = status({ idle: { reason: "alive_tasks", text: "", pids: [51_120], blocking: [] } })

const draw = () => "new"

describe("the start form", () => {
  it("shows the defaults where nothing was typed", () => {
    const texts = { prompt: "Take the next item.", message: "", workspace: "/home/me/src/verifycad", delay: "1" }
    assert.deepStrictEqual(shownTexts(emptyForm, defaults), texts)
  })

  it("takes a text that reads as its default for the default", () => {
    const typed = edited(emptyForm, { prompt: "Mine", workspace: "/w", delay: "2" }, defaults)
    assert.deepStrictEqual(typed, { prompt: "Mine", message: "", workspace: "/w", delay: "2" })
    const back = edited(typed, { prompt: "Take the next item.", workspace: defaults.workspace, delay: "1" }, defaults)
    assert.deepStrictEqual(back, emptyTexts)
  })

  it("goes back to a default on request", () => {
    const typed = edited(emptyForm, { prompt: "Mine" }, defaults)
    assert.deepStrictEqual(edited(typed, { prompt: undefined }, defaults), emptyTexts)
  })

  it("with a message is one run, and says only what differs from the defaults", () => {
    const form = { ...emptyTexts, message: "Next", delay: "2.5" }
    const body = { zulip_message: "Next", codex_exec_delay_seconds: "2.5" }
    assert.deepStrictEqual(start(form, running()), { kind: "run", body })
  })

  it("without a message launches where nothing lives, and stops first where something does", () => {
    const form = { ...emptyTexts, message: " ", prompt: "Mine", workspace: "/w" }
    const body = { codex_prompt: "Mine", workspace: "/w" }
    assert.deepStrictEqual(start(form, status()), { kind: "spawn", body, stopsFirst: undefined })
    const own = { runId: "3f9c21ab", pids: [] }
    assert.deepStrictEqual(start(form, running()), { kind: "spawn", body, stopsFirst: own })
    const others = { runId: undefined, pids: [51_120] }
    assert.deepStrictEqual(start(form, foreign), { kind: "spawn", body, stopsFirst: others })
  })

  it("leaves out a workspace and a delay that were emptied", () => {
    const form = { ...emptyTexts, workspace: "", delay: " " }
    assert.deepStrictEqual(start(form, status()), { kind: "spawn", body: {}, stopsFirst: undefined })
  })

  it.each(["", "  \n"])("refuses the empty prompt %j, which the API would take for an announcement", (prompt) => {
    const submission = start({ ...emptyTexts, prompt, message: "Next" }, running())
    assert.deepStrictEqual(submission, {
      kind: "refused",
      problem: { field: "prompt", text: "Without a prompt there is nothing to start." }
    })
  })

  it("says why there is no default prompt", () => {
    const unusable = { ...defaults, prompt: null, prompt_error: "prompts/default.md cannot be read" }
    const submission = start(emptyTexts, status({ defaults: unusable }))
    assert.deepStrictEqual(submission, {
      kind: "refused",
      problem: { field: "prompt", text: "prompts/default.md cannot be read" }
    })
  })

  it("announces a message, and nothing but one", () => {
    assert.deepStrictEqual(announcement({ ...emptyTexts, message: "Hi", prompt: "Mine" }), {
      kind: "announce",
      body: { zulip_message: "Hi" }
    })
    assert.strictEqual(announcement({ ...emptyTexts, message: "  " }).kind, "refused")
  })

  it("keeps its key for the same body that got no answer, and no other", () => {
    const unanswered = { body: "{}", key: "old" }
    assert.strictEqual(keyFor("{}", unanswered, draw), "old")
    assert.strictEqual(keyFor('{"a":1}', unanswered, draw), "new")
    assert.strictEqual(keyFor("{}", undefined, draw), "new")
  })
})
