/** Operation: start the default prompt when nothing runs. */
import { Clock, Effect } from "effect"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { SkipReason, TickResult } from "../src/domain/RunResult.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import { CodexProcesses } from "../src/services/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/LooperConfig.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/RunLock.ts"
import { RunLogs } from "../src/services/RunLogs.ts"
import type { RunSupervisor } from "../src/services/RunSupervisor.ts"
import type { RunTickets } from "../src/services/RunTickets.ts"
import type { ServerAddress } from "../src/services/ServerAddress.ts"
import { Workspaces } from "../src/services/Workspaces.ts"
import { preflight, promptOf } from "./preflight.ts"
import { launch, type SpawnCodexError, withRunLog } from "./spawnCodex.ts"

/** Every way {@link autopollTick} can fail: a busy lock and a live target are reasons to skip. */
export type AutopollTickError = Exclude<SpawnCodexError, { readonly _tag: "RunBusy" | "RunAlive" }>

export type AutopollTickServices =
  | CodexBinary
  | CodexProcesses
  | DefaultPrompt
  | LooperConfig
  | RequestIds
  | RunLock
  | RunLogs
  | RunSupervisor
  | RunTickets
  | ServerAddress
  | Workspaces

/**
 * One tick: starts the default prompt in the default workspace unless something speaks against it; kills nothing.
 *
 * **Errors** As `spawnCodex`, except that what is missing in the configuration is a reason to skip.
 */
export const autopollTick = Effect.fn("autopollTick")(function* (): Effect.fn.Return<
  TickResult,
  AutopollTickError,
  AutopollTickServices
> {
  const requestId = (yield* RequestIds).draw("auto")
  const lock = yield* RunLock
  const result = yield* lock
    .tryRun({ requestId, step: "preflight", sequence: startWhenIdle(requestId) })
    .pipe(Effect.catchTag("RunBusy", () => Effect.succeed(skipped("run_lock_busy"))))
  const fields = result.outcome === "started" ? { pid: result.started.pid } : { reason: result.reason }
  yield* Effect.logInfo(`codex.exec.autopoll.${result.outcome}`).pipe(
    Effect.annotateLogs({ request_id: requestId, ...fields })
  )
  return result
})

const startWhenIdle = Effect.fnUntraced(function* (requestId: RequestId) {
  const workspace = (yield* Workspaces).resolve(undefined)
  const { targets } = yield* (yield* CodexProcesses).survey({ workspace: workspace.path })
  if (targets.length > 0) return skipped("alive_tasks")
  if (yield* isLogRecent) return skipped("recent_log_activity")
  return yield* startDefault(requestId)
})

const startDefault = Effect.fnUntraced(
  function* (requestId: RequestId) {
    const prompt = yield* promptOf({})
    if (prompt === "") return skipped("misconfigured")
    const plan = yield* preflight({ prompt })
    const started = yield* withRunLog({ requestId, plan }, (log) => launch({ log, plan }))
    return { outcome: "started", started } as const
  },
  Effect.catchTag(["ToolMissing", "WorkspaceNotDirectory", "PromptUnusable"], (error) =>
    Effect.as(
      Effect.logWarning("codex.exec.autopoll.misconfigured").pipe(Effect.annotateLogs({ error: error.message })),
      skipped("misconfigured")
    )
  )
)

const isLogRecent = Effect.gen(function* () {
  const { idleLogStaleSeconds } = yield* LooperConfig
  if (idleLogStaleSeconds === 0) return false
  const newest = yield* (yield* RunLogs).newestChangeMillis
  return newest !== undefined && (yield* Clock.currentTimeMillis) - newest < idleLogStaleSeconds * 1_000
})

const skipped = (reason: SkipReason) => ({ outcome: "skipped", reason }) as const
