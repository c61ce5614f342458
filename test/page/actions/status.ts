import type { Run, Status } from "../../../src/page/api/answers.ts"

const at = (time: string) => `2026-11-22T${time}.000Z`
/** 13:53:20 of the tests' day. */
export const nowMillis = Date.parse(at("13:53:20"))

type LiveRun = NonNullable<Status["run"]>

/** A run that lives. */
export const liveRun = (fields: Partial<LiveRun> = {}): LiveRun => ({
  request_id: "3f9c21ab" as Run["request_id"],
  state: "running",
  cause: null,
  return_code: null,
  error: null,
  started_at: at("12:41:08"),
  ended_at: null,
  duration_ms: null,
  workspace: "/home/me/src/verifycad",
  log_path: "/logs/a.log",
  log_bytes: 1_240_118,
  is_log_pruned: false,
  is_autopoll: false,
  pid: 48_213,
  operation: "run",
  reason: null,
  last_output_at: at("13:53:16"),
  process_count: 3,
  limits: [],
  ...fields
})

/** A Looper where nothing runs. */
export const status = (fields: Partial<Status> = {}): Status => ({
  ok: true,
  version: "1.0.0",
  server_time: at("13:53:20"),
  started_at: at("00:00:00"),
  uptime_seconds: 1,
  holder: null,
  run: null,
  idle: { reason: "off", text: "autopoll is off", pids: [], blocking: [], log_changed_at: null },
  next_start_at: null,
  autopoll: {
    is_on: false,
    is_paused: false,
    last_tick: null,
    next_tick_at: null,
    every_seconds: 300,
    log_stale_seconds: 0,
    failures_in_a_row: 0,
    backoff_until: null,
    backoff_seconds: null
  },
  defaults: {
    workspace: "/home/me/src/verifycad",
    prompt: "Take the next item.",
    prompt_source: "built-in",
    prompt_error: null,
    delay_seconds: 1,
    startup_check_seconds: 1,
    kill_grace_seconds: 5,
    announces_to: "stream coding, topic verified-cad"
  },
  ...fields
})

/** A Looper where a run lives. */
export const running = (fields: Partial<LiveRun> = {}): Status => status({ run: liveRun(fields), idle: null })
