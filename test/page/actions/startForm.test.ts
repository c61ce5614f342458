import { assert, describe, it } from "@effect/vitest"
import { emptyForm, emptyTexts } from "../../../src/page/actions/formState.ts"
import { announcement, edited, keyFor, shownTexts, start } from "../../../src/page/actions/startForm.ts"
import { running, status } from "./status.ts"

const { defaults } = status()
const foreign = status({
  idle: { reason: "alive_tasks", text: "", pids: [51_120], blocking: [], log_changed_at: null }
})

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
    const form = { ...emptyForm, message: "Next", delay: "2.5" }
    const body = { zulip_message: "Next", codex_exec_delay_seconds: "2.5" }
    assert.deepStrictEqual(start(form, running()), {
      kind: "run",
      body,
      victim: { run: { id: "3f9c21ab", pid: 48_213 }, others: [] }
    })
  })

  it("without a message launches where nothing lives, and stops first where something does", () => {
    const form = { ...emptyForm, message: " ", prompt: "Mine", workspace: "/w" }
    const body = { codex_prompt: "Mine", workspace: "/w" }
    assert.deepStrictEqual(start(form, status()), { kind: "spawn", body, victim: undefined })
    const own = { run: { id: "3f9c21ab", pid: 48_213 }, others: [] }
    assert.deepStrictEqual(start(form, running()), { kind: "spawn", body, victim: own })
    const others = { run: undefined, others: [51_120] }
    assert.deepStrictEqual(start(form, foreign), { kind: "spawn", body, victim: others })
    // A start that was refused named them.
    const both = { run: own.run, others: [51_120, 51_200] }
    // Its own pid was named before the status had the run.
    const named = { ...form, alsoAlive: [51_120, 51_200, 48_213] }
    assert.deepStrictEqual(start(named, running()), { kind: "spawn", body, victim: both })
    const strangers = { run: undefined, others: [51_120, 51_200, 48_213] }
    assert.deepStrictEqual(start(named, foreign), { kind: "spawn", body, victim: strangers })
  })

  it("leaves out a workspace and a delay that were emptied", () => {
    const form = { ...emptyForm, workspace: "", delay: " " }
    assert.deepStrictEqual(start(form, status()), { kind: "spawn", body: {}, victim: undefined })
  })

  it.each(["", "  \n"])("refuses the empty prompt %j, which the API would take for an announcement", (prompt) => {
    const submission = start({ ...emptyForm, prompt, message: "Next" }, running())
    assert.deepStrictEqual(submission, {
      kind: "refused",
      problem: { field: "prompt", text: "Without a prompt there is nothing to start." }
    })
  })

  it("says why there is no default prompt", () => {
    const unusable = { ...defaults, prompt: null, prompt_error: "prompts/default.md cannot be read" }
    const submission = start(emptyForm, status({ defaults: unusable }))
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
