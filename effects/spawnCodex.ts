/** Operation: start one run where nothing runs. */
import { Duration, Effect, Option } from "effect"
import {
  ExitedEarly,
  RunAlive,
  type RunBusy,
  type RunLogUnwritable,
  type ShuttingDown,
  type SpawnFailed,
  PromptUnusable
} from "../src/domain/errors.ts"
import type { RequestId } from "../src/domain/RequestId.ts"
import { runEnvironment } from "../src/domain/runEnvironment.ts"
import { escapeControls } from "../src/domain/escapeControls.ts"
import type { ReturnCode } from "../src/domain/runLog.ts"
import type { LaunchResult, StartedRun } from "../src/domain/RunResult.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import { CodexProcesses } from "../src/services/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/LooperConfig.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/RunLock.ts"
import { type RunLog, RunLogs } from "../src/services/RunLogs.ts"
import { type LaunchedRun, RunSupervisor } from "../src/services/RunSupervisor.ts"
import { RunTickets } from "../src/services/RunTickets.ts"
import { ServerAddress } from "../src/services/ServerAddress.ts"
import type { Workspaces } from "../src/services/Workspaces.ts"
import { type LaunchOptions, type LaunchPlan, type PreflightError, preflight, promptOf } from "./preflight.ts"

/** What {@link launch} itself can fail with. */
export type LaunchError = SpawnFailed | ExitedEarly

/** Every way {@link spawnCodex} can fail. */
export type SpawnCodexError = RunBusy | RunAlive | PreflightError | RunLogUnwritable | LaunchError | ShuttingDown

type LaunchServices = LooperConfig | RunLock | RunLogs | RunSupervisor | RunTickets | ServerAddress

/**
 * Starts one run under the run lock; stops nothing.
 *
 * **Errors**
 * - `RunBusy`, `RunAlive`, `ShuttingDown`, the preflight's, `RunLogUnwritable`, `SpawnFailed`: nothing was started.
 * - `ExitedEarly`: codex ran and has ended; its log is kept.
 */
export const spawnCodex = Effect.fn("spawnCodex")(function* (
  options: LaunchOptions & {
    readonly requestId?: RequestId | undefined
    readonly delaySeconds?: number | undefined
  } = {}
): Effect.fn.Return<
  LaunchResult,
  SpawnCodexError,
  CodexBinary | CodexProcesses | DefaultPrompt | LaunchServices | RequestIds | Workspaces
> {
  const lock = yield* RunLock
  const prompt = yield* promptOf(options)
  if (prompt === "") return yield* new PromptUnusable({ source: "codex_prompt", reason: "is empty" })
  const plan = yield* preflight({ ...options, prompt })
  const requestId = options.requestId ?? (yield* RequestIds).draw()
  const started = yield* lock.tryRun({
    requestId,
    step: "preflight",
    sequence: Effect.gen(function* () {
      yield* refuseWhenAlive(plan)
      return yield* withRunLog({ requestId, plan }, (log) => startAfterDelay({ log, plan, ...options }))
    })
  })
  return { requestId, workspace: plan.workspace.given, binary: plan.binary, started }
})

/** **Errors** `RunAlive`: a target lives. */
export const refuseWhenAlive = Effect.fnUntraced(function* (
  plan: LaunchPlan
): Effect.fn.Return<void, RunAlive, CodexProcesses> {
  const { targets } = yield* (yield* CodexProcesses).survey({ workspace: plan.workspace.path })
  if (targets.length > 0) return yield* new RunAlive({ pids: targets })
})

/** Creates the run's log for `use`, and removes it again when nothing was launched. */
export const withRunLog = <A, E, R>(
  options: { readonly requestId: RequestId; readonly plan: LaunchPlan },
  use: (log: RunLog) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | RunLogUnwritable, R | RunLogs | RunSupervisor> =>
  Effect.gen(function* () {
    const runLogs = yield* RunLogs
    const supervisor = yield* RunSupervisor
    const { requestId, plan } = options
    const log = yield* runLogs.create({ requestId, workspace: plan.workspace.path, command: plan.command })
    return yield* use(log).pipe(
      Effect.onError(() => (supervisor.hasLaunched(requestId) ? Effect.void : runLogs.remove(log)))
    )
  })

/** Waits the delay, interruptibly, then launches. */
export const startAfterDelay = Effect.fnUntraced(function* (options: {
  readonly log: RunLog
  readonly plan: LaunchPlan
  readonly delaySeconds?: number | undefined
}): Effect.fn.Return<StartedRun, LaunchError, LaunchServices> {
  const { delaySeconds } = yield* LooperConfig
  yield* (yield* RunLock).enter("delay")
  yield* Effect.interruptible(Effect.sleep(Duration.seconds(options.delaySeconds ?? delaySeconds)))
  return yield* launch(options)
})

/**
 * Launches the planned run and watches it for the startup check, inside a sequence that holds the lock.
 *
 * **Errors**
 * - `SpawnFailed`: codex was not started.
 * - `ExitedEarly`: exec failed, or codex ended with another code than 0 inside the check.
 */
export const launch = Effect.fn("launch")(function* (options: {
  readonly log: RunLog
  readonly plan: LaunchPlan
}): Effect.fn.Return<StartedRun, LaunchError, LaunchServices> {
  const { log, plan } = options
  const { environment, root } = yield* LooperConfig
  const lock = yield* RunLock
  yield* lock.enter("spawn")
  const run = yield* (yield* RunSupervisor).launch({
    requestId: log.requestId,
    argv: plan.argv,
    workspace: plan.workspace.path,
    environment: runEnvironment({
      environment,
      root,
      runId: log.requestId,
      url: (yield* ServerAddress).get(),
      ticket: (yield* RunTickets).issue(log.requestId)
    }),
    log
  })
  yield* Effect.logInfo("codex.exec.spawned").pipe(
    Effect.annotateLogs({ request_id: log.requestId, pid: run.identity.codex.pid, log_path: log.path })
  )
  yield* lock.enter("startup_check")
  return {
    requestId: log.requestId,
    pid: run.identity.codex.pid,
    command: plan.command,
    logPath: log.path,
    startupReturnCode: yield* checkStartup({ run, log, startupCheckSeconds: plan.startupCheckSeconds }),
    end: run.end
  }
})

/** The trailer follows codex' end within milliseconds; a supervisor that somebody stopped is not waited for. */
const completionBound = Duration.seconds(1)
/** How much of the log's end an early exit shows. */
const tailBytes = 1_200

const checkStartup = Effect.fnUntraced(function* (options: {
  readonly run: LaunchedRun
  readonly log: RunLog
  readonly startupCheckSeconds: number
}): Effect.fn.Return<number | undefined, ExitedEarly, RunLogs> {
  const { run, log, startupCheckSeconds } = options
  const execFailure = yield* run.execFailure
  const hasExecFailed = Option.isSome(execFailure)
  const code: Option.Option<ReturnCode> = hasExecFailed
    ? execFailure
    : yield* Effect.interruptible(Effect.timeoutOption(run.end, Duration.seconds(startupCheckSeconds))).pipe(
        Effect.map(Option.map(({ returnCode }) => returnCode))
      )
  if (Option.isNone(code)) return undefined
  if (code.value === 0) return 0
  yield* Effect.timeoutOption(run.completed, completionBound)
  const tail = yield* (yield* RunLogs).tail(log, tailBytes)
  return yield* new ExitedEarly({
    step: hasExecFailed ? "spawn" : "startup_check",
    returnCode: code.value,
    logPath: log.path,
    tail: escapeControls(tail.toString("utf8"))
  })
})
