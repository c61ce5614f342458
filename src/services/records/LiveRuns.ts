/** The runs that have not ended, in memory: the truth while the database is locked, unwritable or made anew. */
import { existsSync } from "node:fs"
import { Clock, Effect } from "effect"
import { endState, isEnded, type RunRecord, type RunStep } from "../../domain/RunRecord.ts"
import { journalOf } from "../../domain/runLog.ts"
import type { MetricsShape } from "../metrics/Metrics.ts"
import type { LogFolder } from "../runs/LogFolder.ts"
import type { Database, Row } from "./Database.ts"
import { inferRun } from "./inferRun.ts"
import { findLogs, type FoundLog, inferRuns } from "./rebuild.ts"
import {
  type KnownRun,
  knownRun,
  runStatements,
  runValues,
  selectRuns,
  selectSteps,
  stepStatement,
  stepsOf,
  stepValues
} from "./runRow.ts"

interface LiveRun {
  run: KnownRun
  steps: Array<RunStep>
}

/** Runs and steps of which the database may know less; ended ones go once it knows all. */
export class LiveRuns {
  private readonly database: Database["Service"]
  private readonly logDir: string
  private readonly metrics: MetricsShape
  private readonly live = new Map<string, LiveRun>()
  private ids = new Set<string>()
  /** By this Looper. */
  private readonly begun = new Set<string>()
  /** Logs without a record, as found before any run of this Looper; and how many are recorded by now. */
  private unrecorded: ReadonlyArray<FoundLog> = []
  private inferred = 0

  constructor(options: {
    readonly database: Database["Service"]
    readonly logDir: string
    readonly metrics: MetricsShape
  }) {
    this.database = options.database
    this.logDir = options.logDir
    this.metrics = options.metrics
  }

  has(requestId: string): boolean {
    return this.ids.has(requestId)
  }

  hasBegun(requestId: string): boolean {
    return this.begun.has(requestId)
  }

  unended(): ReadonlyArray<RunRecord> {
    return [...this.live.values()].map(({ run }) => run.record).filter((record) => !isEnded(record))
  }

  begin(run: KnownRun): void {
    this.begun.add(run.record.requestId)
    this.keep(run)
  }

  keep(run: KnownRun): void {
    const { requestId } = run.record
    this.ids.add(requestId)
    const known = this.live.get(requestId)
    if (known === undefined) this.live.set(requestId, { run, steps: [] })
    else known.run = run
  }

  /** Alive or ended; read from the database where it is not in memory. */
  find(requestId: string): Effect.Effect<KnownRun | undefined> {
    return Effect.suspend(() => {
      const known = this.live.get(requestId)
      if (known !== undefined) return Effect.succeed(known.run)
      return Effect.map(this.database.read(`${selectRuns} WHERE request_id = ?`, requestId), (rows) =>
        rows?.[0] === undefined ? undefined : knownRun(rows[0], this.logDir)
      )
    })
  }

  /** A run whose record may still change; inferred from its log where nothing else knows it. */
  changeable(requestId: string): Effect.Effect<KnownRun | undefined> {
    return Effect.gen({ self: this }, function* () {
      const known = yield* this.find(requestId)
      if (known !== undefined) return isEnded(known.record) && !known.isInferred ? undefined : known
      const [log] = yield* findLogs(this.logDir, (found) => found.requestId === requestId)
      return log && inferRun(log.logPath, log.requestId)
    })
  }

  steps(requestId: string): Effect.Effect<ReadonlyArray<RunStep>> {
    return Effect.suspend(() => {
      const known = this.live.get(requestId)
      if (known !== undefined) return Effect.succeed([...known.steps])
      return Effect.map(this.database.read(selectSteps, requestId), (rows) => stepsOf(rows ?? []))
    })
  }

