import { assert, describe, it } from "@effect/vitest"
import { runsText } from "../../src/cli/runsText.ts"
import { statusText } from "../../src/cli/statusText.ts"
import type { RunInfo } from "../../src/domain/runAnswers.ts"
import type { LiveRunInfo, StatusAnswer } from "../../src/domain/status.ts"

/** A local time of one day, so that the tests are the same in every zone. */
const at = (hours: number, minutes = 0, seconds = 0) => new Date(2026, 1, 13, hours, minutes, seconds).toISOString()

const run: LiveRunInfo = {
  request_id: "1a2b3c4d",
  state: "running",
  operation: "run",
  reason: null,
  cause: null,
  return_code: null,
  error: null,
  started_at: at(9, 47, 55),
  ended_at: null,
  duration_ms: 725_000,
  workspace: "/work/space",
  log_path: "/logs/a.log",
  log_bytes: 1_536,
  is_log_pruned: false,
  is_autopoll: false,
  pid: 42,
  last_output_at: at(9, 59, 56),
  process_count: 3,
  limits: []
}

const idle: StatusAnswer = {
  ok: true,
  version: "0.1.0",
  server_time: at(10),
  started_at: at(9),
  uptime_seconds: 3_600,
  holder: null,
  run: null,
  idle: {
    reason: "waiting",
    text: "the next tick starts the default prompt",
    pids: [],
    blocking: [],
    log_changed_at: null
  },
  next_start_at: at(10, 4, 10),
  autopoll: {
    is_on: true,
    is_paused: false,
    last_tick: null,
    next_tick_at: at(10, 4, 10),
    every_seconds: 300,
    log_stale_seconds: 0,
    failures_in_a_row: 0,
    backoff_until: null,
    backoff_seconds: null
  },
  defaults: {
    workspace: "/work/space",
    prompt: "p",
    prompt_source: "built-in",
    prompt_error: null,
    delay_seconds: 1,
    startup_check_seconds: 1,
    kill_grace_seconds: 5,
    announces_to: "the server log"
  }
}

describe("the status for people", () => {
  it("says what runs, for how long and where its log is", () => {
    assert.deepStrictEqual(statusText({ ...idle, run, idle: null, next_start_at: null }), [
      "Running: 1a2b3c4d for 12m 5s",
      "Pid: 42, 3 processes",
      "Workspace: /work/space",
      "Log: /logs/a.log (1.5 KiB)",
      "Last output: 4s ago",
      "Autopoll: on; next tick in 4m 10s, at 10:04:10"
    ])
  })

  it("says which limits end a run, and when", () => {
    const limits = [
      { limit: "max_seconds", value: 3_600, at: at(10, 47, 55) },
      { limit: "max_silent_seconds", value: 300, at: at(10, 4, 56) },
      { limit: "max_log_bytes", value: 1_048_576, at: null }
    ] as const
    const lines = statusText({ ...idle, run: { ...run, process_count: 1, limits }, idle: null, next_start_at: null })
    assert.include(lines, "Pid: 42, 1 process")
    assert.include(
      lines,
      "Limits: stopped in 47m 55s, at 10:47:55; stopped in 4m 56s, at 10:04:56 if it stays silent; stopped beyond 1.0 MiB of output"
    )
  })

  it("says why nothing runs and when something will, in both ways", () => {
    assert.deepStrictEqual(statusText(idle), [
      "Idle: the next tick starts the default prompt",
      "Next start: in 4m 10s, at 10:04:10",
      "Autopoll: on; next tick in 4m 10s, at 10:04:10"
    ])
  })

  it("names whom it waits for, and that nothing starts by itself", () => {
    const blocking = [
      { pid: 7, cwd: "/other", started_at: at(9, 50) },
      { pid: 8, cwd: null, started_at: null }
    ]
    const text = "a codex exec is running"
    const waits = { reason: "alive_tasks", text, pids: [7, 8], blocking, log_changed_at: null } as const
    const lines = statusText({ ...idle, idle: waits, next_start_at: null })
    assert.deepStrictEqual(lines.slice(0, 4), [
      "Idle: a codex exec is running (pid 7, 8)",
      "Pid 7: in /other for 10m",
      "Pid 8: in an unknown folder",
      "Next start: nothing starts by itself now"
    ])
  })

  it("names the sequence in progress and its step", () => {
    const steps = [
      { step: "delay", started_at: at(9, 59, 55), ended_at: null, duration_ms: null, result: null, detail: null }
    ] as const
    const holder = {
      request_id: "1a2b3c4d",
      operation: "run",
      step: "delay",
      since: at(9, 59, 50),
      delay_seconds: 7,
      startup_check_seconds: 1,
      steps
    } as const
    assert.strictEqual(
      statusText({ ...idle, idle: null, holder })[0],
      "In progress: 1a2b3c4d (run), step delay for 5s; holds the lock for 10s"
    )
  })

  it("tells of autopoll what matters", () => {
    const autopoll = {
      is_on: true,
      is_paused: true,
      last_tick: { at: at(9, 55), outcome: "failed", reason: "spawn_failed" },
      next_tick_at: null,
      every_seconds: 300,
      log_stale_seconds: 0,
      failures_in_a_row: 3,
      backoff_until: at(11),
      backoff_seconds: 600
    } as const
    assert.strictEqual(
      statusText({ ...idle, autopoll }).at(-1),
      "Autopoll: paused; last tick at 09:55:00 failed (spawn_failed); 3 failures in a row; backs off until 11:00:00"
    )
    assert.strictEqual(
      statusText({ ...idle, autopoll: { ...idle.autopoll, is_on: false, next_tick_at: null } }).at(-1),
      "Autopoll: off"
    )
  })
})

describe("runs for people", () => {
  it("are a table, in which what nobody knows is a hyphen", () => {
    const ended: RunInfo = {
      ...run,
      request_id: "auto1a2b3c4d",
      state: "stopped",
      cause: "request",
      return_code: 143,
      is_log_pruned: true
    }
    const never: RunInfo = {
      ...run,
      error: "spawn_failed",
      reason: "failed to start codex exec: EAGAIN",
      state: "failed",
      duration_ms: null,
      log_bytes: null
    }
    assert.deepStrictEqual(runsText([run, ended, never]), [
      "ID            STATE    CAUSE         CODE  STARTED              DURATION  LOG      WORKSPACE    REASON",
      "1a2b3c4d      running  -             -     2026-02-13 09:47:55  12m 5s    1.5 KiB  /work/space  -",
      "auto1a2b3c4d  stopped  request       143   2026-02-13 09:47:55  12m 5s    pruned   /work/space  -",
      "1a2b3c4d      failed   spawn_failed  -     2026-02-13 09:47:55  -         -        /work/space  failed to start codex exec: EAGAIN"
    ])
  })

  it("that are none are a sentence", () => {
    assert.deepStrictEqual(runsText([]), ["No runs."])
  })
})
