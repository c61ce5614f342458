/** Operation: start one run where nothing runs. */
import { Cause, Duration, Effect, Exit, Option } from "effect"
import {
  type Cancelled,
  ExitedEarly,
  RunAlive,
  type RunBusy,
  type RunLogUnwritable,
  type ShuttingDown,
  type SpawnFailed,
  PromptUnusable
} from "../src/domain/errors.ts"
import { failureReason } from "../src/domain/endReason.ts"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { RunOperation } from "../src/domain/RunRecord.ts"
import { runEnvironment } from "../src/domain/runEnvironment.ts"
import { escapeControls } from "../src/domain/escapeControls.ts"
import type { ReturnCode } from "../src/domain/runLog.ts"
import type { LaunchResult, StartedRun } from "../src/domain/RunResult.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { Notices } from "../src/services/Notices.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { type RunLog, RunLogs } from "../src/services/runs/RunLogs.ts"
import { type LaunchedRun, RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { quietTail } from "../src/services/runs/quietTail.ts"
import { redactor } from "../src/logging.ts"
import { RunTickets } from "../src/services/runs/RunTickets.ts"
import { ServerAddress } from "../src/services/ServerAddress.ts"
import type { Workspaces } from "../src/services/Workspaces.ts"
import { type LaunchOptions, type LaunchPlan, type PreflightError, preflight, promptOf } from "./preflight.ts"

/** What {@link launch} itself can fail with. */
export type LaunchError = SpawnFailed | ExitedEarly

/** Every way {@link spawnCodex} can fail. */
export type SpawnCodexError =
  | RunBusy
  | RunAlive
  | PreflightError
  | RunLogUnwritable
  | LaunchError
  | ShuttingDown
  | Cancelled

type LaunchServices =
  | LooperConfig
  | Notices
  | RunLock
  | RunLogs
  | RunRecords
  | RunSupervisor
  | RunTickets
  | ServerAddress

/**
 * Starts one run under the run lock; stops nothing.
 *
 * **Errors**
 * - `RunBusy`, `RunAlive`, the preflight's, `RunLogUnwritable`, `SpawnFailed`: nothing was started.
 * - `ShuttingDown`: cut before codex was started, or in its startup check, whose run the shutdown stops
 *   (`LOOPER_ON_SHUTDOWN=leave`: which goes on).
 * - `Cancelled`: stopped by its id before codex was started, or in its startup check, whose run is stopped, too.
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
  const delaySeconds = options.delaySeconds ?? (yield* LooperConfig).delaySeconds
  const { started } = yield* lock.tryRun({
    requestId,
    operation: "spawn",
    step: "preflight",
    waits: { delaySeconds, startupCheckSeconds: plan.startupCheckSeconds },
    sequence: Effect.gen(function* () {
      yield* refuseWhenAlive(plan)
      return yield* startRun({ requestId, operation: "spawn", plan, delaySeconds, before: Effect.void })
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

/**
 * Creates the run's log and record, does what comes before the launch, launches the planned run and watches it for
 * the startup check, inside a sequence that holds the lock.
 *
 * **Errors** Those of `before`, after which nothing was launched, and
 * - `RunLogUnwritable`: not even `before` was begun.
 * - `SpawnFailed`: codex was not started; the log is removed, as after any failure up to here.
 * - `ExitedEarly`: exec failed, or codex ended with another code than 0 inside the check.
 */
export const startRun = Effect.fn("startRun")(function* <A, E, R>(options: {
  readonly requestId: RequestId
  readonly operation: RunOperation
  readonly plan: LaunchPlan
  /** What is announced: it does not stand in the run's record. */
  readonly message?: string | undefined
  /** A tick has none. */
  readonly delaySeconds?: number | undefined
  readonly before: Effect.Effect<A, E, R>
}): Effect.fn.Return<
  { readonly before: A; readonly started: StartedRun },
  E | RunLogUnwritable | LaunchError,
  R | LaunchServices
> {
  const { requestId, operation, plan } = options
  const runLogs = yield* RunLogs
  const records = yield* RunRecords
  const lock = yield* RunLock
  const supervisor = yield* RunSupervisor
  const redact = redactor(yield* LooperConfig)
  const endOf = (cause: Cause.Cause<unknown>) =>
    endBefore({ lock, cause, sentence: (text) => failureReason(redact(text), options.message) })
  const notices = yield* Notices
  const tell = ({ error, reason }: ReturnType<typeof endOf>) => {
    // A tick tells its own failures; what could not be sent would not be now.
    const isNews = error !== undefined && error !== "NotifyFailed" && operation !== "autopoll"
    return isNews ? notices.unstarted({ requestId, error: reason ?? error }) : Effect.void
  }
  const log = yield* runLogs
    .create({ requestId, workspace: plan.workspace.path, command: plan.command })
    .pipe(Effect.onError((cause) => tell(endOf(cause))))
  const checked = {
    startedAtMillis: plan.startedAtMillis,
    detail: redact(`${plan.workspace.path}, ${plan.binary.path}`)
  }
  yield* records.begin({ requestId, operation, workspace: plan.workspace.path, logPath: log.path, checked })
  const untilLaunched = Effect.gen(function* () {
    const before = yield* options.before
    if (options.delaySeconds !== undefined) {
      yield* lock.enter("delay")
      yield* Effect.interruptible(Effect.sleep(Duration.seconds(options.delaySeconds)))
    }
    return { before, run: yield* launch({ log, plan }) }
  })
  const { before, run } = yield* untilLaunched.pipe(
    Effect.onError((cause) => {
      const end = endOf(cause)
      return records
        .leave(requestId, resultOf(lock, Exit.failCause(cause)))
        .pipe(
          Effect.andThen(records.endUnstarted(requestId, end)),
          Effect.andThen(runLogs.remove(log)),
          Effect.andThen(tell(end))
        )
    })
  )
  const { pid } = run.identity.codex
  yield* Effect.logInfo("codex.exec.spawned").pipe(
    Effect.annotateLogs({ request_id: requestId, pid, log_path: log.path })
  )
  const startupReturnCode = yield* lock.enter("startup_check").pipe(
    Effect.andThen(checkStartup({ run, startupCheckSeconds: plan.startupCheckSeconds })),
    Effect.onExit((exit) => records.leave(requestId, resultOf(lock, exit))),
    // Cut by a shutdown, it is the shutdown's to stop or to leave.
    Effect.onInterrupt(() => (lock.isCancelling() ? supervisor.stopRun(requestId, "request") : Effect.void))
  )
  const started = { requestId, pid, command: plan.command, logPath: log.path, startupReturnCode, end: run.end }
  return { before, started }
})

/** A wait is cut by a shutdown, or by whoever cancels the sequence. */
const endBefore = (options: {
  readonly lock: RunLock["Service"]
  readonly cause: Cause.Cause<unknown>
  readonly sentence: (text: string) => string | undefined
}) => {
  const { lock, cause, sentence } = options
  if (!Cause.hasInterruptsOnly(cause)) {
    return { error: tagOf(cause), reason: sentence(errorOf(cause)?.message ?? "internal error") }
  }
  return { stoppedBy: lock.isCancelling() ? "request" : "shutdown" } as const
}

const resultOf = (lock: RunLock["Service"], exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  if (!Cause.hasInterruptsOnly(exit.cause)) return tagOf(exit.cause)
  return lock.isCancelling() ? "Cancelled" : "shutdown"
}

/** Every failure of a sequence is a tagged one whose message is fit to be told. */
const errorOf = (cause: Cause.Cause<unknown>) =>
  Option.getOrUndefined(Cause.findErrorOption(cause)) as
    | { readonly _tag?: string; readonly message?: string }
    | undefined

const tagOf = (cause: Cause.Cause<unknown>): string => errorOf(cause)?._tag ?? "Defect"

const launch = Effect.fn("launch")(function* (options: {
  readonly log: RunLog
  readonly plan: LaunchPlan
}): Effect.fn.Return<LaunchedRun, SpawnFailed, LaunchServices> {
  const { log, plan } = options
  const { environment, root } = yield* LooperConfig
  yield* (yield* RunLock).enter("spawn")
  return yield* (yield* RunSupervisor).launch({
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
})

/** The trailer follows codex' end within milliseconds; a supervisor that somebody stopped is not waited for. */
const completionBound = Duration.seconds(1)
/** How much of the log's end an early exit shows. */
const tailBytes = 1_200

const checkStartup = Effect.fnUntraced(function* (options: {
  readonly run: LaunchedRun
  readonly startupCheckSeconds: number
}): Effect.fn.Return<number | undefined, ExitedEarly, LooperConfig | RunLogs> {
  const { run, startupCheckSeconds } = options
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
  const redact = redactor(yield* LooperConfig)
  const { bytes } = yield* quietTail({ runLogs: yield* RunLogs, log: run.log, redact })
  return yield* new ExitedEarly({
    step: hasExecFailed ? "spawn" : "startup_check",
    returnCode: code.value,
    logPath: run.log.path,
    tail: escapeControls(bytes.subarray(-tailBytes).toString())
  })
})
