/** Starts runs and keeps them: who each one is, its mirror, its end; closing the layer's scope stops them. */
import { Cause, Context, Deferred, Effect, Layer, Option, Scope } from "effect"
import { SpawnFailed } from "../domain/errors.ts"
import type { ProcessIdentity, TreeSeeds } from "../domain/processTree.ts"
import type { RequestId } from "../domain/RequestId.ts"
import type { RunEnd } from "../domain/RunResult.ts"
import type { ReturnCode, RunIdentity } from "../domain/runLog.ts"
import { isBeforeExec } from "../domain/supervisor.ts"
import { ProcessTable } from "./ProcessTable.ts"
import { ProcessTrees } from "./ProcessTrees.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"
import { mirrorRun, type RunEnding } from "./RunMirror.ts"
import { ServerLog } from "./ServerLog.ts"
import { monotonicMillis, Shutdown } from "./Shutdown.ts"
import { type SupervisorProcess, startSupervisor } from "./supervisorProcess.ts"

/** A run whose codex was let go. */
export interface LaunchedRun {
  readonly identity: RunIdentity
  readonly logPath: string
  /** The shell's code when exec itself failed: 126 or 127. */
  readonly execFailure: Effect.Effect<Option.Option<number>>
  /** How codex ended, as soon as it has. */
  readonly end: Effect.Effect<RunEnd>
  /** The log has its trailer. */
  readonly completed: Effect.Effect<void>
}

/** What to start. */
export interface Launch {
  readonly requestId: RequestId
  readonly argv: ReadonlyArray<string>
  readonly workspace: string
  readonly environment: Readonly<Record<string, string>>
  readonly log: RunLog
}

/** Exec is a matter of milliseconds; whoever waits for it gives up after this. */
const execBoundMillis = 5_000
const execLookEveryMillis = 1
/** A trailer that takes longer than this is not waited for. */
const settleBoundMillis = 1_000
/** How often to look whether a codex without supervisor still lives. */
const orphanLookEveryMillis = 100

export class RunSupervisor extends Context.Service<
  RunSupervisor,
  {
    /**
     * Starts one run, detached, and keeps it until its end; it outlives the caller, not this layer.
     *
     * **Details** Uninterruptible and bounded. codex starts only after its identity stands in the side file.
     * Succeeds once exec succeeded or failed, which {@link LaunchedRun.execFailure} tells.
     *
     * **Errors** `SpawnFailed`: codex was not started.
     */
    readonly launch: (launch: Launch) => Effect.Effect<LaunchedRun, SpawnFailed>
    /** Was codex of this run let go by this layer? */
    readonly hasLaunched: (requestId: RequestId) => boolean
    /** The runs that this layer started and that have not ended. */
    readonly live: () => ReadonlyArray<RunIdentity>
    /** The supervisors of all runs since the last {@link forgetEnded}: leaders of their sessions. */
    readonly leaders: () => ReadonlyArray<ProcessIdentity>
    /** Says that these codex are being stopped: their ends are not their own. */
    readonly noteStop: (pids: ReadonlyArray<number>) => void
    /** Drops the leaders of ended runs: after a kill without survivors their sessions are empty. */
    readonly forgetEnded: Effect.Effect<void>
    /** Waits, for a second at most, for the trailers of runs whose codex is dead. */
    readonly settle: Effect.Effect<void>
  }
