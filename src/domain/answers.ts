/** Bodies of successful answers, as the first Looper's callers know them. */
import { Schema } from "effect"
import { approvalPolicy, sandbox } from "./CodexCommand.ts"
import { RequestId } from "./RequestId.ts"
import {
  type KillPlan,
  type KillResult,
  type LaunchResult,
  type RunPlan,
  type RunResult,
  type StartedRun,
  skipReasons,
  type TickResult
} from "./RunResult.ts"

const Ok = { ok: Schema.Literal(true) }
const Pids = Schema.Array(Schema.Int)

const StartedRunAnswer = Schema.Struct({
  pid: Schema.Int,
  command: Schema.String,
  log_path: Schema.String,
  startup_return_code: Schema.NullOr(Schema.Int),
  request_id: RequestId
}).annotate({ identifier: "StartedRun" })

const launchFields = {
  ...Ok,
  request_id: RequestId,
  workspace: Schema.String,
  codex_exec_binary: Schema.NullOr(Schema.String),
  codex_exec_binary_source: Schema.NullOr(Schema.Literals(["request", "env", "local", "path"])),
  codex_exec_started: Schema.Boolean,
  codex_exec_result: Schema.NullOr(StartedRunAnswer),
  codex_exec_approval_policy: Schema.Literal(approvalPolicy),
  codex_exec_sandbox: Schema.Literal(sandbox),
  codex_prompt_sent: Schema.Boolean,
  codex_send_result: Schema.NullOr(StartedRunAnswer)
}

const killFields = { killed_codex_exec_pids: Pids, remaining_codex_exec_pids: Pids }

/** Answer of `GET /health`. */
export const HealthAnswer = Schema.Struct(Ok).annotate({ identifier: "HealthAnswer" })

/** Answer of `POST /notify`. */
export const NotifyAnswer = Schema.Struct({ ...Ok, zulip_output: Schema.String }).annotate({
  identifier: "NotifyAnswer"
})

/** Answer of `POST /kill`. */
export const KillAnswer = Schema.Struct({ ...Ok, ...killFields, foreign_codex_exec_pids: Pids }).annotate({
  identifier: "KillAnswer"
})

const planFields = {
  ...Ok,
  dry_run: Schema.Literal(true),
  codex_exec_pids: Pids,
  tree_pids: Pids,
  foreign_codex_exec_pids: Pids
}

/** Answer of `POST /kill` with `dry_run`: `tree_pids` would be signalled, the targets among them. */
export const KillPlanAnswer = Schema.Struct(planFields).annotate({ identifier: "KillPlanAnswer" })

/** Answer of `POST /run` with `dry_run`; `argv` is empty where nothing would be started. */
export const RunPlanAnswer = Schema.Struct({
  ...planFields,
  workspace: Schema.String,
  codex_exec_binary: Schema.NullOr(Schema.String),
  codex_exec_binary_source: Schema.NullOr(Schema.Literals(["request", "env", "local", "path"])),
  argv: Schema.Array(Schema.String),
  command: Schema.String
}).annotate({ identifier: "RunPlanAnswer" })

/** Answer of `POST /spawn`. */
export const SpawnAnswer = Schema.Struct(launchFields).annotate({ identifier: "SpawnAnswer" })

/** Answer of `POST /run`; the `vscode` fields repeat the kill fields under their oldest names. */
export const RunAnswer = Schema.Struct({
  ...launchFields,
  zulip_output: Schema.String,
  ...killFields,
  killed_vscode_pids: Pids,
  remaining_vscode_pids: Pids
}).annotate({ identifier: "RunAnswer" })

/** Answer of `POST /autopoll/pause` and `/autopoll/resume`. */
export const PauseAnswer = Schema.Struct({ ...Ok, paused: Schema.Boolean }).annotate({ identifier: "PauseAnswer" })

/** Answer of `POST /autopoll/tick`. */
export const TickAnswer = Schema.Struct({
  ...Ok,
  outcome: Schema.Literals(["started", "skipped"]),
  reason: Schema.optionalKey(Schema.Literals(skipReasons)),
  codex_exec_result: Schema.optionalKey(StartedRunAnswer)
}).annotate({ identifier: "TickAnswer" })

const startedAnswer = (run: StartedRun): typeof StartedRunAnswer.Type => ({
  pid: run.pid,
  command: run.command,
  log_path: run.logPath,
  startup_return_code: run.startupReturnCode ?? null,
  request_id: run.requestId
})

/** A launch's answer; `codex_send_result` repeats `codex_exec_result` for older callers. */
export const spawnAnswer = (result: LaunchResult): typeof SpawnAnswer.Type => {
  const started = result.started === undefined ? null : startedAnswer(result.started)
  return {
    ok: true,
    request_id: result.requestId,
    workspace: result.workspace,
    codex_exec_binary: result.binary?.path ?? null,
    codex_exec_binary_source: result.binary?.source ?? null,
    codex_exec_started: started !== null,
    codex_exec_result: started,
    codex_exec_approval_policy: approvalPolicy,
    codex_exec_sandbox: sandbox,
    codex_prompt_sent: started !== null,
    codex_send_result: started
  }
}

/** A kill's answer; nobody remains, because survivors are a failure. */
export const killAnswer = (result: KillResult): typeof KillAnswer.Type => ({
  ok: true,
  killed_codex_exec_pids: result.killedPids,
  remaining_codex_exec_pids: result.remainingPids,
  foreign_codex_exec_pids: result.foreignPids
})

/** A planned kill's answer; pids ascend. */
export const killPlanAnswer = (plan: KillPlan): typeof KillPlanAnswer.Type => ({
  ok: true,
  dry_run: true,
  codex_exec_pids: plan.targetPids,
  tree_pids: plan.treePids,
  foreign_codex_exec_pids: plan.foreignPids
})

/** A planned run's answer; the binary is `null` only where nothing would be started and none resolves. */
export const runPlanAnswer = (plan: RunPlan): typeof RunPlanAnswer.Type => ({
  ...killPlanAnswer(plan.kill),
  workspace: plan.workspace,
  codex_exec_binary: plan.binary?.path ?? null,
  codex_exec_binary_source: plan.binary?.source ?? null,
  argv: plan.argv,
  command: plan.command
})

/** A run's answer: the launch, the notifier's line, and the kill under both its names. */
export const runAnswer = (result: RunResult): typeof RunAnswer.Type => ({
  ...spawnAnswer(result),
  zulip_output: result.notifierOutput,
  killed_codex_exec_pids: result.killed.killedPids,
  remaining_codex_exec_pids: result.killed.remainingPids,
  killed_vscode_pids: result.killed.killedPids,
  remaining_vscode_pids: result.killed.remainingPids
})

/** A tick's answer: the started run, or the reason to skip. */
export const tickAnswer = (result: TickResult): typeof TickAnswer.Type =>
  result.outcome === "started"
    ? { ok: true, outcome: "started", codex_exec_result: startedAnswer(result.started) }
    : { ok: true, outcome: "skipped", reason: result.reason }
