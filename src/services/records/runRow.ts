/** A run as a row of the database, and the statements that write it. */
import type { SQLInputValue } from "node:sqlite"
import * as path from "node:path"
import { Schema } from "effect"
import { EndCause, RunOperation, RunRecord, RunStep, StopCause } from "../../domain/RunRecord.ts"
import { RunIdentity } from "../../domain/runLog.ts"
import type { Row } from "./Database.ts"

/** A run, and what its record does not tell. */
export interface KnownRun {
  readonly record: RunRecord
  /** Who is stopping it, or did. */
  readonly stoppedBy: StopCause | undefined
  /** Made from its log alone: any record of an operation is better. */
  readonly isInferred: boolean
}

const IdentityText = Schema.fromJsonString(RunIdentity)
const encodeIdentity = Schema.encodeSync(IdentityText)
const decodeIdentity = Schema.decodeUnknownOption(IdentityText)
const isCause = Schema.is(EndCause)
const isStopCause = Schema.is(StopCause)
const isOperation = Schema.is(RunOperation)
const isStep = Schema.is(RunStep)

const columns = [
  "request_id",
  "state",
  "cause",
  "return_code",
  "error",
  "started_at",
  "ended_at",
  "duration_ms",
  "workspace",
  "log_name",
  "log_bytes",
  "is_log_pruned",
  "identity",
  "stopped_by",
  "is_inferred",
  "operation",
  "reason"
] as const

/** What {@link knownRun} reads; a `WHERE` may follow. */
export const selectRuns = `SELECT ${columns.join(", ")} FROM runs`

/** The values of {@link upsertRun}, in the order of the columns. */
export const runValues = ({ record, stoppedBy, isInferred }: KnownRun): ReadonlyArray<SQLInputValue> => [
  record.requestId,
  record.state,
  record.cause ?? null,
  record.returnCode ?? null,
  record.error ?? null,
  record.startedAtMillis,
  record.endedAtMillis ?? null,
  record.durationMillis ?? null,
  record.workspace,
  path.basename(record.logPath),
  record.logBytes ?? null,
  Number(record.isLogPruned),
  record.identity === undefined ? null : encodeIdentity(record.identity),
  stoppedBy ?? null,
  Number(isInferred),
  record.operation ?? null,
  record.reason ?? null
]

/**
 * Writes a run: as a whole where it has no row, otherwise only what `conflict` says.
 *
 * **Details** So a row that was lost with its database comes back with the next thing that is recorded of the run,
 * and a repeated statement changes nothing.
 */
const upsertRun = (conflict: string): string =>
  `INSERT INTO runs (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
  ON CONFLICT (request_id) DO ${conflict}`

const fromNew = (...names: ReadonlyArray<(typeof columns)[number]>): string =>
  names.map((name) => `${name} = excluded.${name}`).join(", ")

const endColumns = [
  "state",
  "cause",
  "return_code",
  "error",
  "ended_at",
  "duration_ms",
  "log_bytes",
  "stopped_by",
  "is_inferred",
  "reason"
] as const

/** Each takes {@link runValues}, but for `infer`; repeated, it changes nothing. */
export const runStatements = {
  begin: upsertRun(`UPDATE SET ${fromNew(...columns)} WHERE is_inferred`),
  identify: upsertRun("UPDATE SET identity = excluded.identity"),
  running: upsertRun("UPDATE SET state = 'running' WHERE state = 'starting'"),
  stopping: upsertRun(
    "UPDATE SET stopped_by = coalesce(stopped_by, excluded.stopped_by) WHERE ended_at IS NULL OR is_inferred"
  ),
  stopForgotten: upsertRun("UPDATE SET stopped_by = NULL WHERE ended_at IS NULL OR is_inferred"),
  end: upsertRun(
    `UPDATE SET ${fromNew(...endColumns)}, identity = coalesce(identity, excluded.identity)
    WHERE ended_at IS NULL OR is_inferred`
  ),
  /** Many at once, from a JSON array of arrays. */
  infer: `INSERT INTO runs (${columns.join(", ")})
    SELECT ${columns.map((_, index) => `value ->> ${index}`).join(", ")} FROM json_each(?) WHERE true
    ON CONFLICT (request_id) DO NOTHING`
} as const

/** Writes a step in the place of one with its name; takes {@link stepValues}. */
export const stepStatement = `INSERT INTO steps (request_id, step, started_at, ended_at, result, detail)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (request_id, step) DO UPDATE SET
  started_at = excluded.started_at, ended_at = excluded.ended_at, result = excluded.result, detail = excluded.detail`

/** The values of {@link stepStatement}. */
export const stepValues = (requestId: string, step: RunStep): ReadonlyArray<SQLInputValue> => [
  requestId,
  step.step,
  step.startedAtMillis,
  step.endedAtMillis ?? null,
  step.result ?? null,
  step.detail ?? null
]

/** Reads a row; `undefined` where somebody else wrote what Looper does not. */
export const knownRun = (row: Row, logDir: string): KnownRun | undefined => {
  const record = {
    requestId: row.request_id,
    state: row.state,
    operation: isOperation(row.operation) ? row.operation : undefined,
    cause: isCause(row.cause) ? row.cause : undefined,
    returnCode: row.return_code ?? undefined,
    error: row.error ?? undefined,
    reason: row.reason ?? undefined,
    startedAtMillis: row.started_at,
    endedAtMillis: row.ended_at ?? undefined,
    durationMillis: row.duration_ms ?? undefined,
    workspace: row.workspace,
    logPath: path.join(logDir, String(row.log_name)),
    logBytes: row.log_bytes ?? undefined,
    isLogPruned: row.is_log_pruned === 1,
    identity: identityOf(row.identity)
  }
  if (!isRecord(record)) return undefined
  return {
    record,
    stoppedBy: isStopCause(row.stopped_by) ? row.stopped_by : undefined,
    isInferred: row.is_inferred === 1
  }
}

const isRecord = Schema.is(RunRecord)

const identityOf = (text: unknown): RunIdentity | undefined => {
  const decoded = decodeIdentity(text)
  return decoded._tag === "Some" ? decoded.value : undefined
}

/** What {@link stepsOf} reads, in the order in which the steps were begun; takes the id. */
export const selectSteps =
  "SELECT step, started_at, ended_at, result, detail FROM steps WHERE request_id = ? ORDER BY rowid"

/** Reads rows; leaves out what Looper would not have written. */
export const stepsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<RunStep> =>
  rows
    .map((row) => ({
      step: row.step,
      startedAtMillis: row.started_at,
      endedAtMillis: row.ended_at ?? undefined,
      result: row.result ?? undefined,
      detail: row.detail ?? undefined
    }))
    .filter((step): step is RunStep => isStep(step))
