/** What operations answer. */
import type { Effect } from "effect"
import type { RequestId } from "./RequestId.ts"
import type { RunEnding, RunRecord } from "./RunRecord.ts"

/** The codex that is started. */
export interface ResolvedBinary {
  /** Absolute, symbolic links kept. */
  readonly path: string
  /** Where it was named. */
  readonly source: "request" | "env" | "local" | "path"
}

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
  /** Waits for the run's end. */
  readonly end: Effect.Effect<RunEnding>
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

/** What a kill would find; pids ascend. */
export interface KillPlan {
  readonly targetPids: ReadonlyArray<number>
  /** Everything that would be signalled, the targets too. */
  readonly treePids: ReadonlyArray<number>
  readonly foreignPids: ReadonlyArray<number>
}

/** What a run would do. */
export interface RunPlan {
  readonly workspace: string
  readonly binary: ResolvedBinary | undefined
  /** Empty where nothing would be started. */
  readonly argv: ReadonlyArray<string>
  /** {@link argv}, shell-quoted. */
  readonly command: string
  readonly kill: KillPlan
}

/** What would be started: as resolved, and as the caller wrote it. */
export interface LaunchResult {
  readonly requestId: RequestId
  /** As the caller wrote it. */
  readonly workspace: string
  /** `undefined` only where nothing was to be started and none resolves. */
  readonly binary: ResolvedBinary | undefined
  /** `undefined` where the prompt was empty. */
  readonly started: StartedRun | undefined
}

/** A launch, the notifier's line before it (its failure, where delivery is not required), and the kill before it. */
export interface RunResult extends LaunchResult {
  readonly notifierOutput: string
  readonly killed: KillResult
}

/** What a tick of autopoll did. */
export type TickResult =
  | { readonly outcome: "started"; readonly started: StartedRun }
  | { readonly outcome: "skipped"; readonly reason: SkipReason }

/** Why a tick started nothing. */
export const skipReasons = [
  "paused",
  "run_lock_busy",
  "alive_tasks",
  "recent_log_activity",
  "misconfigured",
  "backoff"
] as const
/** One of {@link skipReasons}. */
export type SkipReason = (typeof skipReasons)[number]

/** What became of a tick. */
export type TickOutcome =
  | { readonly outcome: "started" }
  | { readonly outcome: "skipped"; readonly reason: SkipReason }
  /** `reason` is the failure's tag. */
  | { readonly outcome: "failed"; readonly reason: string }

/** What became of a run that was to be stopped. */
export interface StopResult {
  readonly id: string
  /** `cancelled`: its sequence was in progress. */
  readonly outcome: "stopped" | "cancelled" | "already_ended"
  /** codex' pid, where it was alive. */
  readonly killedPids: ReadonlyArray<number>
}

/** A run, and how far it is while it lives. */
export interface RunView {
  readonly record: RunRecord
  /** How long codex has lived. */
  readonly durationMillis: number | undefined
  readonly logBytes: number | undefined
}
