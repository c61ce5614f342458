/** The history of runs: intent before each effect, result after it. */
import { Clock, Context, Effect, Layer } from "effect"
import { HistoryUnavailable, RunNotFound, type Step } from "../../domain/errors.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import {
  endState,
  type RunCounts,
  type RunEnding,
  type RunOperation,
  type RunRecord,
  type RunsQuery,
  type RunStep,
  type StopCause
} from "../../domain/RunRecord.ts"
import type { RunIdentity } from "../../domain/runLog.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { countEnd, Metrics } from "../metrics/Metrics.ts"
import { LogFolder } from "../runs/LogFolder.ts"
import { RunLogs } from "../runs/RunLogs.ts"
import { Database } from "./Database.ts"
import { LiveRuns } from "./LiveRuns.ts"
import { countsOf, selectCounts } from "./countRuns.ts"
import { selectPage, withLive } from "./listRuns.ts"
import { type KnownRun, knownRun, runStatements, runValues } from "./runRow.ts"

/** The records of runs; what is told of an ended one changes nothing, unless its record was inferred from its log. */
export class RunRecords extends Context.Service<
  RunRecords,
  {
    /** A sequence is about to announce, stop or launch; state `starting`. */
    readonly begin: (run: {
      readonly requestId: RequestId
      readonly operation?: RunOperation | undefined
      readonly workspace: string
      readonly logPath: string
      /** The preflight, which ends now. */
      readonly checked?: { readonly startedAtMillis: number; readonly detail: string } | undefined
    }) => Effect.Effect<void>
    /** Completes the step before (result `ok`) and begins this one; nothing for an id without a record. */
    readonly enter: (requestId: RequestId, step: Step) => Effect.Effect<void>
    /** Completes a step of a sequence with `ok` or its error's tag, and with a line about it. */
    readonly leave: (requestId: RequestId, result: string, detail?: string) => Effect.Effect<void>
    /** Who codex is, before it is let go. */
    readonly identify: (identity: RunIdentity) => Effect.Effect<void>
    /** codex was let go. */
    readonly running: (requestId: RequestId) => Effect.Effect<void>
    /** Somebody is about to stop these; the first cause stays. */
    readonly stopping: (requestIds: ReadonlyArray<RequestId>, cause: StopCause) => Effect.Effect<void>
    /** A stop that its Looper did not survive, of a run that did: its end is its own again. */
    readonly stopForgotten: (requestId: RequestId) => Effect.Effect<void>
    /** codex was let go and has ended. */
    readonly end: (
      requestId: RequestId,
      end: RunEnding & {
        readonly durationMillis: number | undefined
        readonly logBytes: number | undefined
        /** When codex ended; where nobody saw that, the last that is known of it. In milliseconds since the epoch. */
        readonly endedAtMillis?: number | undefined
        /** One line: why it failed, or which limit ended it. */
        readonly reason?: string | undefined
      }
    ) => Effect.Effect<void>
    /** codex was never let go: `failed` by `error`, `stopped` by a cause, or, where Looper died, `interrupted`. */
    readonly endUnstarted: (
      requestId: RequestId,
      end:
        | { readonly error: string; readonly reason?: string | undefined }
        | { readonly stoppedBy: StopCause }
        | "interrupted"
    ) => Effect.Effect<void>
    /** Was there ever a run of this id? */
    readonly has: (requestId: string) => boolean
    readonly find: (requestId: string) => Effect.Effect<RunRecord | undefined>
    /**
     * The run of an id.
     *
     * **Errors** `RunNotFound`; `HistoryUnavailable`: it is none of those that live, and the database cannot be read, or
     * is being made anew from the logs.
     */
    readonly get: (requestId: string) => Effect.Effect<RunRecord, RunNotFound | HistoryUnavailable>
    /**
     * A page of the history, newest first.
     *
     * **Errors** `HistoryUnavailable`: the database cannot be read.
     */
    readonly list: (query: RunsQuery) => Effect.Effect<ReadonlyArray<RunRecord>, HistoryUnavailable>
    /**
     * How many runs there are, those that live among them.
     *
     * **Errors** `HistoryUnavailable`: the database cannot be read.
     */
    readonly counts: Effect.Effect<RunCounts, HistoryUnavailable>
    readonly steps: (requestId: string) => Effect.Effect<ReadonlyArray<RunStep>>
    /** Why somebody was stopping it, as far as the record knows. */
    readonly stopCause: (requestId: string) => Effect.Effect<StopCause | undefined>
    /** Those in `starting` or `running`. */
    readonly unended: Effect.Effect<ReadonlyArray<RunRecord>>
  }
