/** Operation: say what `run` would do. */
import { Effect } from "effect"
import type { RunPlan } from "../src/domain/RunResult.ts"
import { CodexBinary } from "../src/services/CodexBinary.ts"
import type { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import type { LooperConfig } from "../src/services/config/LooperConfig.ts"
import type { ProcessTrees } from "../src/services/processes/ProcessTrees.ts"
import type { RunLogs } from "../src/services/runs/RunLogs.ts"
import type { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { Workspaces } from "../src/services/Workspaces.ts"
import { planKill } from "./killCodex.ts"
import { type LaunchOptions, type PreflightError, preflight, promptOf } from "./preflight.ts"

/** Every service {@link planRun} needs. */
type PlanServices =
  | CodexBinary
  | CodexProcesses
  | DefaultPrompt
  | LooperConfig
  | ProcessTrees
  | RunLogs
  | RunSupervisor
  | Workspaces

/**
 * What `run` would do now; does nothing and takes no lock.
 *
 * **Errors** The preflight's.
 */
export const planRun = Effect.fn("planRun")(function* (
  options: LaunchOptions
): Effect.fn.Return<RunPlan, PreflightError, PlanServices> {
  const prompt = yield* promptOf(options)
  if (prompt === "") {
    const { workspace, binary } = yield* resolveQuietly(options)
    const kill = { targetPids: [], treePids: [], foreignPids: [] }
    return { workspace, binary, argv: [], command: "", kill }
  }
  const plan = yield* preflight({ ...options, prompt })
  const { argv, command, binary } = plan
  return { workspace: plan.workspace.given, binary, argv, command, kill: yield* planKill(options) }
})

/** Where nothing is to be started, nothing has to be there. */
export const resolveQuietly = Effect.fnUntraced(function* (options: LaunchOptions) {
  const workspace = (yield* Workspaces).resolve(options.workspace).given
  const binary = yield* (yield* CodexBinary)
    .resolve(options.binary)
    .pipe(Effect.catchTag("ToolMissing", () => Effect.succeed(undefined)))
  return { workspace, binary }
})
