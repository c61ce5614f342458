/** Answers of `GET /status`, in the time of the design's mock: 22 November 2026, 13:53:20 in Berlin. */
import type { Status } from "../../../src/page/api/answers.ts"
import { at, isoAt } from "./mockTime.ts"
import { liveRun, newRun } from "./runs.ts"

export const defaultPrompt =
  "Take the next open item in TASKS.md. Prove it, run the full verification, commit, write one line to DONE.md, then call scripts/run-codex-task.sh."

const defaults: Status["defaults"] = {
  workspace: "/srv/verifycad",
  prompt: defaultPrompt,
  prompt_source: "prompts/default.md",
  prompt_error: null,
  delay_seconds: 1,
  startup_check_seconds: 1,
  kill_grace_seconds: 5,
  announces_to: "stream coding, topic verified-cad"
}

const autopollOn: Status["autopoll"] = {
  is_on: true,
  is_paused: false,
  last_tick: { at: isoAt("13:52:01"), outcome: "skipped", reason: "alive_tasks" },
  next_tick_at: isoAt("13:57:01"),
  every_seconds: 300,
  log_stale_seconds: 0,
  failures_in_a_row: 0,
  backoff_until: null,
  backoff_seconds: null
}

/** Autopoll as it is switched off. */
export const autopollOff: Status["autopoll"] = { ...autopollOn, is_on: false, last_tick: null, next_tick_at: null }

const base: Status = {
  ok: true,
  version: "1.0.0",
  server_time: isoAt("13:53:20"),
  started_at: isoAt("11:53:20"),
  uptime_seconds: 525_600,
  holder: null,
  run: null,
  idle: null,
  next_start_at: null,
  autopoll: autopollOn,
  defaults
}

/** Nothing runs, the next tick starts something. */
export const idleStatus = (over: Partial<Status> = {}): Status => ({
  ...base,
  idle: {
    reason: "waiting",
    text: "the next tick starts the default prompt",
    pids: [],
    blocking: [],
    log_changed_at: null
  },
  next_start_at: isoAt("13:57:01"),
  ...over
})

/** Nothing runs and nothing starts by itself. */
export const offStatus = (over: Partial<Status> = {}): Status => ({
  ...base,
  idle: {
    reason: "off",
    text: "autopoll is off: LOOPER_AUTO_START_WHEN_IDLE",
    pids: [],
    blocking: [],
    log_changed_at: null
  },
  autopoll: autopollOff,
  ...over
})

/** The mock's run works. */
export const runningStatus = (run: Partial<NonNullable<Status["run"]>> = {}, over: Partial<Status> = {}): Status => ({
  ...base,
  run: liveRun(run),
  ...over
})

/** Autopoll holds back after failures. */
export const autopollBackingOff: Status["autopoll"] = {
  ...autopollOn,
  last_tick: { at: isoAt("13:50:28"), outcome: "skipped", reason: "backoff" },
  failures_in_a_row: 3,
  backoff_until: isoAt("14:10:28"),
  backoff_seconds: 1_200
}

/** A step of a sequence: under way without its end, else `ok` or as `result` says. */
export const step = (
  name: NonNullable<Status["holder"]>["step"],
  start: string,
  end?: string,
  detail: string | null = null,
  result = "ok"
) => ({
  step: name,
  started_at: isoAt(start),
  ended_at: end === undefined ? null : isoAt(end),
  duration_ms: end === undefined ? null : at(end) - at(start),
  result: end === undefined ? null : result,
  detail
})

/** `POST /run` waits before its launch; seen at 13:53:20.4. */
export const startingStatus = (): Status => ({
  ...base,
  holder: {
    request_id: "b81e04d7",
    operation: "run",
    step: "delay",
    since: isoAt("13:53:17"),
    delay_seconds: 1,
    startup_check_seconds: 1,
    steps: [
      step("preflight", "13:53:17", "13:53:17.004", "/srv/verifycad, /usr/local/bin/codex"),
      step("notify", "13:53:17.004", "13:53:17.616", "stream coding, topic verified-cad, message 91402"),
      step("kill", "13:53:17.616", "13:53:19.5", "pid 48213 and 2 more, SIGTERM"),
      step("delay", "13:53:19.5")
    ]
  }
})

/** The run of {@link startingStatus} as the history has it. */
export const startingRun = () =>
  newRun({
    request_id: "b81e04d7",
    state: "starting",
    pid: null,
    started_at: isoAt("13:53:17"),
    steps: startingStatus().holder?.steps ?? []
  })