>()("looper/services/records/RunRecords") {
  /**
   * Keeps what has not ended in memory, and everything in the database.
   *
   * **Details** At start and whenever the database is made anew, runs of which only the log is left are inferred
   * from it: those with a side file before the layer is built, the others beside it, newest first.
   */
  static readonly layerNoDeps = Layer.effect(
    RunRecords,
    Effect.gen(function* () {
      const { logDir } = yield* LooperConfig
      const database = yield* Database
      const runLogs = yield* RunLogs
      const metrics = yield* Metrics
      const scope = yield* Effect.scope
      const runs = new LiveRuns({ database, logDir, metrics })
      /** How often the history is being completed from the logs: what is not found may only not be found yet. */
      let completing = 0
      const complete = (from: Effect.Effect<void>) =>
        Effect.suspend(() => {
          completing += 1
          return Effect.ensuring(
            from,
            Effect.sync(() => (completing -= 1))
          )
        })
      yield* database.onCreated(complete(runs.rebuild))
      const isLoaded = yield* runs.load(yield* LogFolder)
      const loadLater = Effect.flatMap(Effect.sleep("1 second"), () => runs.load()).pipe(
        Effect.repeat({ until: (isDone) => isDone })
      )
      const reconcile = Effect.andThen(isLoaded ? Effect.void : loadLater, runs.reconcile)
      yield* Effect.forkIn(complete(reconcile), scope, { startImmediately: true })

      /** Changes a run that has not ended, and writes it by one of the statements. */
      const change = Effect.fnUntraced(function* (
        requestId: RequestId,
        statement: keyof typeof runStatements,
        update: (run: KnownRun) => KnownRun
      ) {
        const known = yield* runs.changeable(requestId)
        if (known === undefined) return
        const run = update(known)
        runs.keep(run)
        yield* database.write(runStatements[statement], ...runValues(run))
        return run.record
      })
      const changeRecord = (
        requestId: RequestId,
        statement: keyof typeof runStatements,
        update: (record: RunRecord) => Partial<RunRecord>
      ) => change(requestId, statement, (run) => ({ ...run, record: { ...run.record, ...update(run.record) } }))

      const end = Effect.fnUntraced(function* (
        requestId: RequestId,
        result: Partial<RunRecord>,
        stoppedBy: StopCause | undefined
      ) {
        const now = yield* Clock.currentTimeMillis
        yield* runs.completeStep(requestId, { isStop: true, result: "ok" })
        const ended = yield* change(requestId, "end", (run) => ({
          record: {
            ...run.record,
            ...result,
            // A file's time may lie some milliseconds behind the clock's.
            endedAtMillis: Math.max(run.record.startedAtMillis, Math.min(now, result.endedAtMillis ?? now))
          },
          stoppedBy,
          isInferred: false
        }))
        if (ended !== undefined) countEnd(metrics, ended)
        yield* runs.forgetEnded
      })

      return RunRecords.of({
        begin: Effect.fn("RunRecords.begin")(function* ({ requestId, operation, workspace, logPath, checked }) {
          if (runs.hasBegun(requestId)) return
          const run: KnownRun = {
            record: {
              requestId,
              state: "starting",
              operation,
              cause: undefined,
              returnCode: undefined,
              error: undefined,
              reason: undefined,
              startedAtMillis: yield* Clock.currentTimeMillis,
              endedAtMillis: undefined,
              durationMillis: undefined,
              workspace,
              logPath,
              logBytes: undefined,
              isLogPruned: false,
              identity: undefined
            },
            stoppedBy: undefined,
            isInferred: false
          }
          runs.begin(run)
          yield* database.write(runStatements.begin, ...runValues(run))
          if (checked === undefined) return
          const { startedAtMillis, detail } = checked
          yield* runs.endStep(requestId, { step: "preflight", startedAtMillis }, { result: "ok", detail })
        }),
        enter: Effect.fn("RunRecords.enter")(function* (requestId, step) {
          if (runs.isOver(requestId)) return
          yield* runs.completeStep(requestId, { isStop: false, result: "ok" })
          yield* runs.beginStep(requestId, step)
        }),
        leave: Effect.fn("RunRecords.leave")(function* (requestId, result, detail) {
          yield* runs.completeStep(requestId, { isStop: false, result, detail })
          yield* runs.forgetEnded
        }),
        identify: (identity) => changeRecord(identity.requestId, "identify", () => ({ identity })),
        running: (requestId) =>
          changeRecord(requestId, "running", ({ state }) => ({ state: state === "starting" ? "running" : state })),
        stopping: Effect.fn("RunRecords.stopping")(function* (requestIds, cause) {
          for (const requestId of requestIds) {
            const known = yield* runs.changeable(requestId)
            if (known === undefined || known.stoppedBy !== undefined) continue
            yield* change(requestId, "stopping", (run) => ({ ...run, stoppedBy: cause }))
            yield* runs.beginStep(requestId, "stop")
          }
        }),
        stopForgotten: Effect.fn("RunRecords.stopForgotten")(function* (requestId) {
          yield* runs.abandonStop(requestId)
          yield* change(requestId, "stopForgotten", (run) => ({ ...run, stoppedBy: undefined }))
        }),
        end: Effect.fn("RunRecords.end")(function* (requestId, ending) {
          const { returnCode, durationMillis, logBytes, endedAtMillis, reason, stoppedBy } = ending
          const known = { returnCode, durationMillis, logBytes, endedAtMillis, reason }
          yield* end(requestId, { ...endState(ending), ...known }, stoppedBy)
        }),
        endUnstarted: Effect.fn("RunRecords.endUnstarted")(function* (requestId, how) {
          if (how === "interrupted") return yield* end(requestId, { state: how, cause: how }, undefined)
          if ("error" in how) {
            return yield* end(requestId, { state: "failed", cause: "not_started", ...how }, undefined)
          }
          return yield* end(requestId, { state: "stopped", cause: how.stoppedBy }, how.stoppedBy)
        }),
        has: (requestId) => runs.has(requestId) || runLogs.has(requestId),
        find: (requestId) => Effect.map(runs.find(requestId), (run) => run?.record),
        get: Effect.fnUntraced(function* (requestId) {
          const known = yield* runs.find(requestId)
          if (known !== undefined) return known.record
          const isReadable = completing === 0 && (yield* database.read("SELECT 1")) !== undefined
          return yield* isReadable ? new RunNotFound({ id: requestId }) : new HistoryUnavailable()
        }),
        list: Effect.fnUntraced(function* (query) {
          const rows = yield* database.read(...selectPage(query))
          if (rows === undefined) return yield* new HistoryUnavailable()
          const page = rows.flatMap((row) => knownRun(row, logDir)?.record ?? [])
          return withLive(page, runs.unended(), query)
        }),
        counts: Effect.suspend(() => {
          const live = runs.unended()
          return Effect.flatMap(database.read(...selectCounts(live)), (rows) =>
            rows === undefined ? Effect.fail(new HistoryUnavailable()) : Effect.succeed(countsOf(rows, live))
          )
        }),
        steps: (requestId) => runs.steps(requestId),
        stopCause: (requestId) => Effect.map(runs.find(requestId), (run) => run?.stoppedBy),
        unended: Effect.sync(() => runs.unended())
      })
    })
  )
}
