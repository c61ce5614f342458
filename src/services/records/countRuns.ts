/** How many runs the history has: the database's, with the runs that live laid over it. */
import type { SQLInputValue } from "node:sqlite"
import { isAutopollRun, type RunCounts, type RunRecord, RunState } from "../../domain/RunRecord.ts"
import type { Row } from "./Database.ts"

/** The ids of autopoll's runs are those from here on up to, not with, `autp`: all others are hex digits alone. */
const isAutopoll = "request_id >= 'auto' AND request_id < 'autp'"
const isLive = "request_id IN (SELECT value FROM json_each(?))"

/**
 * The statement that counts all runs by state, and those of autopoll, and its values.
 *
 * **Details** Of the runs in `live` the rows are subtracted again, which takes no walk over all of them: 8 ms for
 * 100,000 runs, over indexes alone.
 */
export const selectCounts = (
  live: ReadonlyArray<RunRecord>
): readonly [sql: string, ...ids: ReadonlyArray<SQLInputValue>] => {
  const ids = JSON.stringify(live.map(({ requestId }) => requestId))
  return [
    `SELECT state AS kind, count(*) AS runs FROM runs GROUP BY state
    UNION ALL SELECT 'autopoll', count(*) FROM runs WHERE ${isAutopoll}
    UNION ALL SELECT state, -count(*) FROM runs WHERE ${isLive} GROUP BY state
    UNION ALL SELECT 'autopoll', -count(*) FROM runs WHERE ${isLive} AND ${isAutopoll}`,
    ids,
    ids
  ]
}

/** The counts of these rows and of the runs that live, each of which is counted once. */
export const countsOf = (rows: ReadonlyArray<Row>, live: ReadonlyArray<RunRecord>): RunCounts => {
  const stored = (kind: string) =>
    rows.filter((row) => row.kind === kind).reduce((sum, { runs }) => sum + Number(runs), 0)
  const countOf = (state: RunState) => stored(state) + live.filter((record) => record.state === state).length
  return {
    byState: Object.fromEntries(RunState.literals.map((state) => [state, countOf(state)])) as RunCounts["byState"],
    autopoll: stored("autopoll") + live.filter(({ requestId }) => isAutopollRun(requestId)).length
  }
}
