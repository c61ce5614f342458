/** Looper at one moment: what runs, or why nothing does and when something will. */
import { DateTime, Schema } from "effect"
import { codeOf, type LockHolder, LockOperation, Step } from "./errors.ts"
import { RequestId } from "./RequestId.ts"
import { Described, iso, isoOrNull, Ok, runFields, runInfo, StepInfo, stepInfo } from "./runAnswers.ts"
import { LimitName, type RunStep } from "./RunRecord.ts"
import { type RunView, skipReasons, type TickOutcome } from "./RunResult.ts"

/** Why nothing runs: what a tick would skip with now, `off`, or nothing at all: `waiting` for the next tick. */
export const IdleReason = Schema.Literals(["waiting", "off", ...skipReasons])
/** Why nothing runs. */
export type IdleReason = typeof IdleReason.Type

/** A limit of the run that lives. */
const LimitInfo = Schema.Struct({
  limit: LimitName,
  value: Described(Schema.Number, "As configured: seconds, or bytes of output"),
  at: Described(
    Schema.NullOr(Schema.String),
    "When it ends the run if nothing changes: with `max_silent_seconds`, if the run writes nothing; `null` for bytes"
  )
}).annotate({ identifier: "RunLimit" })

/** The run that lives. */
export const LiveRunInfo = Schema.Struct({
  ...runFields,
  last_output_at: Described(
    Schema.NullOr(Schema.String),
    "When codex last wrote to its log; `null` while it has written nothing"
  ),
  process_count: Described(
    Schema.NullOr(Schema.Int),
    "Processes of its tree now; `null` before codex is started, and where they cannot be seen"
  ),
  limits: Described(Schema.Array(LimitInfo), "The limits that are configured")
}).annotate({ identifier: "LiveRun" })
/** The run that lives. */
export type LiveRunInfo = typeof LiveRunInfo.Type

/** A codex exec that is no run of Looper's. */
const BlockingProcess = Schema.Struct({
  pid: Schema.Int,
  cwd: Described(Schema.NullOr(Schema.String), "Where it works; `null` where that cannot be seen"),
  started_at: Described(Schema.NullOr(Schema.String), "`null` where it is gone by now")
}).annotate({ identifier: "BlockingProcess" })

/** What a run gets that names nothing itself. */
const DefaultsInfo = Schema.Struct({
  workspace: Described(Schema.String, "Absolute"),
  prompt: Described(Schema.NullOr(Schema.String), "`null` where it cannot be used: `prompt_error` says why"),
  prompt_source: Described(
    Schema.String,
    "`built-in`, `LOOPER_DEFAULT_PROMPT`, or the path of the file that is read at each start"
  ),
  prompt_error: Schema.NullOr(Schema.String),
  delay_seconds: Described(Schema.Number, "Wait between stop and launch"),
  startup_check_seconds: Described(Schema.Number, "How long codex must live to count as started"),
  kill_grace_seconds: Described(Schema.Number, "From SIGTERM to SIGKILL"),
  announces_to: Described(
    Schema.NullOr(Schema.String),
    "Where messages go, such as `stream coding, topic verified-cad`, `the server log` or `a webhook`"
  )
}).annotate({ identifier: "Defaults" })

