/** Status and fields of every operation's failures. */
import type { NotifyFailed, RunAlive, RunBusy, ShuttingDown, Step, SurvivorsLeft } from "../src/domain/errors.ts"
import { DateTime } from "effect"
import type { ErrorAnswers } from "../src/runtime/Handler.ts"
import type { SpawnCodexError } from "../effects/spawnCodex.ts"

const at = (step: Step) => () => ({ step })

/** 409 with who holds the lock, its step and since when (ISO 8601, UTC); 503 while Looper stops. */
export const lockErrors: ErrorAnswers<RunBusy | ShuttingDown> = {
  RunBusy: {
    status: 409,
    fields: ({ holder }) => ({
      holder: { request_id: holder.requestId, step: holder.step, since: DateTime.formatIso(holder.since) }
    })
  },
  ShuttingDown: { status: 503 }
}

/** 500 in step `notify`: nothing was stopped or launched. */
export const notifyErrors: ErrorAnswers<NotifyFailed> = {
  NotifyFailed: { status: 500, fields: at("notify") }
}

/** 500 in step `kill`, with the pids of the targets that are dead and of everything that survived. */
export const killErrors: ErrorAnswers<SurvivorsLeft> = {
  SurvivorsLeft: {
    status: 500,
    fields: ({ killedPids, remainingPids }) => ({
      step: "kill",
      killed_codex_exec_pids: killedPids,
      remaining_codex_exec_pids: remainingPids
    })
  }
}

/** 500 with the step that failed; an early exit also names its return code and its log. */
export const launchErrors: ErrorAnswers<Exclude<SpawnCodexError, { _tag: "RunBusy" | "RunAlive" | "ShuttingDown" }>> = {
  ToolMissing: { status: 500, fields: at("preflight") },
  WorkspaceNotDirectory: { status: 500, fields: at("preflight") },
  PromptUnusable: { status: 500, fields: at("preflight") },
  DiskSpaceLow: { status: 500, fields: at("preflight") },
  RunLogUnwritable: { status: 500, fields: at("preflight") },
  SpawnFailed: { status: 500, fields: at("spawn") },
  ExitedEarly: {
    status: 500,
    fields: ({ step, returnCode, logPath }) => ({ step, return_code: returnCode, log_path: logPath })
  }
}

/** 409 with the pids of the targets that live. */
export const aliveErrors: ErrorAnswers<RunAlive> = {
  RunAlive: { status: 409, fields: ({ pids }) => ({ pids }) }
}
