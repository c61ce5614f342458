/** A history: finished runs with their logs and their rows, as Looper leaves them. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { endState, type RunRecord } from "../../src/domain/RunRecord.ts"
import { runLogHeader, runLogName, runLogTrailer } from "../../src/domain/runLog.ts"
import { openDatabase } from "../../src/services/records/openDatabase.ts"
import { runStatements, runValues } from "../../src/services/records/runRow.ts"
import type { House } from "./house.ts"

const firstStartMillis = Date.UTC(2026, 0, 1)
const apartMillis = 60_000

/** Writes so many into the house's log folder, in which no Looper has worked yet. */
export const seedRuns = ({ logDir, workspace }: House, count: number): void => {
  const { database } = openDatabase(join(logDir, "looper.db"), { timeoutMillis: 1_000, checkedInode: undefined })
  const insert = database.prepare(runStatements.begin)
  database.exec("BEGIN")
  for (let n = 0; n < count; n++) {
    const requestId = n.toString(16).padStart(8, "0")
    const startedAtMillis = firstStartMillis + n * apartMillis
    const log = `${runLogHeader({ requestId, workspace, command: "codex exec end" })}Done.\n${runLogTrailer(0)}`
    const logPath = join(logDir, runLogName({ requestId, startedAt: new Date(startedAtMillis) }))
    const record: RunRecord = {
      requestId,
      ...endState({ returnCode: 0, stoppedBy: undefined }),
      returnCode: 0,
      operation: undefined,
      error: undefined,
      reason: undefined,
      startedAtMillis,
      endedAtMillis: startedAtMillis + 1_000,
      durationMillis: 1_000,
      workspace,
      logPath,
      logBytes: log.length,
      isLogPruned: false,
      identity: undefined
    }
    writeFileSync(logPath, log, { mode: 0o600 })
    insert.run(...runValues({ record, stoppedBy: undefined, isInferred: false }))
  }
  database.exec("COMMIT")
  database.close()
}
