/** Fills the history with runs of which only the log is left. */
import { readdir } from "node:fs/promises"
import * as path from "node:path"
import { Effect } from "effect"
import { requestIdOfRunLog, sideFileOf } from "../../domain/runLog.ts"
import type { Database } from "./Database.ts"
import { inferRun } from "./inferRun.ts"
import { type KnownRun, runStatements, runValues } from "./runRow.ts"

/** Logs read in one turn of the event loop, about 4 ms, and written by one statement. */
const batchSize = 64

/** A run log in the folder; one with a side file may be of a run that lives. */
export interface FoundLog {
  readonly requestId: string
  readonly logPath: string
  readonly hasSideFile: boolean
}

/** Names looked at in one turn of the event loop. */
const sliceSize = 10_000

/** The wanted run logs of the folder: those with a side file first, then the newest. */
export const findLogs = Effect.fnUntraced(function* (
  logDir: string,
  isWanted: (log: FoundLog) => boolean
): Effect.fn.Return<ReadonlyArray<FoundLog>> {
  const names = yield* Effect.promise(() => readdir(logDir).catch((): Array<string> => []))
  const sideFiles = new Set(names.filter((name) => name.endsWith(".state")))
  const logs: Array<FoundLog> = []
  for (const [index, name] of names.entries()) {
    if (index % sliceSize === sliceSize - 1) yield* nextTurn
    const requestId = requestIdOfRunLog(name)
    if (requestId === undefined) continue
    const log = { requestId, logPath: path.join(logDir, name), hasSideFile: sideFiles.has(sideFileOf(name)) }
    if (isWanted(log)) logs.push(log)
  }
  const order = (log: FoundLog) => (log.hasSideFile ? "1" : "0") + log.logPath
  return logs.toSorted((a, b) => (order(a) < order(b) ? 1 : -1))
})

/** Lets everything else run. */
export const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Writes the runs of these logs, unless the database has them by then; tells each run that has not ended. */
export const inferRuns = Effect.fn("records.inferRuns")(function* (options: {
  readonly database: Database["Service"]
  readonly logs: ReadonlyArray<FoundLog>
  readonly onUnended: (run: KnownRun) => void
}) {
  const { database, logs, onUnended } = options
  let count = 0
  for (let start = 0; start < logs.length; start += batchSize) {
    const runs = logs
      .slice(start, start + batchSize)
      .flatMap(({ requestId, logPath }) => inferRun(logPath, requestId) ?? [])
    const text = JSON.stringify(runs.map(runValues))
    while (!(yield* database.tryWrite(runStatements.infer, text))) yield* Effect.sleep("1 second")
    for (const run of runs) if (run.record.endedAtMillis === undefined) onUnended(run)
    count += runs.length
    yield* nextTurn
  }
  return count
})
