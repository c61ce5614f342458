import { assert, describe, it } from "vitest"
import type { Status } from "../../../src/page/api/answers.ts"
import { type Asked, openPage } from "./page.ts"
import { liveRun, running, status } from "./status.ts"

const paths = (asked: ReadonlyArray<Asked>) =>
  asked.map(({ path, body }) => (body.dry_run === true ? `dry ${path}` : path))
const refusal = (code: string, error: string, fields: object = {}) => ({ ok: false, code, error, ...fields })
const holderOf = (id: string): Status["holder"] => ({
  request_id: id as NonNullable<Status["holder"]>["request_id"],
  operation: "run",
  step: "delay",
  since: "2026-11-22T13:53:18.000Z",
  delay_seconds: 1,
  startup_check_seconds: 1,
  steps: []
})

/** Listeners have heard of the state: a hidden page tells it by a timer of its own, which comes before this one. */
const told = () => new Promise((resolve) => setTimeout(resolve))

describe("the start dialog's button", () => {
  it("asks whether a start would be refused before it stops anything for it", async () => {
    await using page = await openPage(running())
    page.actions.openDialog("start")
    page.actions.editForm({ delay: "abc" })
    page.answer(() => [400, refusal("invalid_request", "'codex_exec_delay_seconds' must be a number")])
    page.actions.submitForm()
    const { form, dialog } = await page.until(({ form }) => form.problem !== undefined)
    assert.deepStrictEqual(paths(page.asked), ["dry /run"])
    assert.strictEqual(form.problem?.field, "delay")
    assert.strictEqual(dialog, "start")
    assert.strictEqual(form.delay, "abc")
  })

  it("without a message stops the run that was shown, then launches", async () => {
    await using page = await openPage(running())
    page.answer(() => [200, { ok: true, codex_exec_pids: [48_213] }])
    page.actions.openDialog("start")
    page.actions.editForm({ prompt: "Mine" })
    page.actions.submitForm()
    await page.until(({ dialog }) => dialog === "none")
    assert.deepStrictEqual(paths(page.asked), ["dry /run", "/runs/3f9c21ab/stop", "/spawn"])
    assert.deepStrictEqual(page.asked.at(-1)?.body, { codex_prompt: "Mine" })
  })

  it("stops others' codex exec only where it showed each of them", async () => {
    const idle = { reason: "alive_tasks", text: "", pids: [51_120], blocking: [], log_changed_at: null } as const
    await using page = await openPage(status({ idle }))
    const alive = { pids: [51_120, 51_200] }
    page.answer(({ path }) => [200, path === "/run" ? { ok: true, codex_exec_pids: alive.pids } : { ok: true }])
    page.actions.openDialog("start")
    page.actions.submitForm()
    const { form } = await page.until(({ form }) => form.problem !== undefined)
    assert.deepStrictEqual(paths(page.asked), ["dry /run"])
    assert.strictEqual(
      form.problem?.text,
      "Another codex exec lives (pid 51200). Nothing was changed. Your text is kept; starting again stops it too."
    )
    page.actions.submitForm()
    await page.until(({ dialog }) => dialog === "none")
    assert.deepStrictEqual(paths(page.asked), ["dry /run", "dry /run", "/kill", "/spawn"])
  })

  it("says that it stopped where something else lives by then", async () => {
    await using page = await openPage(running())
    page.actions.openDialog("start")
    page.answer(({ path }) =>
      path === "/spawn"
        ? [409, refusal("run_alive", "busy: a codex exec is running", { pids: [7] })]
        : [200, { ok: true, codex_exec_pids: [48_213] }]
    )
    page.actions.submitForm()
    const { form } = await page.until(({ form }) => form.problem !== undefined)
    assert.strictEqual(
      form.problem?.text,
      "Another codex exec lives (pid 7). What ran was stopped before that, by this page. " +
        "Your text is kept; starting again stops it too."
    )
  })

  it("closes the dialog as soon as the sequence is seen, and the request stays open", async () => {
    await using page = await openPage(status({ holder: holderOf("00000001") }))
    const answer = Promise.withResolvers<readonly [number, object]>()
    page.answer(() => answer.promise)
    page.actions.openDialog("start")
    page.actions.editForm({ message: "Next" })
    page.actions.submitForm()
    // Who held the lock before is not this sequence.
    page.store.update({ status: status({ holder: holderOf("00000001") }) })
    await told()
    assert.strictEqual(page.store.state.dialog, "start")
    page.store.update({ status: status({ holder: holderOf("b81e04d7") }) })
    const seen = await page.until(({ dialog }) => dialog === "none")
    assert.isTrue(seen.form.isSending)
    answer.resolve([500, refusal("exited_early", "codex exec exited early", { step: "startup_check" })])
    const after = await page.until(({ form }) => !form.isSending)
    assert.strictEqual(after.dialog, "none", "the band tells it")
    assert.isUndefined(after.notice)
  })

  it("opens again where another's sequence was taken for its own", async () => {
    await using page = await openPage(status())
    const answer = Promise.withResolvers<readonly [number, object]>()
    page.answer(() => answer.promise)
    page.actions.openDialog("start")
    page.actions.editForm({ message: "Next" })
    page.actions.submitForm()
    page.store.update({ status: status({ holder: holderOf("b81e04d7") }) })
    await page.until(({ dialog }) => dialog === "none")
    answer.resolve([409, refusal("run_busy", "busy", { holder: holderOf("b81e04d7") })])
    const { form } = await page.until(({ dialog }) => dialog === "start")
    assert.match(form.problem?.text ?? "", /^Another start is under way \(request b81e04d7, step delay/)
    assert.strictEqual(form.message, "Next")
  })

  it("sends the same key again only for the same text that got no answer", async () => {
    await using page = await openPage(status())
    page.actions.openDialog("start")
    page.actions.editForm({ message: "Next" })
    page.answer(() => undefined)
    const sendOnce = async () => {
      page.actions.submitForm()
      await page.until(({ form }) => form.isSending)
      await page.until(({ form }) => !form.isSending)
    }
    await sendOnce()
    page.answer(() => [502, { message: "Bad Gateway" }])
    await sendOnce()
    page.answer(() => [409, refusal("run_busy", "busy", { holder: holderOf("b81e04d7") })])
    await sendOnce()
    await sendOnce()
    page.actions.editForm({ message: "Another" })
    await sendOnce()
    const keys = page.asked.map(({ key }) => key)
    assert.strictEqual(new Set(keys.slice(0, 3)).size, 1, "no answer, a gateway's, an answer")
    assert.strictEqual(new Set(keys).size, 3, "after an answer each is a new one")
  })

  it("sends once, however often it is pressed", async () => {
    await using page = await openPage(status())
    page.actions.openDialog("announce")
    page.actions.editForm({ message: "Hi" })
    page.answer(() => [200, { ok: true, zulip_output: "OK notifier=log" }])
    page.actions.submitForm()
    page.actions.submitForm()
    const { notice } = await page.until(({ dialog }) => dialog === "none")
    page.actions.submitForm()
    assert.deepStrictEqual(paths(page.asked), ["/notify"])
    assert.strictEqual(notice, "Announced. OK notifier=log")
  })

  it("remembers texts, and a prompt only where it is not the default", async () => {
    await using page = await openPage(status())
    page.actions.openDialog("start")
    page.actions.editForm({ message: "Next", workspace: "/w", prompt: "Take the next item." })
    page.actions.closeDialog()
    assert.deepStrictEqual(JSON.parse(localStorage.getItem("looper.form") ?? ""), { message: "Next", workspace: "/w" })
  })
})

describe("Stop", () => {
  it("hits the run that was shown, not one that was started meanwhile", async () => {
    await using page = await openPage(running())
    page.actions.stop()
    page.store.update({ status: running({ request_id: "4a000001" as never }) })
    page.actions.stop()
    assert.strictEqual(page.store.state.stop.kind, "armed")
    assert.deepStrictEqual(page.asked, [])
  })

  it("says what it stopped, and is stopping until the status says so, too", async () => {
    await using page = await openPage(running())
    page.store.update({
      stop: { kind: "armed", runId: "3f9c21ab", deafUntilMillis: 0, lapsesAtMillis: Number.POSITIVE_INFINITY }
    })
    page.answer(() => [
      200,
      { ok: true, outcome: "stopped", killed_codex_exec_pids: [1], remaining_codex_exec_pids: [] }
    ])
    page.actions.stop()
    const { stop, stoppedHere } = await page.until(({ stoppedHere }) => stoppedHere !== undefined)
    assert.deepStrictEqual(paths(page.asked), ["/runs/3f9c21ab/stop"])
    assert.strictEqual(stop.kind, "stopping")
    assert.deepStrictEqual(stoppedHere, { runId: "3f9c21ab", processCount: 3, remaining: 0 })
    page.store.update({ status: status() })
    await page.until(({ stop }) => stop.kind === "idle")
  })

  it("says who survived", async () => {
    await using page = await openPage(status({ run: liveRun({ process_count: null }) }))
    page.store.update({
      stop: { kind: "armed", runId: "3f9c21ab", deafUntilMillis: 0, lapsesAtMillis: Number.POSITIVE_INFINITY }
    })
    page.answer(() => [500, refusal("survivors_left", "", { remaining_codex_exec_pids: [48_240, 48_267] })])
    page.actions.stop()
    const { stop } = await page.until(({ stop }) => stop.kind === "failed")
    assert.deepInclude(stop, {
      error: "2 processes would not die (pids 48240, 48267). End them by hand, then try again."
    })
  })

  it("cancels a start by its own id, once", async () => {
    await using page = await openPage(status({ holder: holderOf("b81e04d7") }))
    page.answer(() => [
      200,
      { ok: true, outcome: "cancelled", killed_codex_exec_pids: [], remaining_codex_exec_pids: [] }
    ])
    page.actions.cancelStart()
    page.actions.cancelStart()
    const { stoppedHere } = await page.until(({ pending }) => pending.length === 0)
    assert.deepStrictEqual(paths(page.asked), ["/runs/b81e04d7/stop"])
    assert.deepStrictEqual(stoppedHere, { runId: "b81e04d7", processCount: 0, remaining: 0 })
  })
})

describe("autopoll", () => {
  it("says what a tick did, or why it was refused", async () => {
    await using page = await openPage(status())
    page.answer(() => [200, { ok: true, outcome: "skipped", reason: "alive_tasks" }])
    page.actions.checkNow()
    const { notice } = await page.until(({ pending }) => pending.length === 0)
    assert.strictEqual(notice, "Skipped: a codex exec is alive.")
    page.answer(() => [500, refusal("tool_missing", "required tool is missing from PATH: codex")])
    page.actions.checkNow()
    const after = await page.until(({ pending }) => pending.length === 0)
    assert.strictEqual(after.notice, "Nothing was started: Required tool is missing from PATH: codex")
  })

  it("has no say in a start of the default prompt", async () => {
    await using page = await openPage(status())
    page.answer(() => [200, { ok: true, request_id: "b81e04d7" }])
    page.actions.startDefaultNow()
    const { notice } = await page.until(({ pending }) => pending.length === 0)
    assert.deepStrictEqual(
      page.asked.map(({ path, body }) => [path, body]),
      [["/spawn", {}]]
    )
    assert.strictEqual(notice, "Started run b81e04d7.")
  })
})

describe("the token", () => {
  it("that is refused is dropped, the next try waits, and texts are kept", async () => {
    await using page = await openPage(status())
    page.actions.openDialog("start")
    page.actions.editForm({ prompt: "Long thought" })
    page.api.token = "old"
    page.answer(() => [401, refusal("unauthorized", "unauthorized")])
    page.actions.submitForm()
    const { connection, form } = await page.until(({ connection }) => connection.kind === "unauthorized")
    assert.isUndefined(page.api.token)
    assert.deepInclude(connection, { isRefused: true })
    assert.strictEqual(form.prompt, "Long thought")
    const before = page.asked.length
    page.actions.enterToken("new")
    assert.strictEqual(page.asked.length, before)
    assert.isUndefined(page.api.token, "it waits")
  })

  it("opens the page where it is taken, and is nowhere but in the headers", async () => {
    await using page = await openPage(status())
    page.store.update({ connection: { kind: "unauthorized", isRefused: false, notBeforeMillis: undefined } })
    page.answer(() => [200, status()])
    page.actions.enterToken(" secret-token\n")
    const state = await page.until(({ connection }) => connection.kind === "online")
    assert.strictEqual(page.asked[0]?.token, "Bearer secret-token")
    assert.notInclude(JSON.stringify(state), "secret-token")
    assert.notInclude(localStorage.getItem("looper.form") ?? "", "secret-token")
  })

  it("that no header can carry is refused without a request", async () => {
    await using page = await openPage(status())
    page.store.update({ connection: { kind: "unauthorized", isRefused: false, notBeforeMillis: undefined } })
    page.actions.enterToken("schlüssel")
    await page.until(({ connection }) => connection.kind === "unauthorized" && connection.isRefused)
    assert.deepStrictEqual(page.asked, [])
    assert.isUndefined(page.api.token)
  })
})
