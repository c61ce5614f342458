/** Checks everything that can be checked before the first effect of a start. */
import { Clock, Effect } from "effect"
import { codexCommand } from "../src/domain/CodexCommand.ts"
import { DiskSpaceLow, PromptUnusable, type ToolMissing, type WorkspaceNotDirectory } from "../src/domain/errors.ts"
import { promptProblem } from "../src/domain/prompt.ts"
import type { ResolvedBinary } from "../src/domain/RunResult.ts"
import { quoteCommand } from "../src/domain/shellWords.ts"
import { CodexBinary } from "../src/services/CodexBinary.ts"
import { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import { type Workspace, Workspaces } from "../src/services/Workspaces.ts"

/** How a caller describes the run it wants; what is left out comes from the configuration. */
export interface LaunchOptions {
  /** Trimmed by the operation; the default prompt where it is left out. */
  readonly prompt?: string | undefined
  readonly workspace?: string | undefined
  readonly binary?: string | undefined
  /** How long codex must live to count as started. */
  readonly startupCheckSeconds?: number | undefined
}

/** Everything that a launch needs, checked. */
export interface LaunchPlan {
  readonly workspace: Workspace
  readonly binary: ResolvedBinary
  readonly argv: ReadonlyArray<string>
  /** {@link argv}, shell-quoted. */
  readonly command: string
  readonly startupCheckSeconds: number
  /** When the checks began, in milliseconds since the epoch. */
  readonly startedAtMillis: number
}

/** Every way {@link promptOf} and {@link preflight} can fail; nothing has happened then. */
export type PreflightError = ToolMissing | WorkspaceNotDirectory | PromptUnusable | DiskSpaceLow

/** The trimmed prompt that is meant; empty means that nothing is to be started. */
export const promptOf = Effect.fnUntraced(function* (
  options: LaunchOptions
): Effect.fn.Return<string, PromptUnusable, DefaultPrompt> {
  if (options.prompt === undefined) return yield* (yield* DefaultPrompt).read
  const prompt = options.prompt.trim()
  const reason = promptProblem(prompt)
  return reason === undefined ? prompt : yield* new PromptUnusable({ source: "codex_prompt", reason })
})

/**
 * Resolves and checks workspace, binary and free space for a prompt that is not empty.
 *
 * **Errors** Each of {@link PreflightError} names what is missing; nothing has happened.
 */
export const preflight = Effect.fn("preflight")(function* (
  options: LaunchOptions & { readonly prompt: string }
): Effect.fn.Return<LaunchPlan, PreflightError, CodexBinary | LooperConfig | RunLogs | Workspaces> {
  const startedAtMillis = yield* Clock.currentTimeMillis
  const config = yield* LooperConfig
  const workspaces = yield* Workspaces
  const workspace = workspaces.resolve(options.workspace)
  yield* workspaces.check(workspace)
  const binary = yield* (yield* CodexBinary).resolve(options.binary)
  yield* checkSpace
  const argv = codexCommand({
    binary: binary.path,
    workspace: workspace.path,
    extraArguments: config.extraArguments,
    prompt: options.prompt
  })
  const startupCheckSeconds = options.startupCheckSeconds ?? config.startupCheckSeconds
  return { workspace, binary, argv, command: quoteCommand(argv), startupCheckSeconds, startedAtMillis }
})

const checkSpace = Effect.gen(function* () {
  const { logDir, minFreeBytes } = yield* LooperConfig
  if (minFreeBytes === 0) return
  const freeBytes = yield* (yield* RunLogs).freeBytes
  if (freeBytes < minFreeBytes) return yield* new DiskSpaceLow({ path: logDir, freeBytes, requiredBytes: minFreeBytes })
})
