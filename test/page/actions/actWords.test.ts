import { assert, describe, it } from "@effect/vitest"
import { failureWords, tickWords } from "../../../src/page/actions/actWords.ts"
import { emptyForm } from "../../../src/page/actions/formState.ts"
import { victimWords } from "../../../src/page/actions/victimWords.ts"
import { ApiError, Unreachable } from "../../../src/page/api/ApiError.ts"
import { nowMillis, running, status } from "./status.ts"

describe("whom a start stops", () => {
  it("is nobody where nothing lives", () => {
    assert.isUndefined(victimWords(status(), emptyForm, nowMillis))
  })

  it("has an age", () => {
    assert.strictEqual(
      victimWords(running(), emptyForm, nowMillis),
      "This stops run 3f9c21ab, which has worked for 1 h 12 m and wrote 4 s ago."
    )
    assert.include(
      victimWords(running({ last_output_at: null }), emptyForm, nowMillis) ?? "",
      "has written nothing yet."
    )
  })

  it("may be another's", () => {
    const blocking = [{ pid: 51_120, cwd: "/home/me/src/other", started_at: null }]
    const foreign = status({
      idle: { reason: "alive_tasks", text: "", pids: [51_120], blocking, log_changed_at: null }
    })
    assert.strictEqual(
      victimWords(foreign, emptyForm, nowMillis),
      "This stops another codex exec, not started by Looper: pid 51120 in ~/src/other."
    )
    const named = { alsoAlive: [51_120, 7] }
    assert.strictEqual(
      victimWords(foreign, named, nowMillis),
      "This stops another codex exec, not started by Looper: pid 51120 in ~/src/other; pid 7."
    )
    const both = "wrote 4 s ago. It also stops pids 51120, 7, not started by Looper."
    assert.include(victimWords(running(), named, nowMillis) ?? "", both)
  })
})

describe("what became of a button's request", () => {
  it("is a tick's outcome", () => {
    assert.strictEqual(
      tickWords({ ok: true, outcome: "skipped", reason: "alive_tasks" }),
      "Skipped: a codex exec is alive."
    )
    assert.strictEqual(tickWords({ ok: true, outcome: "started" }), "Started a run.")
  })

  it("is a failure with survivors as words", () => {
    const error = new ApiError(500, { code: "survivors_left", remaining_codex_exec_pids: [48_240] })
    assert.strictEqual(
      failureWords(error, "Run 3f9c21ab was not stopped", nowMillis),
      "1 process would not die (pid 48240). End it by hand, then try again."
    )
  })

  it("says what was not done, and why", () => {
    const holder = { request_id: "b81e04d7", step: "delay", since: "2026-11-22T13:53:18.000Z" }
    assert.strictEqual(
      failureWords(new ApiError(409, { code: "run_busy", holder }), "Run 3f9c21ab was not stopped", nowMillis),
      "Run 3f9c21ab was not stopped: another sequence is under way (request b81e04d7, step delay, 2 s)."
    )
    assert.include(failureWords(new Unreachable("no"), "Nothing was started", nowMillis), "is unknown")
  })
})
