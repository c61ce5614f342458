/** Operation: start the default prompt when nothing runs. */
import { Cause, Clock, Effect, Exit, Option, Result } from "effect"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { SkipReason, TickOutcome, TickResult } from "../src/domain/RunResult.ts"
import { Autopoll } from "../src/services/Autopoll.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { Notices } from "../src/services/Notices.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import type { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import type { RunTickets } from "../src/services/runs/RunTickets.ts"
import type { ServerAddress } from "../src/services/ServerAddress.ts"
import { Workspaces } from "../src/services/Workspaces.ts"
import { type LaunchPlan, type PreflightError, preflight, promptOf } from "./preflight.ts"
import { type SpawnCodexError, startRun } from "./spawnCodex.ts"

/** Every way {@link autopollTick} can fail: a busy lock and a live target are reasons to skip. */
export type AutopollTickError = Exclude<SpawnCodexError, { readonly _tag: "RunBusy" | "RunAlive" }>

/** Every service {@link autopollTick} needs. */
export type AutopollTickServices =
  | Autopoll
  | CodexBinary
  | CodexProcesses
  | DefaultPrompt
  | LooperConfig
  | Notices
  | RequestIds
  | RunLock
  | RunLogs
  | RunRecords
  | RunSupervisor
  | RunTickets
  | ServerAddress
  | Workspaces

/**
 * One tick: starts the default prompt in the default workspace unless something speaks against it; kills nothing.
 *
 * **Details** It looks without the lock and takes it only to start, so that a tick that skips is in nobody's way.
 * `ignoresBackoff` starts in spite of a backoff, not of a pause.
 *
 * **Errors** As `spawnCodex`, except that what is missing in the configuration is a reason to skip.
 */
export const autopollTick = Effect.fn("autopollTick")(function* (
  options: { readonly ignoresBackoff?: boolean } = {}
): Effect.fn.Return<TickResult, AutopollTickError, AutopollTickServices> {
  const requestId = (yield* RequestIds).draw("auto")
  const autopoll = yield* Autopoll
  const notices = yield* Notices
  const tick = lookAndStart({ requestId, ignoresBackoff: options.ignoresBackoff === true }).pipe(
    Effect.tapError(({ _tag, message }) =>
      isFailure(_tag) ? Effect.andThen(autopoll.failed, notices.tickFailed({ requestId, error: message })) : Effect.void
    ),
    Effect.tapDefect(() => Effect.andThen(autopoll.failed, notices.tickFailed({ requestId, error: "internal error" })))
  )
  const result = yield* Effect.onExit(tick, (exit) => autopoll.ticked(outcomeOf(exit)))
  const fields = result.outcome === "started" ? { pid: result.started.pid } : { reason: result.reason }
  yield* Effect.logInfo(`codex.exec.autopoll.${result.outcome}`).pipe(
    Effect.annotateLogs({ request_id: requestId, ...fields })
  )
  return result
})

/** The end of a run that exits early is counted as any run's is; who stopped the rest had a reason of their own. */
const isFailure = (tag: AutopollTickError["_tag"]): boolean =>
  tag !== "ShuttingDown" && tag !== "Cancelled" && tag !== "ExitedEarly"

const lookAndStart = Effect.fnUntraced(function* (options: {
  readonly requestId: RequestId
  readonly ignoresBackoff: boolean
}) {
  const { requestId } = options
  const obstacle = yield* findObstacle(options)
  if ("plan" in obstacle) {
    const { plan } = obstacle
    const result = yield* (yield* RunLock)
      .tryRun({
        requestId,
        operation: "autopoll",
        step: "preflight",
        waits: { delaySeconds: 0, startupCheckSeconds: plan.startupCheckSeconds },
        sequence: startUnlessAlive({ requestId, plan })
      })
      .pipe(Effect.catchTag("RunBusy", () => Effect.succeed(skipped("run_lock_busy"))))
    const workspace = plan.workspace.path
    if (result.outcome === "started") yield* (yield* Notices).started({ requestId, workspace })
    return result
  }
  yield* tellSkip(obstacle)
  if (obstacle.reason === "misconfigured") {
    yield* Effect.logWarning("codex.exec.autopoll.misconfigured").pipe(Effect.annotateLogs({ error: obstacle.text }))
  }
  return skipped(obstacle.reason)
})

/** That a run of Looper's own is alive is no news. */
const tellSkip = Effect.fnUntraced(function* ({ reason, text, pids = [] }: Obstacle) {
  const own = (yield* RunSupervisor).live()
  if (own.some(({ codex }) => pids.includes(codex.pid))) return
  const backoff = reason === "backoff" ? yield* (yield* Autopoll).backoffMillis : undefined
  const untilMillis = backoff === undefined ? undefined : (yield* Clock.currentTimeMillis) + Math.round(backoff)
  yield* (yield* Notices).skipped({ reason, text, untilMillis })
})

/** What keeps a tick from starting something. */
export interface Obstacle {
  readonly reason: SkipReason
  /** The reason as a sentence. */
  readonly text: string
  /** With `alive_tasks`: the targets that live. */
  readonly pids?: ReadonlyArray<number>
  /** With `recent_log_activity`: when the newest log changed, in milliseconds since the epoch. */
  readonly logChangedMillis?: number
}

/** What keeps a tick from starting something now, or what it would start; without an effect. */
export const findObstacle = Effect.fnUntraced(function* (options: {
  readonly ignoresBackoff: boolean
  /** Without a warning that names foreign processes. */
  readonly isQuiet?: boolean
}): Effect.fn.Return<
  Obstacle | { readonly plan: LaunchPlan },
  Exclude<PreflightError, { readonly _tag: Misconfiguration["_tag"] }>,
  AutopollTickServices
> {
  const autopoll = yield* Autopoll
  if (autopoll.isPaused()) return { reason: "paused", text: "autopoll is paused" }
  if ((yield* RunLock).holder() !== undefined) return { reason: "run_lock_busy", text: "a sequence is in progress" }
  const pids = yield* targetsAlive({ isQuiet: options.isQuiet === true })
  if (pids.length > 0) {
    return { reason: "alive_tasks", text: `codex exec is running that no tick stops: pid ${pids.join(", ")}`, pids }
  }
  const logChangedMillis = yield* recentChange
  if (logChangedMillis !== undefined) {
    const text = "the newest run log changed within LOOPER_IDLE_LOG_STALE_SECONDS"
    return { reason: "recent_log_activity", text, logChangedMillis }
  }
  const plan = yield* Effect.result(planDefault)
  if (Result.isFailure(plan)) {
    const { failure } = plan
    if (isMisconfiguration(failure)) return { reason: "misconfigured", text: failure.message }
    return yield* failure
  }
  if (plan.success === undefined) return { reason: "misconfigured", text: "the default prompt is empty" }
  if (!options.ignoresBackoff && (yield* autopoll.backoffMillis) > 0) {
    return { reason: "backoff", text: `autopoll failed ${autopoll.failures()} times in a row and waits` }
  }
  return { plan: plan.success }
})

/** Since the look somebody may have started something. */
const startUnlessAlive = Effect.fnUntraced(function* (options: {
  readonly requestId: RequestId
  readonly plan: LaunchPlan
}) {
  if ((yield* targetsAlive({ isQuiet: true })).length > 0) return skipped("alive_tasks")
  const { started } = yield* startRun({ ...options, operation: "autopoll", before: Effect.void })
  return { outcome: "started", started } as const
})

/** The targets of the default workspace. */
export const targetsAlive = Effect.fnUntraced(function* (options: { readonly isQuiet: boolean }) {
  const workspace = (yield* Workspaces).resolve(undefined)
  return (yield* (yield* CodexProcesses).survey({ ...options, workspace: workspace.path })).targets
})

/** Nothing where the prompt is empty. */
const planDefault = Effect.gen(function* () {
  const prompt = yield* promptOf({})
  return prompt === "" ? undefined : yield* preflight({ prompt })
})

type Misconfiguration = Extract<
  PreflightError,
  { readonly _tag: "PromptUnusable" | "ToolMissing" | "WorkspaceNotDirectory" }
>

const isMisconfiguration = (error: PreflightError): error is Misconfiguration => error._tag !== "DiskSpaceLow"

/**
 * When the newest log changed, where that is too little ago for a tick.
 *
 * **Details** A log of the future is one that the clock was set back behind: it says nothing.
 */
const recentChange = Effect.gen(function* () {
  const { idleLogStaleSeconds } = yield* LooperConfig
  if (idleLogStaleSeconds === 0) return undefined
  const newest = yield* (yield* RunLogs).newestChangeMillis
  if (newest === undefined) return undefined
  const agoMillis = Math.abs((yield* Clock.currentTimeMillis) - newest)
  return agoMillis < idleLogStaleSeconds * 1_000 ? newest : undefined
})

const outcomeOf = (exit: Exit.Exit<TickResult, { readonly _tag: string }>): TickOutcome => {
  if (Exit.isFailure(exit)) {
    const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    return { outcome: "failed", reason: error?._tag ?? "Defect" }
  }
  const { value } = exit
  return value.outcome === "started" ? { outcome: "started" } : { outcome: "skipped", reason: value.reason }
}

const skipped = (reason: SkipReason) => ({ outcome: "skipped", reason }) as const
