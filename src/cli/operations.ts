/** What the short commands do: one call each, and its answer in a line or two. */
import { Effect } from "effect"
import type { StopAnswer } from "../domain/runAnswers.ts"
import { type CommandFailed, exitCodes, failed } from "./exitCodes.ts"
import { answered, connect, orFail } from "./remote.ts"
import type { Option } from "effect"

interface Answering {
  readonly json: boolean
}

/** `looper notify` */
export const notify = (options: Answering & { readonly message: string }) =>
  answered(
    options,
    (looper) => looper.notify({ zulip_message: options.message }),
    ({ zulip_output }) => [zulip_output]
  )

/** `looper kill` */
export const kill = (options: Answering & { readonly dryRun: boolean }) =>
  answered(
    options,
    (looper) => looper.kill(options.dryRun ? { dry_run: true } : {}),
    (answer) =>
      "tree_pids" in answer
        ? planLines(answer)
        : [pidsText("Stopped", answer.killed_codex_exec_pids), ...foreignLines(answer.foreign_codex_exec_pids)]
  )

/** What a dry run says of processes. */
export const planLines = (plan: {
  readonly codex_exec_pids: ReadonlyArray<number>
  readonly tree_pids: ReadonlyArray<number>
  readonly foreign_codex_exec_pids: ReadonlyArray<number>
}): ReadonlyArray<string> => [
  pidsText("Would stop", plan.codex_exec_pids),
  ...(plan.tree_pids.length === 0 ? [] : [`Their trees: pid ${plan.tree_pids.join(", ")}`]),
  ...foreignLines(plan.foreign_codex_exec_pids)
]

const pidsText = (verb: string, pids: ReadonlyArray<number>): string =>
  pids.length === 0 ? `${verb}: nothing, no codex exec runs` : `${verb}: pid ${pids.join(", ")}`

const foreignLines = (pids: ReadonlyArray<number>): ReadonlyArray<string> =>
  pids.length === 0 ? [] : [`Left alone, another user's: pid ${pids.join(", ")}`]

/** `looper tick` */
export const tick = (options: Answering) =>
  answered(
    options,
    (looper) => looper.autopollTick(),
    ({ outcome, reason, codex_exec_result: started }) =>
      started === undefined
        ? [`${outcome === "skipped" ? "Skipped" : outcome}: ${reason ?? ""}`]
        : [`Started: ${started.request_id}, pid ${started.pid}`, `Log: ${started.log_path}`]
  )

/** `looper pause` */
export const pause = (options: Answering) =>
  answered(
    options,
    (looper) => looper.pauseAutopoll(),
    () => ["Autopoll is paused, also after a restart; 'looper resume' ends that."]
  )

/** `looper resume` */
export const resume = (options: Answering) =>
  answered(
    options,
    (looper) => looper.resumeAutopoll(),
    () => ["Autopoll is not paused."]
  )

/** `looper stop` */
export const stop = (options: Answering & { readonly id: Option.Option<string> }) =>
  Effect.gen(function* () {
    const id = options.id._tag === "Some" ? options.id.value : yield* whatRuns(options)
    return yield* answered(options, (looper) => looper.stopRun({ id }), stopLines)
  })

/** The run that lives, else the sequence that is about to start one. */
const whatRuns = (options: Answering): Effect.Effect<string, CommandFailed> =>
  Effect.gen(function* () {
    const looper = yield* connect
    const { run, holder } = yield* orFail(options, looper.status())
    const id = run?.request_id ?? holder?.request_id
    return id ?? (yield* failed(exitCodes.failed, "nothing to stop: no run lives"))
  })

const stopLines = (answer: StopAnswer): ReadonlyArray<string> => {
  const { request_id: id, outcome, killed_codex_exec_pids: pids } = answer
  if (outcome === "already_ended") return [`${id} had ended before.`]
  const pid = pids.length === 0 ? "" : `, pid ${pids.join(", ")}`
  return [outcome === "cancelled" ? `Cancelled: ${id}${pid}` : `Stopped: ${id}${pid}`]
}
