import { assert, describe, it } from "@effect/vitest"
import { isToldByBand, problemOf } from "../../../src/page/actions/formProblem.ts"
import { ApiError, Unreachable } from "../../../src/page/api/ApiError.ts"
import { nowMillis } from "./status.ts"

const run = { kind: "run", hasStopped: false, hasVictim: false } as const
const refused = (status: number, code: string, error: string, fields: object = {}) =>
  new ApiError(status, { ok: false, code, error, ...fields })
const holder = { request_id: "b81e04d7", step: "kill", since: "2026-11-22T13:53:18.000Z" }
const busy = refused(409, "run_busy", "busy: another run is in progress", { holder })

const unanswered = (kind: "run" | "spawn" | "kill" | "announce") =>
  problemOf(new Unreachable("no"), { kind, hasStopped: false, hasVictim: false }, nowMillis).text

describe("what went wrong with a start", () => {
  it.each([
    ["missing 'zulip_message'", "message", "Message is missing."],
    [
      "'codex_prompt' must be at most 131071 bytes long, it has 9",
      "prompt",
      "Prompt must be at most 131071 bytes long, it has 9"
    ],
    ["'workspace' must not contain a NUL byte", "workspace", "Workspace must not contain a NUL byte"],
    ["'codex_exec_delay_seconds' must be >= 0", "delay", "Delay before launch must be >= 0"]
  ] as const)("stands at its field: %s", (error, field, text) => {
    assert.deepStrictEqual(problemOf(refused(400, "invalid_request", error), run, nowMillis), { field, text })
  })

  it.each([
    ["workspace_not_directory", "workspace is not a directory: /x", "workspace", "Workspace is not a directory: /x"],
    ["prompt_unusable", "prompt is unusable: /p cannot be read", "prompt", "Prompt is unusable: /p cannot be read"],
    [
      "tool_missing",
      "required tool is missing from PATH: codex",
      undefined,
      "Required tool is missing from PATH: codex"
    ]
  ] as const)("stands where it belongs, also as a failure: %s", (code, error, field, text) => {
    assert.deepStrictEqual(problemOf(refused(500, code, error), run, nowMillis), { field, text })
  })

  it("is of no field where it names none of the form's", () => {
    const error = refused(400, "invalid_request", "'dry_run' must be true or false")
    assert.deepStrictEqual(problemOf(error, run, nowMillis), {
      field: undefined,
      text: "'dry_run' must be true or false"
    })
  })

  it("says who else starts", () => {
    assert.strictEqual(
      problemOf(busy, run, nowMillis).text,
      "Another start is under way (request b81e04d7, step killCodex, 2 s). Nothing was changed. Your text is kept."
    )
  })

  it("does not claim that nothing was changed after a stop of its own", () => {
    assert.strictEqual(
      problemOf(busy, { kind: "spawn", hasStopped: true, hasVictim: false }, nowMillis).text,
      "Another start is under way (request b81e04d7, step killCodex, 2 s). " +
        "What ran was stopped before that, by this page. Your text is kept."
    )
    const missing = refused(500, "tool_missing", "required tool is missing from PATH: codex")
    assert.strictEqual(
      problemOf(missing, { kind: "spawn", hasStopped: true, hasVictim: false }, nowMillis).text,
      "What ran was stopped, but nothing was started. Required tool is missing from PATH: codex"
    )
  })

  it("that a gateway answered is as unknown as none", () => {
    const text = problemOf(new ApiError(504, { error: "HTTP 504: Gateway Time-out" }), run, nowMillis).text
    assert.strictEqual(text, unanswered("run"))
  })

  it("names who lives, and who would not die", () => {
    assert.include(
      problemOf(refused(409, "run_alive", "", { pids: [51_120] }), run, nowMillis).text,
      "Another codex exec lives (pid 51120)."
    )
    const survivors = refused(500, "survivors_left", "", { remaining_codex_exec_pids: [48_240, 48_267] })
    assert.strictEqual(
      problemOf(survivors, run, nowMillis).text,
      "2 processes would not die (pids 48240, 48267), so nothing was launched. End them by hand, then start again."
    )
  })

  it("offers a repeat only where a repeat is the same request", () => {
    assert.include(unanswered("run"), "it is not done twice")
    for (const kind of ["spawn", "kill", "announce"] as const) {
      assert.include(unanswered(kind), "is unknown")
      assert.notInclude(unanswered(kind), "again:")
    }
  })

  it("is the band's to tell where a record was made of it", () => {
    const notSent = refused(500, "notify_failed", "")
    assert.isTrue(isToldByBand(notSent, run))
    assert.isFalse(isToldByBand(notSent, { ...run, hasVictim: true }), "beside a run that lives on")
    assert.isTrue(isToldByBand(refused(500, "spawn_failed", ""), { ...run, hasVictim: true }), "which was stopped")
    assert.isFalse(isToldByBand(refused(500, "survivors_left", ""), { ...run, kind: "kill" }))
    assert.isFalse(isToldByBand(busy, run))
    assert.isFalse(isToldByBand(new Unreachable("no"), run))
  })
})
