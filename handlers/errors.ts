/** Status and fields of every operation's failures. */
import type { NotifyFailed, RunAlive, RunBusy, ShuttingDown, Step, SurvivorsLeft } from "../src/domain/errors.ts"
import { DateTime } from "effect"
import type { ErrorAnswers } from "../src/runtime/Handler.ts"
import type { SpawnCodexError } from "../effects/spawnCodex.ts"

const at = (step: Step) => () => ({ step })

export const lockErrors: ErrorAnswers<RunBusy | ShuttingDown> = {
  RunBusy: {
    status: 409,
    fields: ({ holder }) => ({
      holder: { request_id: holder.requestId, step: holder.step, since: DateTime.formatIso(holder.since) }
    })
  },
  ShuttingDown: { status: 503 }
}

export const notifyErrors: ErrorAnswers<NotifyFailed> = {
  NotifyFailed: { status: 500, fields: at("notify") }
}

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

export const aliveErrors: ErrorAnswers<RunAlive> = {
  RunAlive: { status: 409, fields: ({ pids }) => ({ pids }) }
}
