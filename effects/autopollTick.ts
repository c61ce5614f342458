/** Operation: start the default prompt when nothing runs. */
import { Clock, Effect } from "effect"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { SkipReason, TickResult } from "../src/domain/RunResult.ts"
import { Autopoll } from "../src/services/Autopoll.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import type { RunRecords } from "../src/services/records/RunRecords.ts"
import type { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import type { RunTickets } from "../src/services/runs/RunTickets.ts"
import type { ServerAddress } from "../src/services/ServerAddress.ts"
import { Workspaces } from "../src/services/Workspaces.ts"
import { type LaunchPlan, preflight, promptOf } from "./preflight.ts"
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
  const tick = lookAndStart({ requestId, ignoresBackoff: options.ignoresBackoff === true }).pipe(
    // The end of a run that exits early is counted as any run's is.
    Effect.tapError(({ _tag }) => (_tag === "ShuttingDown" || _tag === "ExitedEarly" ? Effect.void : autopoll.failed)),
    Effect.tapDefect(() => autopoll.failed)
  )
  const result = yield* autopoll.isPaused() ? Effect.succeed(skipped("paused")) : tick
  const fields = result.outcome === "started" ? { pid: result.started.pid } : { reason: result.reason }
  yield* Effect.logInfo(`codex.exec.autopoll.${result.outcome}`).pipe(
    Effect.annotateLogs({ request_id: requestId, ...fields })
  )
  return result
})

const lookAndStart = Effect.fnUntraced(function* (options: {
  readonly requestId: RequestId
  readonly ignoresBackoff: boolean
}) {
  const { requestId } = options
  const lock = yield* RunLock
  if (lock.holder() !== undefined) return skipped("run_lock_busy")
  if (yield* isAnyAlive) return skipped("alive_tasks")
  if (yield* isLogRecent) return skipped("recent_log_activity")
  const plan = yield* planDefault
  if (plan === undefined) return skipped("misconfigured")
  if (!options.ignoresBackoff && (yield* (yield* Autopoll).backoffMillis) > 0) return skipped("backoff")
  const sequence = startUnlessAlive({ requestId, plan })
  return yield* lock
    .tryRun({ requestId, step: "preflight", sequence })
    .pipe(Effect.catchTag("RunBusy", () => Effect.succeed(skipped("run_lock_busy"))))
})

/** Since the look somebody may have started something. */
const startUnlessAlive = Effect.fnUntraced(function* (options: {
  readonly requestId: RequestId
  readonly plan: LaunchPlan
}) {
  if (yield* isAnyAlive) return skipped("alive_tasks")
  const { started } = yield* startRun({ ...options, before: Effect.void })
  return { outcome: "started", started } as const
})

const isAnyAlive = Effect.gen(function* () {
  const workspace = (yield* Workspaces).resolve(undefined)
  const { targets } = yield* (yield* CodexProcesses).survey({ workspace: workspace.path })
  return targets.length > 0
})

/** What a tick would start; nothing where its prompt, workspace or binary is not there. */
const planDefault = Effect.gen(function* () {
  const prompt = yield* promptOf({})
  return prompt === "" ? undefined : yield* preflight({ prompt })
}).pipe(
  Effect.catchTag(["ToolMissing", "WorkspaceNotDirectory", "PromptUnusable"], (error) =>
    Effect.as(
      Effect.logWarning("codex.exec.autopoll.misconfigured").pipe(Effect.annotateLogs({ error: error.message })),
      undefined
    )
  )
)

/** A log of the future is one that the clock was set back behind: it says nothing. */
const isLogRecent = Effect.gen(function* () {
  const { idleLogStaleSeconds } = yield* LooperConfig
  if (idleLogStaleSeconds === 0) return false
  const newest = yield* (yield* RunLogs).newestChangeMillis
  return newest !== undefined && Math.abs((yield* Clock.currentTimeMillis) - newest) < idleLogStaleSeconds * 1_000
})

const skipped = (reason: SkipReason) => ({ outcome: "skipped", reason }) as const
