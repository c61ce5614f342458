/** Looper at one moment: what runs, or why nothing does and when something will. */
import { DateTime, Schema } from "effect"
import { codeOf, type LockHolder, Step } from "./errors.ts"
import { RequestId } from "./RequestId.ts"
import { Described, iso, isoOrNull, Ok, RunInfo, runInfo, StepInfo, stepInfo } from "./runAnswers.ts"
import type { RunStep } from "./RunRecord.ts"
import { type RunView, skipReasons, type TickOutcome } from "./RunResult.ts"

/** Why nothing runs: what a tick would skip with now, `off`, or nothing at all: `waiting` for the next tick. */
export const IdleReason = Schema.Literals(["waiting", "off", ...skipReasons])
/** Why nothing runs. */
export type IdleReason = typeof IdleReason.Type

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
        step: Step,
        since: Described(Schema.String, "When it took the lock"),
        steps: Schema.Array(StepInfo)
      }).annotate({ identifier: "LockHolder" })
    ),
    "Whose sequence holds the run lock"
  ),
  run: Described(Schema.NullOr(RunInfo), "The run that lives"),
  idle: Described(
    Schema.NullOr(
      Schema.Struct({
        reason: IdleReason,
        text: Described(Schema.String, "The reason as a sentence"),
        pids: Described(Schema.Array(Schema.Int), "With `alive_tasks`: the codex exec that Looper waits for")
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
    failures_in_a_row: Schema.Int,
    backoff_until: Schema.NullOr(Schema.String)
  }).annotate({ identifier: "AutopollStatus" })
}).annotate({ identifier: "StatusAnswer" })
/** Answer of `GET /status`. */
export type StatusAnswer = typeof StatusAnswer.Type

/** Why nothing runs. */
export interface Idle {
  readonly reason: IdleReason
  /** The reason as a sentence. */
  readonly text: string
  /** With `alive_tasks`: the targets that live. */
  readonly pids: ReadonlyArray<number>
}

/** Looper at one moment; times are milliseconds since the epoch. */
export interface Status {
  readonly atMillis: number
  /** When this Looper started. */
  readonly startedAtMillis: number
  readonly holder: (LockHolder & { readonly steps: ReadonlyArray<RunStep> }) | undefined
  /** The run that lives. */
  readonly run: RunView | undefined
  /** `undefined` while a run lives or a sequence is in progress. */
  readonly idle: Idle | undefined
  readonly nextStartMillis: number | undefined
  readonly autopoll: {
    readonly isOn: boolean
    readonly isPaused: boolean
    readonly lastTick: (TickOutcome & { readonly atMillis: number }) | undefined
    readonly nextTickMillis: number | undefined
    readonly failures: number
    readonly backoffUntilMillis: number | undefined
  }
}

/** A status's answer. */
export const statusAnswer = (status: Status, version: string): typeof StatusAnswer.Type => {
  const { holder, run, idle, autopoll } = status
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
            step: holder.step,
            since: DateTime.formatIso(holder.since),
            steps: holder.steps.map(stepInfo)
          },
    run: run === undefined ? null : runInfo(run.record, run),
    idle: idle ?? null,
    next_start_at: isoOrNull(status.nextStartMillis),
    autopoll: {
      is_on: autopoll.isOn,
      is_paused: autopoll.isPaused,
      last_tick: autopoll.lastTick === undefined ? null : tickInfo(autopoll.lastTick),
      next_tick_at: isoOrNull(autopoll.nextTickMillis),
      failures_in_a_row: autopoll.failures,
      backoff_until: isoOrNull(autopoll.backoffUntilMillis)
    }
  }
}

const tickInfo = (tick: NonNullable<Status["autopoll"]["lastTick"]>) => ({
  at: iso(tick.atMillis),
  outcome: tick.outcome,
  reason: "reason" in tick ? codeOf(tick.reason) : null
})
