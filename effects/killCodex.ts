/** Operation: stop every `codex exec` that is a target, with its whole tree. */
import { Effect } from "effect"
import { type RunBusy, type ShuttingDown, SurvivorsLeft } from "../src/domain/errors.ts"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { StopCause } from "../src/domain/RunRecord.ts"
import type { KillPlan, KillResult } from "../src/domain/RunResult.ts"
import { killedDetail } from "../src/domain/stepDetail.ts"
import { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import { ProcessTrees } from "../src/services/processes/ProcessTrees.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { Workspaces } from "../src/services/Workspaces.ts"

/** Every way {@link killCodex} can fail. */
export type KillCodexError = RunBusy | SurvivorsLeft | ShuttingDown

type Services = CodexProcesses | ProcessTrees | RunSupervisor | Workspaces

/**
 * Stops the targets under the run lock.
 *
 * **Errors**
 * - `RunBusy`, `ShuttingDown`: nothing was done.
 * - `SurvivorsLeft`: these still live; everything else is stopped.
 */
export const killCodex = Effect.fn("killCodex")(function* (
  options: { readonly requestId?: RequestId | undefined; readonly workspace?: string | undefined } = {}
): Effect.fn.Return<KillResult, KillCodexError, Services | RequestIds | RunLock> {
  const lock = yield* RunLock
  const requestId = options.requestId ?? (yield* RequestIds).draw()
  const sequence = stopTargets({ ...options, cause: "request" })
  // It has no wait that could be cut.
  return yield* lock
    .tryRun({ requestId, operation: "kill", step: "kill", sequence })
    .pipe(Effect.catchTag("Cancelled", Effect.die))
})

/** What {@link killCodex} would do now: signals nobody and takes no lock. */
export const planKill = Effect.fn("planKill")(function* (
  options: { readonly workspace?: string | undefined } = {}
): Effect.fn.Return<KillPlan, never, Services> {
  const workspace = (yield* Workspaces).resolve(options.workspace)
  const found = yield* (yield* CodexProcesses).survey({ workspace: workspace.path })
  const treePids = yield* (yield* ProcessTrees).members(found.seeds)
  return { targetPids: found.targets, treePids, foreignPids: found.foreign }
})

/** Finds the targets and ends their trees, inside a sequence that holds the lock. */
export const stopTargets = Effect.fn("stopTargets")(function* (options: {
  readonly workspace?: string | undefined
  readonly cause: StopCause
}): Effect.fn.Return<KillResult, SurvivorsLeft, Services | RunLock> {
  const supervisor = yield* RunSupervisor
  const workspace = (yield* Workspaces).resolve(options.workspace)
  const found = yield* (yield* CodexProcesses).survey({ workspace: workspace.path })
  yield* Effect.logInfo("process.kill.found").pipe(Effect.annotateLogs({ pids: found.targets }))
  yield* supervisor.stopping(found.targets, options.cause)
  const { survivors, treeSize, signal } = yield* (yield* ProcessTrees).terminate(found.seeds, { rows: found.rows })
  yield* supervisor.settle
  const killedPids = found.targets.filter((pid) => !survivors.includes(pid))
  if (survivors.length > 0) return yield* new SurvivorsLeft({ killedPids, remainingPids: survivors })
  yield* supervisor.forgetEnded
  yield* (yield* RunLock).leave({ detail: killedDetail({ targets: killedPids, treeSize, signal }) })
  return { killedPids, remainingPids: [], foreignPids: found.foreign }
})
