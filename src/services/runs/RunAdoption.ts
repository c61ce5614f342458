/** Runs that an earlier Looper started in this log folder and did not see end. */
import { Effect } from "effect"
import type { RunRecord } from "../../domain/RunRecord.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import { type RunIdentity, runLogTrailer, type SideFile, sideFileOf } from "../../domain/runLog.ts"
import { ProcessTable } from "../processes/ProcessTable.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { monotonicMillis } from "../Shutdown.ts"

/** One that was let go, or that nobody can say this of. */
export interface EarlierRun {
  readonly identity: RunIdentity
  readonly log: RunLog
  /** codex or its supervisor lives, by identity and boot. */
  readonly isAlive: boolean
}

/**
 * How the shell in codex' place ends when Looper dies before `go` (the supervisor's text): its read fails, or already
 * its write (SIGPIPE).
 */
const neverLetGo = [125, 141]
/** A supervisor whose Looper died before `go` ends in milliseconds. */
const goneBoundMillis = 1_000
const lookEveryMillis = 10

/**
 * Finds them by their side files, and by records whose side files are gone.
 *
 * **Details** Those whose codex was never let go are closed: their logs hold a header alone, and are removed.
 */
export const findEarlierRuns = Effect.gen(function* () {
  const table = yield* ProcessTable
  const runLogs = yield* RunLogs
  const records = yield* RunRecords
  const unended = yield* records.unended

  const isAlive = Effect.fnUntraced(function* (identity: RunIdentity) {
    if (identity.bootId !== table.bootId) return false
    return (yield* table.isAlive(identity.codex)) || (yield* table.isAlive(identity.supervisor))
  })

  /** The supervisor of a run that has no identity yet, as long as it lives. */
  const waitingSupervisor = (requestId: RequestId) =>
    Effect.map(table.scan, (rows) => rows.find((row) => row.isSupervisor && !row.isDead && row.marker === requestId))
  const awaitSupervisorGone = Effect.fnUntraced(function* (requestId: RequestId) {
    for (let waited = 0; waited < goneBoundMillis; waited += lookEveryMillis) {
      const supervisor = yield* waitingSupervisor(requestId)
      if (supervisor === undefined) return undefined
      yield* Effect.sleep(lookEveryMillis)
    }
    return yield* waitingSupervisor(requestId)
  })

  /** Not let go as far as the record knows, which may have been closed already. */
  const isKnownUnstarted = (requestId: RequestId) =>
    Effect.map(
      records.find(requestId),
      (record) => record !== undefined && record.state !== "running" && record.returnCode === undefined
    )
  const closeUnstarted = Effect.fnUntraced(function* (log: RunLog) {
    yield* records.endUnstarted(log.requestId, "interrupted")
    yield* runLogs.remove(log)
    yield* Effect.logInfo("codex.exec.unstarted").pipe(Effect.annotateLogs({ request_id: log.requestId }))
    return undefined
  })

  const look = Effect.fnUntraced(function* (
    log: RunLog,
    found: SideFile | undefined,
    record: RunRecord | undefined
  ): Effect.fn.Return<EarlierRun | undefined> {
    const { requestId } = log
    const identity = found?.identity ?? record?.identity
    if (identity !== undefined && (yield* isAlive(identity))) return { identity, log, isAlive: true }
    const supervisor = identity === undefined ? yield* awaitSupervisorGone(requestId) : undefined
    if (supervisor !== undefined) {
      // Somebody stopped it before it could end: it is kept in sight until it does.
      const startedAtMillis = yield* monotonicMillis
      const stuck = { bootId: table.bootId, supervisor, codex: supervisor, startedAtMillis }
      return { identity: { requestId, workspace: record?.workspace ?? "", ...stuck }, log, isAlive: true }
    }
    // Read again: what died since has written its code.
    const code = yield* runLogs.codeOf(log)
    const trailerBytes = code === undefined ? 0 : Buffer.byteLength(runLogTrailer(code))
    const hasOutput = ((yield* runLogs.sizeOf(log)) ?? 0) - log.headerBytes > trailerBytes
    const isNeverLetGo = code === undefined || (neverLetGo as ReadonlyArray<unknown>).includes(code)
    // codex is let go after its identity is stored. A code of its own may be the shell's, its output not.
    const isUnstarted = identity === undefined || (isNeverLetGo && (yield* isKnownUnstarted(requestId)))
    if (isUnstarted && !hasOutput) return yield* closeUnstarted(log)
    const nobody = { pid: 0, startTicks: 0 }
    const unknown = { requestId, bootId: "", supervisor: nobody, codex: nobody, workspace: "", startedAtMillis: 0 }
    return { identity: identity ?? unknown, log, isAlive: false }
  })

  const runs: Array<EarlierRun> = []
  const sideFiles = yield* runLogs.sideFiles
  for (const { side, ...found } of sideFiles) {
    const record = unended.find((one) => one.requestId === found.requestId)
    const run = yield* look(yield* runLogs.open(found), side, record)
    if (run !== undefined) runs.push(run)
  }
  for (const record of unended) {
    if (sideFiles.some(({ requestId }) => requestId === record.requestId)) continue
    const { requestId, logPath } = record
    const log = yield* runLogs.open({ requestId, logPath, sidePath: sideFileOf(logPath) })
    const run = yield* look(log, undefined, record)
    if (run !== undefined) runs.push(run)
  }
  yield* runLogs.tidy(new Set(runs.map(({ log }) => log.requestId)))
  return runs
})