  /** Begins a step of a run in memory; one of the same name that was there is replaced. */
  beginStep(requestId: string, step: RunStep["step"]): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (startedAtMillis) =>
      this.writeStep(requestId, {
        step,
        startedAtMillis,
        endedAtMillis: undefined,
        result: undefined,
        detail: undefined
      })
    )
  }

  /** Completes the step under way: the stop, or the one of the sequence. */
  completeStep(
    requestId: string,
    options: { readonly isStop: boolean; readonly result: string; readonly detail?: string | undefined }
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const step = this.openStep(requestId, options.isStop)
      return step === undefined ? Effect.void : this.endStep(requestId, step, options)
    })
  }

  /** Writes a step that ends now. */
  endStep(
    requestId: string,
    step: Pick<RunStep, "step" | "startedAtMillis">,
    how: { readonly result: string; readonly detail?: string | undefined }
  ): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { startedAtMillis } = step
      // A clock may be set back.
      const endedAtMillis = Math.max(startedAtMillis, now)
      const labels = { step: step.step, result: how.result === "ok" ? "ok" : "error" } as const
      this.metrics.observe("stepDuration", labels, (endedAtMillis - startedAtMillis) / 1_000)
      const { result, detail } = how
      return this.writeStep(requestId, { step: step.step, startedAtMillis, endedAtMillis, result, detail })
    })
  }

  /** A stop that ended with its Looper. */
  abandonStop(requestId: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const step = this.openStep(requestId, true)
      return step === undefined ? Effect.void : this.writeStep(requestId, { ...step, result: "interrupted" })
    })
  }

  /** Has it ended, and its sequence too? Unknown runs are over. */
  isOver(requestId: string): boolean {
    const known = this.live.get(requestId)
    const isInSequence = this.begun.has(requestId) && this.openStep(requestId, false) !== undefined
    return known === undefined || (isEnded(known.run.record) && !isInSequence)
  }

  private openStep(requestId: string, isStop: boolean): RunStep | undefined {
    return this.live
      .get(requestId)
      ?.steps.findLast(({ step, result }) => (step === "stop") === isStop && result === undefined)
  }

  private writeStep(requestId: string, step: RunStep): Effect.Effect<void> {
    return Effect.suspend(() => {
      const known = this.live.get(requestId)
      if (known === undefined) return Effect.void
      const index = known.steps.findIndex((other) => other.step === step.step)
      known.steps.splice(index < 0 ? known.steps.length : index, 1, step)
      return this.database.write(stepStatement, ...stepValues(requestId, step))
    })
  }

  /** Drops what has ended, once the database has it and its sequence is over. */
  readonly forgetEnded: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.database.isUsable, (isUsable) => {
      if (!isUsable) return
      for (const requestId of this.live.keys()) if (this.isOver(requestId)) this.live.delete(requestId)
    })
  )

  /**
   * Reads what the database knows; without it, what the side files tell.
   *
   * **Details** The folder is read again only where `found`, what is in it, has more than the database knows.
   */
  readonly load = (found?: LogFolder["Service"]): Effect.Effect<boolean> =>
    Effect.gen({ self: this }, function* () {
      const ids = yield* this.recordedIds
      const isNew = ({ requestId }: FoundLog) => ids?.has(requestId) === false
      const isKnown = found?.sideFiles.length === 0 && ids !== undefined && [...found.ids].every((id) => ids.has(id))
      const logs = isKnown ? [] : yield* findLogs(this.logDir, (log) => log.hasSideFile || isNew(log))
      const withSideFile = logs.filter(({ hasSideFile }) => hasSideFile)
      // Read last: what ends while the folder is read has ended in these rows.
      const unended = yield* this.database.read(`${selectRuns} WHERE state IN ('starting', 'running')`)
      if (ids === undefined || unended === undefined) {
        for (const log of withSideFile) this.keepUnended(inferRun(log.logPath, log.requestId))
        return false
      }
      for (const id of this.ids) ids.add(id)
      this.ids = ids
      const sideIds = new Set(withSideFile.map(({ requestId }) => requestId))
      for (const row of unended) yield* this.adopt(row, sideIds)
      for (const log of withSideFile.filter(isNew)) yield* this.inferNow(log)
      this.unrecorded = logs.filter((log) => !log.hasSideFile && isNew(log))
      // Of what ended meanwhile the database knows more: memory had it from the side file.
      yield* this.forgetEnded
      return true
    })

  /** Takes up the runs of which {@link load} found the log alone. */
  readonly reconcile: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const count = this.inferred + (yield* this.infer(this.unrecorded))
    this.inferred = 0
    this.unrecorded = []
    if (count > 0) yield* tellRebuilt(count)
  })

  /** Fills a database that was made anew. */
  readonly rebuild: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    for (const [requestId, { run, steps }] of this.live) {
      yield* this.database.write(runStatements.begin, ...runValues(run))
      // The statement that found the file new may have put a step before the others.
      yield* this.database.write("DELETE FROM steps WHERE request_id = ?", requestId)
      for (const step of steps) yield* this.database.write(stepStatement, ...stepValues(requestId, step))
    }
    const ids = yield* this.recordedIds
    const logs = yield* findLogs(this.logDir, ({ requestId }) => ids?.has(requestId) !== true)
    yield* tellRebuilt(yield* this.infer(logs))
  })

  private readonly recordedIds: Effect.Effect<Set<string> | undefined> = Effect.suspend(() =>
    // One text: a row for each of 100,000 ids takes ten times as long.
    Effect.map(this.database.read("SELECT group_concat(request_id, ' ') AS ids FROM runs"), (rows) =>
      rows === undefined
        ? undefined
        : new Set(
            String(rows[0]?.ids ?? "")
              .split(" ")
              .filter(Boolean)
          )
    )
  )

  /** A run that an earlier Looper left unended; closed where its log ends in a trailer and its side file is gone. */
  private adopt(row: Row, sideIds: ReadonlySet<string>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const run = knownRun(row, this.logDir)
      if (run === undefined) return
      const { requestId, logPath } = run.record
      // A journal without a side file is the mirror of a run that somebody deleted that of.
      const isOpen = sideIds.has(requestId) || existsSync(journalOf(logPath))
      const inferred = isOpen ? undefined : inferRun(logPath, requestId)
      if (inferred?.record.returnCode !== undefined) {
        const { returnCode, endedAtMillis, logBytes } = inferred.record
        const end = { ...endState({ returnCode, stoppedBy: run.stoppedBy }), returnCode, endedAtMillis, logBytes }
        const ended = { ...run, record: { ...run.record, ...end } }
        return yield* this.database.write(runStatements.end, ...runValues(ended))
      }
      const steps = yield* this.database.read(selectSteps, requestId)
      this.live.set(requestId, { run, steps: [...stepsOf(steps ?? [])] })
    })
  }

  private keepUnended(run: KnownRun | undefined): void {
    if (run !== undefined && !isEnded(run.record) && !this.live.has(run.record.requestId)) this.keep(run)
  }

  /** Kept in memory and written as soon as the database takes it: who starts does not wait for a lock. */
  private inferNow({ logPath, requestId }: FoundLog): Effect.Effect<void> {
    return Effect.suspend(() => {
      const run = inferRun(logPath, requestId)
      if (run === undefined) return Effect.void
      this.keepUnended(run)
      this.inferred += 1
      return this.database.write(runStatements.infer, JSON.stringify([runValues(run)]))
    })
  }

  private infer(logs: ReadonlyArray<FoundLog>): Effect.Effect<number> {
    const { database } = this
    return inferRuns({ database, logs, onUnended: (run) => this.keepUnended(run) })
  }
}

/** What a rebuilt history does not know any more. */
const lost = "who stopped a run, its steps, idempotency keys, autopoll's backoff"

const tellRebuilt = (runs: number): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logWarning("server.records.rebuilt"), { runs, lost })
