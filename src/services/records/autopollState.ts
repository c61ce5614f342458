/** What is remembered of autopoll over a restart. */
import { Effect } from "effect"
import type { Database } from "./Database.ts"

/** The one row of `autopoll`. */
export interface AutopollState {
  readonly isPaused: boolean
  /** In a row. */
  readonly failures: number
  /** On the monotonic clock of the boot `bootId`. */
  readonly notBeforeMillis: number
  readonly bootId: string
  /** The last run whose end was counted; empty before the first. */
  readonly countedRun: string
}

/** The columns a statement changes; where there is no row yet it writes them all. */
const upsert = (...columns: ReadonlyArray<string>): string =>
  `INSERT INTO autopoll (id, is_paused, failures, not_before_ms, boot_id, counted_run) VALUES (1, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`

/** Apart: a failure that is counted before the stored state could be read must not undo a pause. */
const statements = {
  pause: upsert("is_paused"),
  failures: upsert("failures", "not_before_ms", "boot_id", "counted_run")
}

/** Writes the pause or the failures alone; kept until the database takes it. */
export const saveAutopoll = (
  database: Database["Service"],
  what: keyof typeof statements,
  { isPaused, failures, notBeforeMillis, bootId, countedRun }: AutopollState
): Effect.Effect<void> =>
  database.write(statements[what], Number(isPaused), failures, notBeforeMillis, bootId, countedRun)

/** `"unreadable"` while the database is; `undefined` where nothing is remembered. */
export const loadAutopoll = (database: Database["Service"]): Effect.Effect<AutopollState | "unreadable" | undefined> =>
  Effect.map(database.read("SELECT * FROM autopoll"), (rows) => {
    if (rows === undefined) return "unreadable"
    const [row] = rows
    if (row === undefined) return undefined
    return {
      isPaused: row.is_paused === 1,
      failures: Number(row.failures) || 0,
      notBeforeMillis: Number(row.not_before_ms) || 0,
      bootId: String(row.boot_id),
      countedRun: String(row.counted_run)
    }
  })