>()("looper/services/RunSupervisor") {
  static readonly layerNoDeps = Layer.effect(
    RunSupervisor,
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const trees = yield* ProcessTrees
      const runLogs = yield* RunLogs
      const serverLog = yield* ServerLog
      const shutdown = yield* Shutdown
      const scope = yield* Scope.make()
      const started = new Map<RequestId, TrackedRun>()
      const launchedIds = new Set<RequestId>()

      /** Learns codex' code: from its supervisor, its side file, or not at all. */
      const learnCode = Effect.fnUntraced(function* (
        process: SupervisorProcess,
        launch: Launch,
        codex: ProcessIdentity
      ) {
        const code = yield* Deferred.await(process.exited)
        if (code !== undefined) return code
        const recorded = (yield* runLogs.readSide(launch.log.sidePath))?.returnCode
        if (recorded !== undefined) return recorded
        while (yield* table.isAlive(codex)) yield* Effect.sleep(orphanLookEveryMillis)
        return "unknown"
      })

      const watch = Effect.fnUntraced(function* (launch: Launch, process: SupervisorProcess, run: TrackedRun) {
        const code: ReturnCode = yield* learnCode(process, launch, run.identity.codex)
        yield* Deferred.succeed(run.ending.code, code)
        const hasTrailer =
          (yield* runLogs.readSide(launch.log.sidePath))?.hasTrailer === true ||
          (yield* runLogs.ensureTrailer(launch.log.path, code))
        yield* Deferred.succeed(run.ending.trailerWritten, undefined)
        return hasTrailer
      })
      const hasEnded = ({ ending }: TrackedRun) => Deferred.isDoneUnsafe(ending.trailerWritten)

      const keep = Effect.fnUntraced(function* (launch: Launch, process: SupervisorProcess, run: TrackedRun) {
        const startedAt = yield* monotonicMillis
        const mirror = Effect.scoped(mirrorRun({ log: launch.log, ending: run.ending, runLogs, serverLog })).pipe(
          Effect.catchDefect((defect) => Effect.logError("codex.exec.mirror.fail", Cause.die(defect)))
        )
        const [hasTrailer] = yield* Effect.all([watch(launch, process, run), mirror], { concurrency: "unbounded" })
        yield* process.abandon
        yield* Effect.logInfo("codex.exec.ended").pipe(
          Effect.annotateLogs({
            request_id: launch.requestId,
            pid: run.identity.codex.pid,
            return_code: yield* Deferred.await(run.ending.code),
            duration_ms: Math.round((yield* monotonicMillis) - startedAt)
          })
        )
        // Without its trailer the end is not recorded: the next Looper writes it by the code in the side file.
        if (hasTrailer) yield* runLogs.removeSide(launch.log.sidePath)
        if (!(yield* hasLeftovers(run.identity))) started.delete(launch.requestId)
      })

      /** Does anything of an ended run live? Otherwise its session's number may name another one some day. */
      const hasLeftovers = ({ requestId, supervisor }: RunIdentity) =>
        Effect.map(table.scan, (rows) =>
          rows.some(
            (row) =>
              !row.isDead &&
              (row.marker === requestId || row.sessionId === supervisor.pid || row.groupId === supervisor.pid)
          )
        )

      const register = Effect.fnUntraced(function* (launch: Launch, process: SupervisorProcess) {
        const supervisor = yield* table.find(process.supervisorPid)
        const codex = yield* table.find(process.codexPid)
        if (supervisor === undefined || codex === undefined) {
          return yield* new SpawnFailed({ reason: "the supervisor ended at once" })
        }
        const identity: RunIdentity = {
          requestId: launch.requestId,
          bootId: table.bootId,
          supervisor,
          codex,
          workspace: launch.workspace
        }
        yield* runLogs
          .writeIdentity(launch.log, identity)
          .pipe(Effect.mapError((cause) => new SpawnFailed({ reason: cause.reason, cause })))
        return identity
      })

      const launch = Effect.fn("RunSupervisor.launch")(function* (options: Launch) {
        const process = yield* startSupervisor({
          argv: options.argv,
          workingDirectory: options.workspace,
          environment: options.environment,
          log: options.log
        })
        const identity = yield* register(options, process).pipe(Effect.onError(() => process.abandon))
        const run: TrackedRun = {
          identity,
          ending: { code: Deferred.makeUnsafe(), trailerWritten: Deferred.makeUnsafe() },
          recorded: Deferred.makeUnsafe(),
          isStopping: false
        }
        started.set(options.requestId, run)
        launchedIds.add(options.requestId)
        yield* process.go
        yield* keep(options, process, run).pipe(
          Effect.tapCause((cause) => Effect.logError("codex.exec.keep.fail", cause)),
          Effect.ensuring(Deferred.succeed(run.recorded, undefined)),
          Effect.forkIn(scope)
        )
        yield* awaitExec(table, process)
        return launchedRun({ run, process, logPath: options.log.path })
      }, Effect.uninterruptible)

      const live = () => [...started.values()].filter((run) => !hasEnded(run)).map(({ identity }) => identity)
      const leaders = () => [...started.values()].map(({ identity }) => identity.supervisor)

      const noteStop = (pids: ReadonlyArray<number>) => {
        for (const run of started.values()) run.isStopping ||= pids.includes(run.identity.codex.pid)
      }

      /** Stops the trees of every run that this layer started, then lets trailers and mirrors finish. */
      const stopAll = Effect.gen(function* () {
        const times = yield* shutdown.begin
        if (started.size === 0) return
        noteStop(live().map(({ codex }) => codex.pid))
        const seeds: TreeSeeds = {
          targets: live().map(({ codex }) => codex),
          leaders: leaders(),
          markers: new Set(started.keys())
        }
        const { survivors } = yield* trees.terminate(seeds)
        for (const pid of survivors) shutdown.report(`process ${pid}`)
        const drainMillis = Math.max(0, times.drainEndsMillis - (yield* monotonicMillis))
        yield* Effect.forEach(
          started.values(),
          ({ recorded, identity }) =>
            Effect.timeoutOrElse(Deferred.await(recorded), {
              duration: drainMillis,
              orElse: () => Effect.sync(() => shutdown.report(`the end of run ${identity.requestId}`))
            }),
          { concurrency: "unbounded", discard: true }
        )
      })
      yield* Effect.addFinalizer((exit) => Effect.andThen(stopAll, Scope.close(scope, exit)))

      /** Some milliseconds pass between a codex' death and the moment its supervisor's end is known. */
      const settle = Effect.gen(function* () {
        const dead = yield* Effect.filter([...started.values()], ({ identity }) =>
          Effect.map(table.isAlive(identity.codex), (isAlive) => !isAlive)
        )
        const trailers = dead.map(({ ending }) => Deferred.await(ending.trailerWritten))
        yield* Effect.timeoutOption(Effect.all(trailers, { concurrency: "unbounded" }), settleBoundMillis)
      })

      return RunSupervisor.of({
        launch,
        hasLaunched: (requestId) => launchedIds.has(requestId),
        live,
        leaders,
        settle,
        noteStop,
        forgetEnded: Effect.sync(() => {
          for (const [id, run] of started) if (hasEnded(run)) started.delete(id)
        })
      })
    })
  )
}

