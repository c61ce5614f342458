/** States of a Looper and what the page says of each, word for word. */
import type { RunDetails, Status } from "../../../src/page/api/answers.ts"
import type { Band } from "./band.ts"
import { endedLog, headerOnly, workingLog } from "./codexLog.ts"
import { at, isoAt, now } from "./mockTime.ts"
import { endedRun, liveRun, newRun, olderRuns, unstartedRun } from "./runs.ts"
import {
  autopollBackingOff,
  autopollOff,
  idleStatus,
  offStatus,
  runningStatus,
  startingRun,
  startingStatus,
  step
} from "./statuses.ts"

/** A Looper as the fake tells it, and the band that follows. */
export interface State {
  readonly nowMillis?: number
  readonly status: Status
  /** Newest first, before the older ones. */
  readonly runs: ReadonlyArray<RunDetails>
  /** Without older ones: this is the whole history. */
  readonly isWhole?: boolean
  /** Of the newest run. */
  readonly log?: string
  readonly band: {
    readonly [Part in keyof Band]: Band[Part] | (Part extends "buttons" ? never : RegExp)
  }
}

const foreignIdle = {
  reason: "alive_tasks",
  text: "codex exec is running that no tick stops: pid 51120",
  pids: [51_120],
  blocking: [{ pid: 51_120, cwd: "/srv/other", started_at: isoAt("13:10:02") }],
  log_changed_at: null
} as const

const idleButtons = ["Start…", "Start default now"]
const liveButtons = ["Start…", "Stop"]
const silent = { last_output_at: isoAt("13:27:05") }
const willRetry = "Nothing runs. Autopoll tries again at 13:57:01."

const ended = (run: Partial<RunDetails>, band: State["band"]): State => ({
  status: idleStatus(),
  runs: [endedRun(run)],
  log: endedLog(1),
  band
})

const limited = (cause: RunDetails["cause"], reason: string, said: string): State =>
  ended(
    { state: "stopped", cause, reason, return_code: 143, ended_at: isoAt("13:51:20") },
    {
      headline: /^Ended by Looper 2 m( 00 s)? ago$/,
      sentence: new RegExp(`^${said}, the limit\\. `),
      buttons: idleButtons
    }
  )

const unstarted = (over: Partial<RunDetails>, sentence: string | RegExp): State => ({
  status: idleStatus(),
  runs: [unstartedRun(over)],
  band: { headline: "Not started 18 s ago", sentence, buttons: ["Start…"] }
})

