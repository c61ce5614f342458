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

/** One run's row; undefined where there is none yet. */
export const storedRun = (logDir: string, requestId: string): StoredRun | undefined => {
  const file = join(logDir, "looper.db")
  if (!existsSync(file)) return undefined
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1_000 })
  try {
    const columns = "state, cause, return_code, stopped_by, duration_ms, log_bytes"
    return database.prepare(`SELECT ${columns} FROM runs WHERE request_id = ?`).get(requestId) as unknown as
      | StoredRun
      | undefined
  } finally {
    database.close()
  }
}