interface TrackedRun {
  readonly identity: RunIdentity
  readonly ending: RunEnding
  readonly recorded: Deferred.Deferred<void>
  /** Somebody is stopping it: its end is not its own. */
  isStopping: boolean
}

/** What a caller may know of a run. */
const launchedRun = (options: {
  readonly run: TrackedRun
  readonly process: SupervisorProcess
  readonly logPath: string
}): LaunchedRun => {
  const { run, process, logPath } = options
  const { code, trailerWritten } = run.ending
  return {
    identity: run.identity,
    logPath,
    execFailure: Deferred.poll(process.execFailure).pipe(
      Effect.flatMap(Option.match({ onNone: () => Effect.succeedNone, onSome: Effect.asSome }))
    ),
    end: Effect.map(Deferred.await(code), (returnCode) => ({ returnCode, wasStopped: run.isStopping })),
    completed: Deferred.await(trailerWritten)
  }
}

/** Waits until codex replaced the shell that stood in its place, or will not. */
const awaitExec = Effect.fnUntraced(function* (table: ProcessTable["Service"], process: SupervisorProcess) {
  const boundAt = (yield* monotonicMillis) + execBoundMillis
  for (;;) {
    if (yield* Deferred.isDone(process.execFailure)) return
    if (yield* Deferred.isDone(process.exited)) return
    const argv = yield* table.argv(process.codexPid)
    if (argv.length > 0 && !isBeforeExec(argv)) return
    if ((yield* monotonicMillis) >= boundAt) return
    yield* Effect.sleep(execLookEveryMillis)
  }
})