/** Answer of `GET /status`. */
export const StatusAnswer = Schema.Struct({
  ...Ok,
  version: Schema.String,
  server_time: Schema.String,
  started_at: Described(Schema.String, "When this Looper started"),
  uptime_seconds: Schema.Number,
  holder: Described(
    Schema.NullOr(
      Schema.Struct({
        request_id: RequestId,
        operation: Described(LockOperation, "What took the lock"),
        step: Step,
        since: Described(Schema.String, "When it took the lock"),
        delay_seconds: Described(
          Schema.NullOr(Schema.Number),
          "How long this one waits before its launch; `null` where it launches nothing"
        ),
        startup_check_seconds: Described(Schema.NullOr(Schema.Number), "How long its codex must live; `null` likewise"),
        steps: Schema.Array(StepInfo)
      }).annotate({ identifier: "LockHolder" })
    ),
    "Whose sequence holds the run lock"
  ),
  run: Described(Schema.NullOr(LiveRunInfo), "The run that lives"),
  idle: Described(
    Schema.NullOr(
      Schema.Struct({
        reason: IdleReason,
        text: Described(Schema.String, "The reason as a sentence"),
        pids: Described(
          Schema.Array(Schema.Int),
          "With `alive_tasks`, `off` and `paused`: the codex exec that live, which a start stops"
        ),
        blocking: Described(Schema.Array(BlockingProcess), "The same, with where and since when"),
        log_changed_at: Described(
          Schema.NullOr(Schema.String),
          "With `recent_log_activity`: when the newest log changed"
        )
      }).annotate({ identifier: "Idle" })
    ),
    "Why nothing runs; `null` while a run lives or a sequence is in progress"
  ),
  next_start_at: Described(
    Schema.NullOr(Schema.String),
    "When autopoll starts the next run; `null` where nothing starts by itself, or that depends on something else"
  ),
  autopoll: Schema.Struct({
    is_on: Schema.Boolean,
    is_paused: Schema.Boolean,
    last_tick: Schema.NullOr(
      Schema.Struct({
        at: Schema.String,
        outcome: Schema.Literals(["started", "skipped", "failed"]),
        reason: Described(Schema.NullOr(Schema.String), "Why it skipped, or the `code` it failed with")
      })
    ),
    next_tick_at: Schema.NullOr(Schema.String),
    every_seconds: Described(Schema.Number, "Between two ticks"),
    log_stale_seconds: Described(Schema.Number, "How old the newest log must be for a tick to start; 0: of any age"),
    failures_in_a_row: Schema.Int,
    backoff_until: Schema.NullOr(Schema.String),
    backoff_seconds: Described(
      Schema.NullOr(Schema.Number),
      "How long the backoff in effect is as a whole; `null` without one"
    )
  }).annotate({ identifier: "AutopollStatus" }),
  defaults: Described(DefaultsInfo, "What a run gets that names nothing itself")
}).annotate({ identifier: "StatusAnswer" })
/** Answer of `GET /status`. */
export type StatusAnswer = typeof StatusAnswer.Type

/** Why nothing runs. */
export interface Idle {
  readonly reason: IdleReason
  /** The reason as a sentence. */
  readonly text: string
  /** With `alive_tasks`, `off` and `paused`: the targets that live. */
  readonly pids: ReadonlyArray<number>
  /** The same, with where they work and since when. */
  readonly blocking: ReadonlyArray<{
    readonly pid: number
    readonly cwd: string | undefined
    readonly startedAtMillis: number | undefined
  }>
  /** With `recent_log_activity`: when the newest log changed. */
  readonly logChangedMillis: number | undefined
}

/** A limit of a live run. */
export interface RunLimit {
  readonly limit: LimitName
  /** Seconds, or bytes. */
  readonly value: number
  /** When it ends the run if nothing changes; `undefined` for bytes. */
  readonly atMillis: number | undefined
}

/** What a live run is up to. */
export interface RunProgress {
  /** When codex last wrote to its log; `undefined` while it has written nothing. */
  readonly lastOutputMillis: number | undefined
  readonly limits: ReadonlyArray<RunLimit>
}

/** The run that lives. */
export interface LiveRunView extends RunView, RunProgress {
  /** Processes of its tree; `undefined` where they cannot be seen. */
  readonly processCount: number | undefined
}

/** What a run gets that names nothing itself. */
export interface RunDefaults {
  /** Absolute. */
  readonly workspace: string
  readonly prompt: { readonly text: string } | { readonly error: string }
  /** `built-in`, `LOOPER_DEFAULT_PROMPT` or a file. */
  readonly promptSource: string
  readonly delaySeconds: number
  readonly startupCheckSeconds: number
  readonly killGraceSeconds: number
  /** `undefined` where the notifier does not say. */
  readonly announcesTo: string | undefined
}

