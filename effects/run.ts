/** Operation: announce, replace whatever runs, start one fresh run. */
import { Effect } from "effect"
import type {
  Cancelled,
  NotifyFailed,
  RunBusy,
  RunLogUnwritable,
  ShuttingDown,
  SurvivorsLeft
} from "../src/domain/errors.ts"
import { failureReason } from "../src/domain/endReason.ts"
import type { RequestId } from "../src/domain/RequestId.ts"
import type { KillResult, RunResult } from "../src/domain/RunResult.ts"
import { announcedDetail } from "../src/domain/stepDetail.ts"
import { redactor } from "../src/logging.ts"
import type { CodexBinary } from "../src/services/CodexBinary.ts"
import type { CodexProcesses } from "../src/services/processes/CodexProcesses.ts"
import type { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import type { Notices } from "../src/services/Notices.ts"
import { Notifier } from "../src/services/notifiers/Notifier.ts"
import type { NotifyScript } from "../src/services/notifiers/NotifyScript.ts"
import type { ProcessTrees } from "../src/services/processes/ProcessTrees.ts"
import { RequestIds } from "../src/services/RequestIds.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import type { RunLogs } from "../src/services/runs/RunLogs.ts"
import type { RunRecords } from "../src/services/records/RunRecords.ts"
import type { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import type { RunTickets } from "../src/services/runs/RunTickets.ts"
import type { ServerAddress } from "../src/services/ServerAddress.ts"
import type { Workspaces } from "../src/services/Workspaces.ts"
import { stopTargets } from "./killCodex.ts"
import { notify } from "./notify.ts"
import { type LaunchOptions, type PreflightError, preflight, promptOf } from "./preflight.ts"
import { resolveQuietly } from "./planRun.ts"
import { type LaunchError, startRun } from "./spawnCodex.ts"

/** What {@link run} is told; what is left out comes from the configuration. */
export interface RunOptions extends LaunchOptions {
  readonly requestId?: RequestId | undefined
  readonly message: string
  /** A Node script to send the message instead of the configured notifier. */
  readonly scriptPath?: string | undefined
  readonly delaySeconds?: number | undefined
}

/** Every way {@link run} can fail. */
export type RunError =
  | Cancelled
  | RunBusy
  | ShuttingDown
  | PreflightError
  | RunLogUnwritable
  | NotifyFailed
  | SurvivorsLeft
  | LaunchError

/** Every service {@link run} needs. */
export type RunServices =
  | CodexBinary
  | CodexProcesses
  | DefaultPrompt
  | LooperConfig
  | Notices
  | Notifier
  | NotifyScript
  | ProcessTrees
  | RequestIds
  | RunLock
  | RunLogs
  | RunRecords
  | RunSupervisor
  | RunTickets
  | ServerAddress
  | Workspaces

/**
 * Sends the message, stops every target with its tree, starts one fresh run and returns without waiting for it.
 *
 * **Details** With an empty prompt it only sends the message. The sequence belongs to the lock's layer: a caller
 * that goes away, or that dies by the kill it asked for, changes nothing.
 *
 * **Errors**
 * - `RunBusy`, the preflight's, `RunLogUnwritable`: nothing was done.
 * - `NotifyFailed`: nothing was stopped or launched.
 * - `SurvivorsLeft`: announced; nothing was launched.
 * - `SpawnFailed`, `ExitedEarly`: announced and stopped; no run is alive.
 * - `ShuttingDown`: cut before codex was started, or in its startup check, whose run the shutdown stops
 *   (`LOOPER_ON_SHUTDOWN=leave`: which goes on).
 * - `Cancelled`: as `ShuttingDown`, by its id; a run that was started is stopped.
 */
export const run = Effect.fn("run")(function* (
  options: RunOptions
): Effect.fn.Return<RunResult, RunError, RunServices> {
  const requestId = options.requestId ?? (yield* RequestIds).draw()
  return yield* begin({ ...options, requestId }).pipe(
    Effect.tap((result) =>
      Effect.logInfo("run.success").pipe(
        Effect.annotateLogs({ killed: result.killed.killedPids, pid: result.started?.pid ?? null })
      )
    ),
    Effect.tapError((error) => {
      const isRefused = error._tag === "RunBusy" || error._tag === "ShuttingDown" || error._tag === "Cancelled"
      const event = isRefused ? Effect.logWarning("run.fail") : Effect.logError("run.fail")
      return Effect.annotateLogs(event, { tag: error._tag, error: error.message })
    }),
    Effect.annotateLogs({ request_id: requestId })
  )
})

type IdentifiedOptions = RunOptions & { readonly requestId: RequestId }

const begin = Effect.fnUntraced(function* (options: IdentifiedOptions) {
  const prompt = yield* promptOf(options)
  yield* Effect.logInfo("run.start").pipe(
    Effect.annotateLogs({
      message_len: options.message.length,
      prompt_len: prompt.length,
      workspace: options.workspace
    })
  )
  return yield* prompt === "" ? announceOnly(options) : replaceRun({ ...options, prompt })
})

const nothingKilled: KillResult = { killedPids: [], remainingPids: [], foreignPids: [] }

const announceOnly = Effect.fnUntraced(function* (options: IdentifiedOptions) {
  const { requestId } = options
  const { workspace, binary } = yield* resolveQuietly(options)
  const { output } = yield* (yield* RunLock).tryRun({
    requestId,
    operation: "run",
    step: "notify",
    sequence: announce(options)
  })
  return { requestId, workspace, binary, started: undefined, notifierOutput: output, killed: nothingKilled }
})

const replaceRun = Effect.fnUntraced(function* (options: IdentifiedOptions & { readonly prompt: string }) {
  const { requestId } = options
  const plan = yield* preflight(options)
  const lock = yield* RunLock
  const config = yield* LooperConfig
  const { announcesTo } = yield* Notifier
  const redact = redactor(config)
  const before = Effect.gen(function* () {
    yield* lock.enter("notify")
    const { output, isSent } = yield* announce(options)
    const place = isSent && options.scriptPath === undefined ? announcesTo : undefined
    yield* lock.leave({
      detail: failureReason(redact(announcedDetail({ place, output })), options.message),
      result: isSent ? "ok" : "NotifyFailed"
    })
    yield* lock.enter("kill")
    return { notifierOutput: output, killed: yield* stopTargets({ ...options, cause: "replacement" }) }
  })
  const delaySeconds = options.delaySeconds ?? config.delaySeconds
  const sequence = startRun({ ...options, operation: "run", plan, delaySeconds, before })
  const waits = { delaySeconds, startupCheckSeconds: plan.startupCheckSeconds }
  const result = yield* lock.tryRun({ requestId, operation: "run", step: "preflight", waits, sequence })
  return {
    requestId,
    workspace: plan.workspace.given,
    binary: plan.binary,
    started: result.started,
    ...result.before
  }
})

/** A message that is not required may fail; its failure is its output then. */
const announce = Effect.fnUntraced(function* (options: RunOptions) {
  const { isNotifyRequired } = yield* LooperConfig
  const send = Effect.map(Effect.interruptible(notify(options)), (output) => ({ output, isSent: true }))
  if (isNotifyRequired) return yield* send
  return yield* Effect.catchTag(send, "NotifyFailed", (error) =>
    Effect.logWarning("run.notify.fail").pipe(
      Effect.annotateLogs({ error: error.message }),
      Effect.as({ output: error.message, isSent: false })
    )
  )
})
