/** Starts, adopts and keeps runs: who each one is, its limits, its end; the layer's end stops them or leaves them. */
import { Context, Deferred, Effect, Layer, Option, Scope } from "effect"
import type { SpawnFailed } from "../../domain/errors.ts"
import type { ProcessIdentity, TreeSeeds } from "../../domain/processTree.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import type { RunEnding, StopCause } from "../../domain/RunRecord.ts"
import type { ReturnCode, RunIdentity } from "../../domain/runLog.ts"
import type { RunProgress } from "../../domain/status.ts"
import { Autopoll } from "../Autopoll.ts"
import { awaitExec, type Launch, prepareRun } from "./launchRun.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { Notices } from "../Notices.ts"
import { mayLive, ProcessTable } from "../processes/ProcessTable.ts"
import { ProcessTrees } from "../processes/ProcessTrees.ts"
import { RunLogRetention } from "../records/RunLogRetention.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { type EarlierRun, findEarlierRuns } from "./RunAdoption.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { progressOf } from "./runProgress.ts"
import { makeRunStops } from "./runStops.ts"
import { ServerLog } from "../serverLog/ServerLog.ts"
import { monotonicMillis, Shutdown } from "../Shutdown.ts"
import { endOf, hasEnded, keepRun, makeTrackedRun, type TrackedRun } from "./TrackedRun.ts"

/** A run whose codex was let go. */
export interface LaunchedRun {
  readonly identity: RunIdentity
  readonly log: RunLog
  /** The shell's code when exec itself failed: 126 or 127. */
  readonly execFailure: Effect.Effect<Option.Option<number>>
  /** How codex ended, as soon as it has. */
  readonly end: Effect.Effect<RunEnding>
  /** The log has its trailer. */
  readonly completed: Effect.Effect<void>
}

/** What came of stopping one run. */
export interface StoppedRun {
  readonly pid: number
  /** What outlived SIGKILL, ascending. */
  readonly survivors: ReadonlyArray<number>
}

/** A trailer that takes longer than this is not waited for. */
const settleBoundMillis = 1_000
/** How often to look whether a supervisor that is no child of Looper, or a codex without one, still lives. */
const lookEveryMillis = 100

/** The runs of this log folder that have not ended, whichever Looper started them. */
export class RunSupervisor extends Context.Service<
  RunSupervisor,
  {
    /**
     * Starts one run, detached, and keeps it until its end; it outlives the caller, and this layer where runs are left.
     *
     * **Details** Uninterruptible and bounded. codex starts only after its identity stands in the side file and in
     * the record. Succeeds once exec succeeded or failed, which {@link LaunchedRun.execFailure} tells.
     *
     * **Errors** `SpawnFailed`: codex was not started.
     */
    readonly launch: (launch: Launch) => Effect.Effect<LaunchedRun, SpawnFailed>
    /** The runs that have not ended, an earlier Looper's too. */
    readonly live: () => ReadonlyArray<RunIdentity>
    /** What a live run is up to; `undefined` where none has this id. */
    readonly progress: (requestId: string) => Effect.Effect<RunProgress | undefined>
    /**
     * Supervisors as leaders of their sessions: of live runs and, until {@link forgetEnded}, of ended ones that left
     * something alive.
     */
    readonly leaders: () => ReadonlyArray<ProcessIdentity>
    /** Records that these codex are about to be stopped: their ends are not their own. */
    readonly stopping: (pids: ReadonlyArray<number>, cause: StopCause) => Effect.Effect<void>
    /**
     * Stops a run's tree and waits, for a second at most, until its end is recorded.
     *
     * **Details** `undefined` where no live run has this id. Like a kill of it alone: bounded, uninterruptible.
     */
    readonly stopRun: (requestId: string, cause: StopCause) => Effect.Effect<StoppedRun | undefined>
    /** Drops the leaders of ended runs: after a kill without survivors their sessions are empty. */
    readonly forgetEnded: Effect.Effect<void>
    /** Waits, for a second at most, for the trailers of runs whose codex is dead. */
    readonly settle: Effect.Effect<void>
  }
