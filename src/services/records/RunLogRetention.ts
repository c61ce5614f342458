/** Removes the oldest logs of ended runs, as far as the configuration asks for it; their records stay. */
import { lstat, readdir, unlink } from "node:fs/promises"
import * as path from "node:path"
import { Clock, Context, Duration, Effect, Layer, Semaphore } from "effect"
import { requestIdOfRunLog, sideFileOf } from "../../domain/runLog.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { Database, type Row } from "./Database.ts"
import { nextTurn } from "./rebuild.ts"

/** `LOOPER_LOG_RETENTION_RUNS`, `_DAYS` and `_BYTES`; all `0` = off. */
export class RunLogRetention extends Context.Service<
  RunLogRetention,
  {
    /**
     * Removes logs of ended runs, oldest first, until all three bounds hold.
     *
     * **Details** The bounds count ended runs alone. Never removed: the log of a run in `liveIds`, of one whose
     * record is unended or whose side file is there, and what is no plain file. While the database is unusable
     * nothing is. A record that says otherwise than the folder, after a crash in between, is put right.
     */
    readonly prune: (liveIds: ReadonlySet<string>) => Effect.Effect<void>
  }
>()("looper/services/records/RunLogRetention") {
  static readonly layerNoDeps = Layer.effect(
    RunLogRetention,
    Effect.gen(function* () {
      const { logDir, ...config } = yield* LooperConfig
      const bounds: Bounds = {
        runs: config.retentionRuns || Number.POSITIVE_INFINITY,
        ageMillis: Duration.toMillis(Duration.days(config.retentionDays || Number.POSITIVE_INFINITY)),
        bytes: config.retentionBytes || Number.POSITIVE_INFINITY
      }
      const isOff = Object.values(bounds).every((bound) => bound === Number.POSITIVE_INFINITY)
      const database = yield* Database
      const pruning = yield* Semaphore.make(1)
      const prune = Effect.fn("RunLogRetention.prune")(
        function* (liveIds: ReadonlySet<string>) {
          if (isOff || !(yield* database.isUsable)) return
          const names = new Set(yield* readNames(logDir))
          const folder = { logDir, names, liveIds }
          const again = yield* removeAll(folder, yield* prunedByRecord(database, names), () => Effect.succeed(true))
          const logs = yield* endedLogs(database, folder)
          const removed = yield* removeAll(folder, victims(logs, bounds, yield* Clock.currentTimeMillis), (log) =>
            database.tryWrite(markPruned, log.bytes, log.requestId)
          )
          const count = again.count + removed.count
          if (count === 0) return
          yield* Effect.logInfo("server.retention.pruned").pipe(
            Effect.annotateLogs({ count, bytes: again.bytes + removed.bytes })
          )
        },
        (effect) => pruning.withPermit(effect)
      )
      return RunLogRetention.of({ prune })
    })
  )
}

/** Infinite where there is none. */
interface Bounds {
  readonly runs: number
  readonly ageMillis: number
  readonly bytes: number
}

/** The log folder, and which runs are alive whatever their records say. */
interface Folder {
  readonly logDir: string
  readonly names: ReadonlySet<string>
  readonly liveIds: ReadonlySet<string>
}

interface EndedLog {
  readonly requestId: string
  readonly name: string
  readonly startedAtMillis: number
  readonly endedAtMillis: number
  readonly bytes: number
}

/** Rows read, and names asked for, in one turn of the event loop. */
const pageSize = 1_000

const markPruned = "UPDATE runs SET is_log_pruned = 1, log_bytes = coalesce(log_bytes, ?) WHERE request_id = ?"

const readNames = (logDir: string) => Effect.promise(() => readdir(logDir).catch((): Array<string> => []))

/** The size of what may be removed: a plain file, never what a symbolic link names. */
const sizeOf = (file: string): Effect.Effect<number | undefined> =>
  Effect.promise(async () => {
    const found = await lstat(file).catch(() => undefined)
    return found?.isFile() === true ? found.size : undefined
  })

const mayRemove = ({ liveIds, names }: Folder, { requestId, name }: EndedLog): boolean =>
  requestIdOfRunLog(name) === requestId && !liveIds.has(requestId) && !names.has(sideFileOf(name))

