/** Reads the run records beside a Looper, as any other program could. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export interface StoredRun {
  readonly state: string
  readonly cause: string | null
  readonly return_code: number | string | null
  readonly stopped_by: string | null
  readonly duration_ms: number | null
  readonly log_bytes: number | null
}

const rows = (logDir: string, sql: string, ...values: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const file = join(logDir, "looper.db")
  if (!existsSync(file)) return []
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  try {
    return database.prepare(sql).all(...values)
  } finally {
    database.close()
  }
}

/** One run's row; undefined where there is none yet. */
export const storedRun = (logDir: string, requestId: string): StoredRun | undefined => {
  const columns = "state, cause, return_code, stopped_by, duration_ms, log_bytes"
  return rows(logDir, `SELECT ${columns} FROM runs WHERE request_id = ?`, requestId)[0] as StoredRun | undefined
}

/** Name and result of a run's steps, in their order. */
export const storedSteps = (logDir: string, requestId: string): ReadonlyArray<readonly [string, string | null]> =>
  (
    rows(logDir, "SELECT step, result FROM steps WHERE request_id = ? ORDER BY started_at", requestId) as Array<{
      readonly step: string
      readonly result: string | null
    }>
  ).map(({ step, result }) => [step, result])

/** Autopoll's failures in a row. */
export const storedFailures = (logDir: string): number | undefined =>
  (rows(logDir, "SELECT failures FROM autopoll")[0] as { readonly failures: number } | undefined)?.failures
