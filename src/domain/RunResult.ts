/** What operations answer. */
import type { RequestId } from "./RequestId.ts"

/** A run that was launched. */
export interface StartedRun {
  readonly requestId: RequestId
  /** codex' own pid, not its supervisor's. */
  readonly pid: number
  /** Shell-quoted. */
  readonly command: string
  readonly logPath: string
  /** 0 when codex ended well inside the startup check, `undefined` when it still lives. */
  readonly startupReturnCode: number | undefined
}

/** Which targets a kill found and what came of them; pids ascend. */
export interface KillResult {
  /** Targets found at the scan and dead now. */
  readonly killedPids: ReadonlyArray<number>
  /** Every survivor of their trees. */
  readonly remainingPids: ReadonlyArray<number>
  /** `codex exec` of another user or pid namespace, never signalled. */
  readonly foreignPids: ReadonlyArray<number>
}

/** What would be started: as resolved, and as the caller wrote it. */
export interface LaunchResult {
  readonly requestId: RequestId
  /** As the caller wrote it. */
  readonly workspace: string
  /** `undefined` only where nothing was to be started and none resolves. */
  readonly binary: { readonly path: string; readonly source: "request" | "env" | "local" | "path" } | undefined
  /** `undefined` where the prompt was empty. */
  readonly started: StartedRun | undefined
}

export interface RunResult extends LaunchResult {
  readonly notifierOutput: string
  readonly killed: KillResult
}

/** What a tick of autopoll did. */
export type TickResult =
  | { readonly outcome: "started"; readonly started: StartedRun }
  | { readonly outcome: "skipped"; readonly reason: SkipReason }

/** Why a tick started nothing. */
export type SkipReason = "run_lock_busy" | "alive_tasks" | "recent_log_activity" | "misconfigured"
