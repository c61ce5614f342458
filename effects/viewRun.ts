/** A run as it is now: its record, and how far it is while it lives. */
import { Effect } from "effect"
import { isEnded, type RunRecord } from "../src/domain/RunRecord.ts"
import { ProcessTable } from "../src/services/processes/ProcessTable.ts"
import type { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import { monotonicMillis } from "../src/services/Shutdown.ts"

/** Every service that a look at runs needs. */
export type HistoryServices = ProcessTable | RunLogs | RunRecords

/** A run with what only the machine knows of it while it lives. */
export const viewRun = Effect.fnUntraced(function* (record: RunRecord) {
  const { identity, state, logPath } = record
  if (isEnded(record)) return { record, durationMillis: undefined, logBytes: undefined }
  const logBytes = yield* (yield* RunLogs).sizeOf({ path: logPath })
  if (state !== "running" || identity === undefined) return { record, durationMillis: undefined, logBytes }
  const { bootId } = yield* ProcessTable
  const isThisBoot = identity.bootId === bootId
  const durationMillis = isThisBoot ? Math.round((yield* monotonicMillis) - identity.startedAtMillis) : undefined
  return { record, durationMillis, logBytes }
})