>()("looper/services/runs/RunSupervisor") {
  /**
   * Adopts what an earlier Looper left before it is built; its end stops the runs, or leaves them to the next one.
   *
   * **Details** Log, mirror and record of a run that ends then are waited for as long as the shutdown's drain lasts;
   * what is not complete by then is reported to {@link Shutdown} and completed by the next Looper.
   */
  static readonly layerNoDeps = Layer.effect(
    RunSupervisor,
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const trees = yield* ProcessTrees
      const { markStopping, terminateRun, keepLimits } = yield* makeRunStops
      const runLogs = yield* RunLogs
      const records = yield* RunRecords
      const retention = yield* RunLogRetention
      const shutdown = yield* Shutdown
      const services = yield* Effect.context<
        Autopoll | LooperConfig | Notices | ProcessTable | RunLogs | RunRecords | ServerLog | Shutdown
      >()
      const scope = yield* Scope.make()
      const started = new Map<RequestId, TrackedRun>()

      /** The code that its supervisor wrote; without one, `unknown` once codex is gone, too. */
      const recordedCode = Effect.fnUntraced(function* (log: RunLog, codex: ProcessIdentity) {
        const recorded = (yield* runLogs.readSide(log.sidePath))?.returnCode
        if (recorded !== undefined) return recorded
        while (yield* mayLive(table, codex)) yield* Effect.sleep(lookEveryMillis)
        // Only now: what a live codex prints may look like a trailer.
        return (yield* runLogs.codeOf(log)) ?? "unknown"
      })

      /** Does anything of an ended run live? Otherwise its session's number may name another one some day. */
      const hasLeftovers = ({ requestId, supervisor, bootId }: RunIdentity) =>
        Effect.map(table.scan, (rows) =>
          rows.some(
            (row) =>
              !row.isDead &&
              bootId === table.bootId &&
              (row.marker === requestId || row.sessionId === supervisor.pid || row.groupId === supervisor.pid)
          )
        )

      const prune = Effect.suspend(() => retention.prune(new Set(unended().map(({ identity }) => identity.requestId))))

      /** Keeps a run beside whoever started or adopted it. */
      const track = (run: TrackedRun, isLimited: boolean) => {
        const { requestId } = run.identity
        started.set(requestId, run)
        const watchLimits = isLimited
          ? Effect.raceFirst(Effect.uninterruptible(keepLimits(run)), Deferred.await(run.ending.code))
          : Effect.void
        return Effect.all([keepRun(run), watchLimits], { concurrency: "unbounded" }).pipe(
          Effect.andThen(hasLeftovers(run.identity)),
          Effect.tap((hasAny) => Effect.sync(() => hasAny || started.delete(requestId))),
          Effect.andThen(prune),
          Effect.tapCause((cause) => Effect.logError("codex.exec.keep.fail", cause)),
          Effect.ensuring(Deferred.succeed(run.recorded, undefined)),
          Effect.provideContext(services),
          Effect.forkIn(scope, { startImmediately: true }),
          Effect.asVoid
        )
      }

      const launch = Effect.fn("RunSupervisor.launch")(function* (options: Launch) {
        const { log, requestId } = options
        const { process, identity } = yield* Effect.provideContext(prepareRun(options), services)
        const learnCode: Effect.Effect<ReturnCode> = Deferred.await(process.exited).pipe(
          Effect.flatMap((code) => (code === undefined ? recordedCode(log, identity.codex) : Effect.succeed(code))),
          Effect.ensuring(process.abandon)
        )
        const run = makeTrackedRun({
          identity,
          log,
          learnCode,
          isAdopted: false,
          isSeenEnding: true,
          stoppedBy: undefined
        })
        yield* process.go
        yield* records.running(requestId)
        yield* track(run, true)
        yield* awaitExec(table, process)
        return {
          identity,
          log,
          execFailure: Deferred.poll(process.execFailure).pipe(
            Effect.flatMap(Option.match({ onNone: () => Effect.succeedNone, onSome: Effect.asSome }))
          ),
          end: endOf(run),
          completed: Deferred.await(run.ending.trailerWritten)
        }
      }, Effect.uninterruptible)

      const adopt = Effect.fnUntraced(function* ({ identity, log, isAlive }: EarlierRun) {
        const { requestId, supervisor, codex } = identity
        const supervisorEnd = Effect.gen(function* () {
          while (yield* mayLive(table, supervisor)) yield* Effect.sleep(lookEveryMillis)
        })
        const learnCode = isAlive ? Effect.andThen(supervisorEnd, recordedCode(log, codex)) : recordedCode(log, nobody)
        const stoppedBy = yield* records.stopCause(requestId)
        // A stop that its Looper did not survive: this run did, so its end is its own.
        if (isAlive && stoppedBy !== undefined) yield* records.stopForgotten(requestId)
        if (isAlive) {
          yield* Effect.logInfo("codex.exec.adopted").pipe(
            Effect.annotateLogs({ request_id: requestId, pid: codex.pid, log_path: log.path })
          )
          yield* records.running(requestId)
        }
        const run = { identity, log, learnCode, isSeenEnding: isAlive, stoppedBy: isAlive ? undefined : stoppedBy }
        yield* track(makeTrackedRun({ ...run, isAdopted: true }), isAlive)
      })

      const live = () => unended().map(({ identity }) => identity)
      const unended = () => [...started.values()].filter((run) => !hasEnded(run))
      const leaders = () =>
        [...started.values()].flatMap(({ identity }) => (identity.bootId === table.bootId ? [identity.supervisor] : []))

      /** Some milliseconds pass between a codex' death and the moment its supervisor's end is known. */
      const settle = Effect.gen(function* () {
        const dead = yield* Effect.filter(unended(), ({ identity }) =>
          Effect.map(table.isAlive(identity.codex), (isAlive) => !isAlive)
        )
        const trailers = dead.map(({ ending }) => Deferred.await(ending.trailerWritten))
        yield* Effect.timeoutOption(Effect.all(trailers, { concurrency: "unbounded" }), settleBoundMillis)
      })

      /** Stops the trees of all runs unless they are left, and lets logs and mirrors of those that end finish. */
      const stopAll = Effect.gen(function* () {
        const times = yield* shutdown.begin
        if (started.size === 0) return
        if (!shutdown.isLeaving()) {
          yield* markStopping(unended(), "shutdown")
          const seeds: TreeSeeds = {
            targets: live().map(({ codex }) => codex),
            leaders: leaders(),
            markers: new Set(started.keys())
          }
          const { survivors } = yield* trees.terminate(seeds)
          for (const pid of survivors) shutdown.report(`process ${pid}`)
        } else {
          yield* settle
        }
        const drainMillis = Math.max(0, times.drainEndsMillis - (yield* monotonicMillis))
        const ending = [...started.values()].filter((run) => !shutdown.isLeaving() || hasEnded(run))
        yield* Effect.forEach(
          ending,
          ({ recorded, identity }) =>
            Effect.timeoutOrElse(Deferred.await(recorded), {
              duration: drainMillis,
              orElse: () => Effect.sync(() => shutdown.report(`the end of run ${identity.requestId}`))
            }),
          { concurrency: "unbounded", discard: true }
        )
      })
      yield* Effect.addFinalizer((exit) => Effect.andThen(stopAll, Scope.close(scope, exit)))

      for (const run of yield* findEarlierRuns) yield* adopt(run)
      yield* settle
      yield* prune

      return RunSupervisor.of({
        launch,
        live,
        progress: (requestId) => {
          const run = unended().find(({ identity }) => identity.requestId === requestId)
          return run === undefined ? Effect.undefined : Effect.provideContext(progressOf(run), services)
        },
        leaders,
        settle,
        stopping: (pids, cause) =>
          markStopping(
            unended().filter(({ identity }) => pids.includes(identity.codex.pid)),
            cause
          ),
        stopRun: Effect.fn("RunSupervisor.stopRun")(function* (requestId, cause) {
          const run = unended().find(({ identity }) => identity.requestId === requestId)
          if (run === undefined) return undefined
          const survivors = yield* terminateRun(run, cause)
          if (survivors.length === 0) yield* Effect.timeoutOption(Deferred.await(run.recorded), settleBoundMillis)
          return { pid: run.identity.codex.pid, survivors }
        }, Effect.uninterruptible),
        forgetEnded: Effect.sync(() => {
          // One whose end is not recorded yet forgets itself then: a shutdown has to wait for that.
          for (const [id, { recorded }] of started) if (Deferred.isDoneUnsafe(recorded)) started.delete(id)
        })
      })
    })
  )
}

const nobody: ProcessIdentity = { pid: 0, startTicks: 0 }
