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
const Source = Schema.NullOr(Schema.Literals(["request", "env", "local", "path"])).annotateKey({
  description: "Where the binary was named: the request, `CODEX_EXEC_BINARY`, a build below `./codex`, `PATH`"
})
const Binary = Schema.NullOr(Schema.String).annotateKey({
  description: "Absolute path of codex, symbolic links kept; null where nothing is to be started and none resolves"
})
const Workspace = Schema.String.annotateKey({ description: "As the request wrote it" })
const ForeignPids = Pids.annotateKey({
  description: "`codex exec` of other users or pid namespaces, never signalled"
})

const StartedRunAnswer = Schema.Struct({
  pid: Schema.Int.annotateKey({ description: "codex' own" }),
  command: Schema.String.annotateKey({ description: "Shell-quoted" }),
  log_path: Schema.String,
  startup_return_code: Schema.NullOr(Schema.Int).annotateKey({
    description: "0 where codex ended well inside its startup check, null while it lives"
  }),
  request_id: RequestId.annotateKey({ description: "The run's id" })
}).annotate({ identifier: "StartedRun" })

const launchFields = {
  ...Ok,
  request_id: RequestId.annotateKey({ description: "The run's id" }),
  workspace: Workspace,
  codex_exec_binary: Binary,
  codex_exec_binary_source: Source,
  codex_exec_started: Schema.Boolean.annotateKey({ description: "false where the prompt was empty" }),
  codex_exec_result: Schema.NullOr(StartedRunAnswer).annotateKey({ description: "null where nothing was started" }),
  codex_exec_approval_policy: Schema.Literal(approvalPolicy),
  codex_exec_sandbox: Schema.Literal(sandbox),
  codex_prompt_sent: Schema.Boolean.annotateKey({ description: "Old name of `codex_exec_started`" }),
  codex_send_result: Schema.NullOr(StartedRunAnswer).annotateKey({ description: "Old name of `codex_exec_result`" })
}

const killFields = {
  killed_codex_exec_pids: Pids.annotateKey({ description: "Targets that were found and are dead now; pids ascend" }),
  remaining_codex_exec_pids: Pids.annotateKey({ description: "Who survived: nobody, that would be a failure" })
}

/** Answer of `GET /health`. */
export const HealthAnswer = Schema.Struct(Ok).annotate({ identifier: "HealthAnswer" })

const NotifierOutput = Schema.String.annotateKey({ description: "What the notifier says of the message" })

/** Answer of `POST /notify`. */
export const NotifyAnswer = Schema.Struct({ ...Ok, zulip_output: NotifierOutput }).annotate({
  identifier: "NotifyAnswer"
})

/** Answer of `POST /kill`. */
export const KillAnswer = Schema.Struct({ ...Ok, ...killFields, foreign_codex_exec_pids: ForeignPids }).annotate({
  identifier: "KillAnswer"
})

const planFields = {
  ...Ok,
  dry_run: Schema.Literal(true),
  codex_exec_pids: Pids.annotateKey({ description: "Targets" }),
  tree_pids: Pids.annotateKey({ description: "All that would be signalled, the targets among them" }),
  foreign_codex_exec_pids: ForeignPids
}

/** Answer of `POST /kill` with `dry_run`: `tree_pids` would be signalled, the targets among them. */
export const KillPlanAnswer = Schema.Struct(planFields).annotate({ identifier: "KillPlanAnswer" })

/** Answer of `POST /run` with `dry_run`; `argv` is empty where nothing would be started. */
export const RunPlanAnswer = Schema.Struct({
  ...planFields,
  workspace: Workspace,
  codex_exec_binary: Binary,
  codex_exec_binary_source: Source,
  argv: Schema.Array(Schema.String).annotateKey({ description: "Empty where nothing would be started" }),
  command: Schema.String.annotateKey({ description: "`argv`, shell-quoted" })
}).annotate({ identifier: "RunPlanAnswer" })

/** Answer of `POST /spawn`. */
export const SpawnAnswer = Schema.Struct(launchFields).annotate({ identifier: "SpawnAnswer" })

/** Answer of `POST /run`; the `vscode` fields repeat the kill fields under their oldest names. */
export const RunAnswer = Schema.Struct({
  ...launchFields,
  zulip_output: NotifierOutput,
  ...killFields,
  killed_vscode_pids: Pids.annotateKey({ description: "Old name of `killed_codex_exec_pids`" }),
  remaining_vscode_pids: Pids.annotateKey({ description: "Old name of `remaining_codex_exec_pids`" })
}).annotate({ identifier: "RunAnswer" })

/** Answer of `POST /autopoll/pause` and `/autopoll/resume`. */
export const PauseAnswer = Schema.Struct({
  ...Ok,
  paused: Schema.Boolean.annotateKey({ description: "As it is now" })
}).annotate({ identifier: "PauseAnswer" })

/** Answer of `POST /autopoll/tick`. */
export const TickAnswer = Schema.Struct({
  ...Ok,
  outcome: Schema.Literals(["started", "skipped"]),
  reason: Schema.optionalKey(Schema.Literals(skipReasons)).annotateKey({ description: "Of a tick that skipped" }),
  codex_exec_result: Schema.optionalKey(StartedRunAnswer).annotateKey({ description: "Of a tick that started a run" })
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