/** By the name of the mock's state, or one of its kind. */
export const states = {
  running: {
    status: runningStatus(),
    runs: [newRun()],
    log: workingLog(),
    band: {
      headline: "Running 1 h 12 m",
      sentence: "Last output 4 s ago. In command cargo verus verify -p kernel, not ended yet.",
      buttons: liveButtons
    }
  },
  silent: {
    status: runningStatus({
      ...silent,
      limits: [{ limit: "max_silent_seconds", value: 1_800, at: isoAt("13:57:05") }]
    }),
    runs: [newRun()],
    log: workingLog(),
    band: {
      headline: /^Running, silent for 26 m( 15 s)?$/,
      sentence:
        "No output since 13:27, in cargo verus verify -p kernel. Looper ends the run if it stays silent until 13:57.",
      buttons: liveButtons
    }
  },
  "silent without a limit": {
    status: runningStatus(silent),
    runs: [newRun()],
    log: workingLog(),
    band: {
      headline: /^Running, silent for 26 m( 15 s)?$/,
      sentence: "No output since 13:27, in cargo verus verify -p kernel. Nothing ends it by itself.",
      buttons: liveButtons
    }
  },
  starting: {
    nowMillis: at("13:53:20.4"),
    status: startingStatus(),
    runs: [startingRun()],
    log: headerOnly,
    band: {
      headline: "Starting 3.4 s",
      sentence: "Waiting 1 s before launch. Run b81e04d7, asked for by POST /run at 13:53:17.",
      buttons: ["Cancel"]
    }
  },
  stepfail: unstarted(
    {
      error: "survivors_left",
      reason: "codex exec processes survived: 48240, 48267",
      steps: [
        step("preflight", "13:52:50", "13:52:50.004", "/srv/verifycad, /usr/local/bin/codex"),
        step("notify", "13:52:50.004", "13:52:50.6", "stream coding, topic verified-cad, message 91402"),
        step("kill", "13:52:50.6", "13:53:02", null, "survivors_left")
      ]
    },
    "2 processes would not die, so nothing was launched. End them by hand, then start again."
  ),
  "message refused": unstarted(
    { error: "notify_failed", reason: "failed to send Zulip message: Channel 'coding' does not exist" },
    "Zulip did not take the message, so nothing was stopped. Channel 'coding' does not exist"
  ),
  "ended at once": {
    status: idleStatus(),
    runs: [
      endedRun({
        request_id: "b81e04d7",
        state: "failed",
        return_code: 1,
        error: "exited_early",
        reason: "Not logged in. Run `codex login`, or set CODEX_API_KEY.",
        started_at: isoAt("13:52:58"),
        ended_at: isoAt("13:53:02"),
        duration_ms: 300,
        steps: [step("startup_check", "13:53:01.7", "13:53:02", null, "exited_early")]
      })
    ],
    log: endedLog(1, ["ERROR: Not logged in. Run `codex login`, or set CODEX_API_KEY."]),
    band: {
      headline: "Not started 18 s ago",
      sentence: "codex ended after 0.3 s with exit 1. Not logged in. Run `codex login`, or set CODEX_API_KEY.",
      buttons: ["Start…"]
    }
  },
  idle: {
    status: idleStatus(),
    runs: [endedRun()],
    log: endedLog(0),
    band: {
      headline: "Idle, next start in 3 m 41 s",
      sentence: "Run 3f9c21ab succeeded 1 m 19 s ago. Autopoll starts the default prompt at 13:57:01.",
      buttons: idleButtons
    }
  },
  idleoff: {
    status: offStatus(),
    runs: [endedRun({ started_at: isoAt("10:11:08"), ended_at: isoAt("11:20:05") })],
    log: endedLog(0),
    band: {
      headline: "Idle since 11:20",
      sentence: "Nothing will start by itself: autopoll is off (LOOPER_AUTO_START_WHEN_IDLE=0).",
      buttons: idleButtons
    }
  },
  paused: {
    status: idleStatus({
      idle: { reason: "paused", text: "autopoll is paused", pids: [], blocking: [], log_changed_at: null },
      next_start_at: null,
      autopoll: { ...idleStatus().autopoll, is_paused: true }
    }),
    runs: [endedRun({ started_at: isoAt("10:11:08"), ended_at: isoAt("11:20:05") })],
    log: endedLog(0),
    band: {
      headline: "Idle since 11:20",
      sentence: "Nothing will start by itself: autopoll is paused.",
      buttons: ["Start…", "Resume"]
    }
  },
  misconfigured: {
    status: idleStatus({
      idle: {
        reason: "misconfigured",
        text: "workspace is not a directory: /srv/verifycad",
        pids: [],
        blocking: [],
        log_changed_at: null
      },
      next_start_at: null
    }),
    runs: [endedRun()],
    log: endedLog(0),
    band: { headline: /^Idle/, sentence: /workspace is not a directory: \/srv\/verifycad/, buttons: idleButtons }
  },
  foreign: {
    status: idleStatus({
      idle: foreignIdle,
      next_start_at: null
    }),
    runs: [endedRun()],
    log: endedLog(0),
    band: {
      headline: "Idle, held up by another codex exec",
      sentence:
        "pid 51120, in /srv/other since 13:10, not started by Looper. Next check 13:57:01. A start from here stops it.",
      buttons: ["Start…"]
    }
  },
  "log changed lately": {
    status: idleStatus({
      idle: {
        reason: "recent_log_activity",
        text: "the newest run log changed within LOOPER_IDLE_LOG_STALE_SECONDS",
        pids: [],
        blocking: [],
        log_changed_at: isoAt("13:52:40")
      },
      next_start_at: null,
      autopoll: { ...idleStatus().autopoll, log_stale_seconds: 600, next_tick_at: isoAt("13:55:34") }
    }),
    runs: [endedRun({ ended_at: isoAt("13:40:00") })],
    log: endedLog(0),
    band: {
      headline: "Idle, next check in 2 m 14 s",
      sentence: "The newest log changed 40 s ago; autopoll waits until it is 10 m old.",
      buttons: idleButtons
    }
  },
  "foreign while autopoll is off": {
    status: offStatus({
      idle: { ...foreignIdle, reason: "off", text: "autopoll is off: LOOPER_AUTO_START_WHEN_IDLE" }
    }),
    runs: [endedRun()],
    log: endedLog(0),
    band: {
      headline: "Idle beside another codex exec",
      sentence:
        "pid 51120, in /srv/other since 13:10, not started by Looper. Autopoll is off. A start from here stops it.",
      buttons: ["Start…"]
    }
  },
  "refused beside a run": {
    status: runningStatus(),
    runs: [
      unstartedRun({
        error: "notify_failed",
        reason: "failed to send Zulip message: Channel 'coding' does not exist"
      }),
      newRun()
    ],
    band: {
      headline: "Running 1 h 12 m",
      sentence:
        "Last output 4 s ago. A start failed at 13:53:02: failed to send Zulip message: Channel 'coding' does not exist.",
      buttons: liveButtons
    }
  },
  "refused before the end": {
    status: idleStatus(),
    runs: [
      unstartedRun({ error: "notify_failed", reason: "", started_at: isoAt("13:19:50"), ended_at: isoAt("13:20:00") }),
      endedRun({ state: "failed", return_code: 1, reason: "usage limit reached", ended_at: isoAt("13:52:20") })
    ],
    band: {
      headline: "Failed 1 m ago, exit 1",
      sentence: `“usage limit reached” ${willRetry}`,
      buttons: idleButtons
    }
  },
  backoff: {
    status: idleStatus({
      idle: { reason: "backoff", text: "three runs failed in a row", pids: [], blocking: [], log_changed_at: null },
      next_start_at: isoAt("14:10:28"),
      autopoll: autopollBackingOff
    }),
    runs: [6, 5, 7].map((seconds, index) =>
      endedRun({
        request_id: `auto5d20c9e${3 - index}`,
        state: "failed",
        operation: "autopoll",
        is_autopoll: true,
        return_code: 1,
        error: "exited_early",
        reason: "codex: not logged in",
        started_at: new Date(now - (186 + 300 * index) * 1_000).toISOString(),
        ended_at: new Date(now - (186 + 300 * index - seconds) * 1_000).toISOString(),
        duration_ms: seconds * 1_000
      })
    ),
    log: endedLog(1, ["ERROR: codex: not logged in"]),
    band: {
      headline: "Backing off, next try in 17 m 08 s",
      sentence:
        "3 runs failed in a row, each within 10 s: “codex: not logged in”. Autopoll waits 20 m now, then doubles, to 1 h at most. A success resets it.",
      buttons: ["Start…", "Try now"]
    }
  },
  failed: ended(
    {
      state: "failed",
      return_code: 1,
      reason: "usage limit reached, try again at 15:00",
      started_at: isoAt("13:25:18"),
      ended_at: isoAt("13:51:20"),
      duration_ms: 1_562_000
    },
    {
      headline: /^Failed 2 m( 00 s)? ago, exit 1$/,
      sentence: `“usage limit reached, try again at 15:00” ${willRetry}`,
      buttons: idleButtons
    }
  ),
  "silent too long": limited("max_silent_seconds", "silent for 30 m", "Silent for 30 m"),
  "ran too long": limited("max_seconds", "ran for 6 h", "Ran for 6 h"),
  "wrote too much": limited("max_log_bytes", "wrote 1 GB", "Wrote 1 GB"),
  interrupted: ended(
    {
      state: "interrupted",
      cause: "interrupted",
      return_code: "unknown",
      started_at: isoAt("10:11:08"),
      ended_at: isoAt("11:20:04")
    },
    {
      headline: "Interrupted 11:20",
      sentence: /^The machine or the run's supervisor went down; the exit code is unknown\. /,
      buttons: idleButtons
    }
  ),
  empty: {
    status: offStatus(),
    runs: [],
    isWhole: true,
    band: {
      headline: "Idle",
      sentence: "Nothing has run yet, and nothing will start by itself: autopoll is off.",
      buttons: idleButtons
    }
  }
} as const satisfies Readonly<Record<string, State>>

/** Those whose picture is kept beside the mock's of the same name. */
export const pictured = [
  "running",
  "silent",
  "starting",
  "stepfail",
  "idle",
  "idleoff",
  "foreign",
  "failed",
  "backoff",
  "empty"
] as const

/** The mock's run lives, with these fields of its own. */
export const livingState = (over: Parameters<typeof liveRun>[0] = {}): Pick<State, "status" | "runs"> => ({
  status: { ...runningStatus(), run: liveRun(over), autopoll: idleStatus().autopoll },
  runs: [newRun(), ...olderRuns(60)]
})

/** Autopoll is switched off; for states that depend on it. */
export const withoutAutopoll = (status: Status): Status => ({ ...status, autopoll: autopollOff })
