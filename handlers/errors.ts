/** Status and fields of every operation's failures. */
import { DateTime, Schema } from "effect"
import type { SpawnCodexError } from "../effects/spawnCodex.ts"
import {
  type Cancelled,
  type HistoryUnavailable,
  type LogGone,
  type NotifyFailed,
  type OffsetBeyondEnd,
  type RunAlive,
  type RunBusy,
  type RunNotFound,
  type ShuttingDown,
  Step,
  type SurvivorsLeft
} from "../src/domain/errors.ts"
import { RequestId } from "../src/domain/RequestId.ts"
import type { PageFileNotFound } from "../src/pageFiles.ts"
import { ShutdownFields, shutdownFields } from "../src/domain/shutdownNotice.ts"
import type { ErrorAnswers } from "../src/runtime/Handler.ts"

const Pids = Schema.Array(Schema.Int)

const StepField = Schema.Struct({ step: Step })
const at = (step: Step) => ({ schema: StepField, of: () => ({ step }) })

/** 409 with who holds the lock, its step and since when (ISO 8601, UTC); 503 while Looper stops. */
export const lockErrors = {
  RunBusy: {
    status: 409,
    about: "another sequence holds the lock; nothing was done",
    fields: {
      schema: Schema.Struct({ holder: Schema.Struct({ request_id: RequestId, step: Step, since: Schema.String }) }),
      of: ({ holder }) => ({
        holder: { request_id: holder.requestId, step: holder.step, since: DateTime.formatIso(holder.since) }
      })
    }
  },
  ShuttingDown: {
    status: 503,
    about: "Looper stops; a wait was cut, or nothing was done",
    fields: { schema: ShutdownFields, of: shutdownFields }
  }
} as const satisfies ErrorAnswers<RunBusy | ShuttingDown>

/** 409 for the caller of a sequence that `POST /runs/:id/stop` ended. */
export const cancelErrors = {
  Cancelled: {
    status: 409,
    about: "`POST /runs/:id/stop` ended this sequence in this step; no run of it lives",
    fields: { schema: StepField, of: ({ step }) => ({ step }) }
  }
} as const satisfies ErrorAnswers<Cancelled>

/** 500 in step `notify`: nothing was stopped or launched. */
export const notifyErrors = {
  NotifyFailed: {
    status: 500,
    about: "not, or not provably, delivered; nothing was stopped or started",
    fields: at("notify")
  }
} as const satisfies ErrorAnswers<NotifyFailed>

/** 500 in step `kill`, with the pids of the targets that are dead and of everything that survived. */
export const killErrors = {
  SurvivorsLeft: {
    status: 500,
    about: "`remaining_codex_exec_pids` live on; nothing was started",
    fields: {
      schema: Schema.Struct({ step: Step, killed_codex_exec_pids: Pids, remaining_codex_exec_pids: Pids }),
      of: ({ killedPids, remainingPids }) => ({
        step: "kill" as const,
        killed_codex_exec_pids: killedPids,
        remaining_codex_exec_pids: remainingPids
      })
    }
  }
} as const satisfies ErrorAnswers<SurvivorsLeft>

const preflightError = { status: 500, about: "found before anything was done", fields: at("preflight") } as const

/** 500 with the step that failed; an early exit also names its return code and its log. */
export const launchErrors = {
  ToolMissing: preflightError,
  WorkspaceNotDirectory: preflightError,
  PromptUnusable: preflightError,
  DiskSpaceLow: preflightError,
  RunLogUnwritable: preflightError,
  SpawnFailed: { status: 500, about: "announced and stopped; no run lives", fields: at("spawn") },
  ExitedEarly: {
    status: 500,
    about: "announced and stopped; the run has ended, its log is kept",
    fields: {
      schema: Schema.Struct({
        step: Step,
        return_code: Schema.Union([Schema.Int, Schema.Literal("unknown")]),
        log_path: Schema.String
      }),
      of: ({ step, returnCode, logPath }) => ({ step, return_code: returnCode, log_path: logPath })
    }
  }
} as const satisfies ErrorAnswers<Exclude<SpawnCodexError, Cancelled | RunAlive | RunBusy | ShuttingDown>>

/** 409 with the pids of the targets that live. */
export const aliveErrors = {
  RunAlive: {
    status: 409,
    about: "`pids` are running codex; nothing was started",
    fields: { schema: Schema.Struct({ pids: Pids }), of: ({ pids }) => ({ pids }) }
  }
} as const satisfies ErrorAnswers<RunAlive>

/** 404 for an id that no run has; 503 where the database cannot be read. */
export const historyErrors = {
  RunNotFound: { status: 404, about: "no run has this id" },
  HistoryUnavailable: { status: 503, about: "`looper.db` cannot be read now; live runs are not touched by that" }
} as const satisfies ErrorAnswers<RunNotFound | HistoryUnavailable>

/** 410 for a log that is not there any more; 416 for bytes behind its end, with its size. */
export const logErrors = {
  LogGone: { status: 410, about: "the log was removed; the record is kept" },
  OffsetBeyondEnd: {
    status: 416,
    about: "the log has only `size` bytes; `Content-Range` says so, too",
    fields: { schema: Schema.Struct({ size: Schema.Number }), of: ({ size }) => ({ size }) },
    headers: ({ size }) => ({ "Content-Range": `bytes */${size}` })
  }
} as const satisfies ErrorAnswers<LogGone | OffsetBeyondEnd>

/** 404 for a file of the web page that was never built, or is of another build. */
export const pageErrors = {
  PageFileNotFound: { status: 404, about: "the page was not built (`npm run build:page`), or anew since it was loaded" }
} as const satisfies ErrorAnswers<PageFileNotFound>