/** The oldest first. */
const victims = (logs: ReadonlyArray<EndedLog>, bounds: Bounds, now: number): ReadonlyArray<EndedLog> => {
  let bytes = 0
  return logs
    .filter((log, index) => {
      bytes += log.bytes
      return index >= bounds.runs || bytes > bounds.bytes || now - log.endedAtMillis > bounds.ageMillis
    })
    .toReversed()
}

/** Ended runs whose logs are in the folder, the newest first. */
const endedLogs = Effect.fnUntraced(function* (database: Database["Service"], folder: Folder) {
  const logs: Array<EndedLog> = []
  let last: readonly [number, string] = [Number.MAX_SAFE_INTEGER, ""]
  for (;;) {
    const rows = yield* database.read(
      `SELECT request_id, log_name, started_at, ended_at, log_bytes FROM runs
      WHERE NOT is_log_pruned AND ended_at IS NOT NULL AND (started_at, request_id) < (?, ?)
      ORDER BY started_at DESC, request_id DESC LIMIT ${pageSize}`,
      ...last
    )
    if (rows === undefined || rows.length === 0) return logs
    for (const row of rows) {
      const log = yield* presentLog(database, folder, row)
      if (log !== undefined) logs.push(log)
    }
    const { started_at, request_id } = rows.at(-1) ?? {}
    last = [Number(started_at), String(request_id)]
    yield* nextTurn
  }
})

/** The row's log with its size; a log that is gone is marked as removed. */
const presentLog = Effect.fnUntraced(function* (database: Database["Service"], folder: Folder, row: Row) {
  const log = endedLog(row)
  if (folder.names.has(log.name) && row.log_bytes !== null) return log
  const file = path.join(folder.logDir, log.name)
  const bytes = yield* sizeOf(file)
  if (bytes !== undefined) return { ...log, bytes }
  // A run that ended after the names were read has its log; a live one keeps its record as it is.
  if (!folder.names.has(log.name) && mayRemove(folder, log)) yield* database.tryWrite(markPruned, null, log.requestId)
  return undefined
})

const endedLog = (row: Row): EndedLog => ({
  requestId: String(row.request_id),
  name: String(row.log_name),
  startedAtMillis: Number(row.started_at),
  endedAtMillis: Number(row.ended_at),
  bytes: Number(row.log_bytes ?? 0)
})

/** Logs that are in the folder though their records say that they were removed. */
const prunedByRecord = Effect.fnUntraced(function* (database: Database["Service"], names: ReadonlySet<string>) {
  const found: Array<EndedLog> = []
  const ids = [...names].flatMap((name) => requestIdOfRunLog(name) ?? [])
  for (let start = 0; start < ids.length; start += pageSize) {
    const rows = yield* database.read(
      `SELECT request_id, log_name, started_at, ended_at, log_bytes FROM runs
      WHERE is_log_pruned AND ended_at IS NOT NULL AND request_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids.slice(start, start + pageSize))
    )
    for (const log of (rows ?? []).map(endedLog)) if (names.has(log.name)) found.push(log)
    yield* nextTurn
  }
  return found
})

/** Removes logs as long as `record` succeeds, which comes first: what a crash leaves is removed the next time. */
const removeAll = Effect.fnUntraced(function* (
  folder: Folder,
  logs: ReadonlyArray<EndedLog>,
  record: (log: EndedLog) => Effect.Effect<boolean>
) {
  const removed = { count: 0, bytes: 0 }
  for (const log of logs.filter((each) => mayRemove(folder, each))) {
    const file = path.join(folder.logDir, log.name)
    const bytes = yield* sizeOf(file)
    if (bytes === undefined) continue
    if (!(yield* record({ ...log, bytes }))) break
    const problem = yield* Effect.promise(() =>
      unlink(file).then(
        () => undefined,
        (error: Error) => error.message
      )
    )
    if (problem === undefined) {
      removed.count += 1
      removed.bytes += bytes
    } else {
      yield* Effect.annotateLogs(Effect.logWarning("server.retention.fail"), { path: file, reason: problem })
    }
  }
  return removed
})