/** Looper at one moment; times are milliseconds since the epoch. */
export interface Status {
  readonly atMillis: number
  /** When this Looper started. */
  readonly startedAtMillis: number
  readonly holder: (LockHolder & { readonly steps: ReadonlyArray<RunStep> }) | undefined
  /** The run that lives. */
  readonly run: LiveRunView | undefined
  /** `undefined` while a run lives or a sequence is in progress. */
  readonly idle: Idle | undefined
  readonly nextStartMillis: number | undefined
  readonly autopoll: {
    readonly isOn: boolean
    readonly isPaused: boolean
    readonly lastTick: (TickOutcome & { readonly atMillis: number }) | undefined
    readonly nextTickMillis: number | undefined
    readonly everySeconds: number
    readonly logStaleSeconds: number
    readonly failures: number
    readonly backoffUntilMillis: number | undefined
    /** The whole backoff in effect. */
    readonly backoffSeconds: number | undefined
  }
  readonly defaults: RunDefaults
}

/** A status's answer. */
export const statusAnswer = (status: Status, version: string): typeof StatusAnswer.Type => {
  const { holder, run, idle, autopoll, defaults } = status
  return {
    ok: true,
    version,
    server_time: iso(status.atMillis),
    started_at: iso(status.startedAtMillis),
    uptime_seconds: Math.max(0, status.atMillis - status.startedAtMillis) / 1_000,
    holder:
      holder === undefined
        ? null
        : {
            request_id: holder.requestId,
            operation: holder.operation,
            step: holder.step,
            since: DateTime.formatIso(holder.since),
            delay_seconds: holder.waits?.delaySeconds ?? null,
            startup_check_seconds: holder.waits?.startupCheckSeconds ?? null,
            steps: holder.steps.map(stepInfo)
          },
    run: run === undefined ? null : liveRunInfo(run),
    idle:
      idle === undefined
        ? null
        : {
            reason: idle.reason,
            text: idle.text,
            pids: idle.pids,
            blocking: idle.blocking.map(blockingInfo),
            log_changed_at: isoOrNull(idle.logChangedMillis)
          },
    next_start_at: isoOrNull(status.nextStartMillis),
    autopoll: {
      is_on: autopoll.isOn,
      is_paused: autopoll.isPaused,
      last_tick: autopoll.lastTick === undefined ? null : tickInfo(autopoll.lastTick),
      next_tick_at: isoOrNull(autopoll.nextTickMillis),
      every_seconds: autopoll.everySeconds,
      log_stale_seconds: autopoll.logStaleSeconds,
      failures_in_a_row: autopoll.failures,
      backoff_until: isoOrNull(autopoll.backoffUntilMillis),
      backoff_seconds: autopoll.backoffSeconds ?? null
    },
    defaults: defaultsInfo(defaults)
  }
}

const liveRunInfo = (run: LiveRunView): LiveRunInfo => ({
  ...runInfo(run.record, run),
  last_output_at: isoOrNull(run.lastOutputMillis),
  process_count: run.processCount ?? null,
  limits: run.limits.map(({ limit, value, atMillis }) => ({ limit, value, at: isoOrNull(atMillis) }))
})

const blockingInfo = ({ pid, cwd, startedAtMillis }: Idle["blocking"][number]) => ({
  pid,
  cwd: cwd ?? null,
  started_at: isoOrNull(startedAtMillis)
})

const defaultsInfo = ({ prompt, ...defaults }: RunDefaults): typeof DefaultsInfo.Type => ({
  workspace: defaults.workspace,
  prompt: "text" in prompt ? prompt.text : null,
  prompt_source: defaults.promptSource,
  prompt_error: "error" in prompt ? prompt.error : null,
  delay_seconds: defaults.delaySeconds,
  startup_check_seconds: defaults.startupCheckSeconds,
  kill_grace_seconds: defaults.killGraceSeconds,
  announces_to: defaults.announcesTo ?? null
})

const tickInfo = (tick: NonNullable<Status["autopoll"]["lastTick"]>) => ({
  at: iso(tick.atMillis),
  outcome: tick.outcome,
  reason: "reason" in tick ? codeOf(tick.reason) : null
})
