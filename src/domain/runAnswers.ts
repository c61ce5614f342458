/** Bodies of the answers about runs. Times are ISO 8601, UTC. */
import { Schema } from "effect"
import { codeOf } from "./errors.ts"
import { RequestId } from "./RequestId.ts"
import {
  EndCause,
  hasLog,
  isAutopollRun,
  type RunCounts,
  RunOperation,
  type RunRecord,
  RunState,
  RunStep
} from "./RunRecord.ts"

/** Of every answer that is no error. */
export const Ok = { ok: Schema.Literal(true) }

/** A field with its description. */
export const Described = <S extends Schema.Top>(schema: S, description: string) => schema.annotateKey({ description })

/** Of every run. */
export const runFields = {
  request_id: Described(RequestId, "Id of the run and of the request that started it"),
  state: Described(RunState, "`starting` and `running` live; the other four are final"),
  operation: Described(
    Schema.NullOr(RunOperation),
    "What started it; `null` where only its log is left, which does not tell"
  ),
  cause: Described(Schema.NullOr(EndCause), "Why it ended, who stopped it included; `null` while it lives"),
  return_code: Described(
    Schema.NullOr(Schema.Union([Schema.Int, Schema.Literal("unknown")])),
    "128+n after signal n; `null` while it lives and where codex never started"
  ),
  error: Described(Schema.NullOr(Schema.String), "`code` of the failure that kept codex from being started"),
  reason: Described(
    Schema.NullOr(Schema.String),
    "One line, 300 characters at most: of a run that failed by itself its last line that begins with `ERROR`, else its " +
      "last line; of one that was not started that failure's sentence; of one that a limit ended what it did too " +
      "long, or too much; `null` for every other end, and where nobody knows"
  ),
  started_at: Described(Schema.String, "When its sequence began"),
  ended_at: Schema.NullOr(Schema.String),
  duration_ms: Described(Schema.NullOr(Schema.Number), "How long codex has lived; `null` where nobody knows"),
  workspace: Schema.String,
  log_path: Described(Schema.NullOr(Schema.String), "`null` where codex never started: such a log is removed"),
  log_bytes: Described(Schema.NullOr(Schema.Int), "Size of the log; of a live run as it is now"),
  is_log_pruned: Described(Schema.Boolean, "Retention removed the log, or found it gone; the record is kept"),
  is_autopoll: Described(Schema.Boolean, "Started by autopoll"),
  pid: Described(Schema.NullOr(Schema.Int), "codex' own pid; `null` where it never started")
}

/** One run of the history. */
export const RunInfo = Schema.Struct(runFields).annotate({ identifier: "Run" })
/** One run of the history. */
export type RunInfo = typeof RunInfo.Type

/** One step of a sequence. */
export const StepInfo = Schema.Struct({
  step: RunStep.fields.step,
  started_at: Schema.String,
  ended_at: Described(Schema.NullOr(Schema.String), "`null` while it is under way, or where Looper died in it"),
  duration_ms: Schema.NullOr(Schema.Number),
  result: Described(Schema.NullOr(Schema.String), "`ok`, or the `code` of its failure"),
  detail: Described(
    Schema.NullOr(Schema.String),
    "What it came to, one line: workspace and binary, where the message went, who was stopped; `null` for the others"
  )
}).annotate({ identifier: "RunStep" })
/** One step of a sequence. */
export type StepInfo = typeof StepInfo.Type

/** Answer of `GET /runs/:id`. */
export const RunDetailsAnswer = Schema.Struct({
  ...Ok,
  run: Schema.Struct({ ...runFields, steps: Schema.Array(StepInfo) }).annotate({ identifier: "RunDetails" })
}).annotate({ identifier: "RunDetailsAnswer" })

/** How many runs the whole history has. */
const RunCountsInfo = Schema.Struct({
  total: Schema.Int,
  starting: Schema.Int,
  running: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  stopped: Schema.Int,
  interrupted: Schema.Int,
  autopoll: Described(Schema.Int, "Started by autopoll, whatever their state")
}).annotate({ identifier: "RunCounts" })

/** Answer of `GET /runs`. */
export const RunsAnswer = Schema.Struct({
  ...Ok,
  runs: Described(Schema.Array(RunInfo), "Newest first"),
  counts: Schema.optionalKey(RunCountsInfo).annotateKey({
    description: "With `counts`: of the whole history whatever the page is, live ones included"
  }),
  next_cursor: Described(Schema.NullOr(Schema.String), "`cursor` of the next page; `null` on the last one")
}).annotate({ identifier: "RunsAnswer" })

/** Answer of `POST /runs/:id/stop`. */
export const StopAnswer = Schema.Struct({
  ...Ok,
  request_id: RequestId,
  outcome: Described(
    Schema.Literals(["stopped", "cancelled", "already_ended"]),
    "`cancelled`: its sequence was in progress, and is not any more"
  ),
  killed_codex_exec_pids: Schema.Array(Schema.Int),
  remaining_codex_exec_pids: Schema.Array(Schema.Int)
}).annotate({ identifier: "StopAnswer" })
/** Answer of `POST /runs/:id/stop`. */
export type StopAnswer = typeof StopAnswer.Type

/** A time in milliseconds since the epoch as ISO 8601, UTC. */
export const iso = (millis: number): string => new Date(millis).toISOString()
/** {@link iso}, `null` where there is none. */
export const isoOrNull = (millis: number | undefined): string | null => (millis === undefined ? null : iso(millis))

/** A run's answer; what a live one is up to now is `now`. */
export const runInfo = (
  record: RunRecord,
  now: { readonly durationMillis: number | undefined; readonly logBytes: number | undefined }
): RunInfo => ({
  request_id: record.requestId,
  state: record.state,
  operation: isAutopollRun(record.requestId) ? "autopoll" : (record.operation ?? null),
  cause: record.cause ?? null,
  return_code: record.returnCode ?? null,
  error: record.error === undefined ? null : codeOf(record.error),
  reason: record.reason ?? null,
  started_at: iso(record.startedAtMillis),
  ended_at: isoOrNull(record.endedAtMillis),
  duration_ms: record.durationMillis ?? now.durationMillis ?? null,
  workspace: record.workspace,
  log_path: hasLog(record) ? record.logPath : null,
  log_bytes: record.logBytes ?? now.logBytes ?? null,
  is_log_pruned: record.isLogPruned,
  is_autopoll: isAutopollRun(record.requestId),
  pid: record.identity?.codex.pid ?? null
})

/** The answer's counts. */
export const countsInfo = ({ byState, autopoll }: RunCounts): typeof RunCountsInfo.Type => ({
  total: Object.values(byState).reduce((sum, count) => sum + count, 0),
  ...byState,
  autopoll
})

/** A step's answer. */
export const stepInfo = (step: RunStep): StepInfo => ({
  step: step.step,
  started_at: iso(step.startedAtMillis),
  ended_at: isoOrNull(step.endedAtMillis),
  duration_ms: step.endedAtMillis === undefined ? null : step.endedAtMillis - step.startedAtMillis,
  result: step.result === undefined ? null : codeOf(step.result),
  detail: step.detail ?? null
})
