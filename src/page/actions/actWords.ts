/** What became of a button's request, and whom a start stops. */
import { ApiError, Unreachable } from "../api/ApiError.ts"
import type { Status, Ticked } from "../api/answers.ts"
import { shortPath } from "../words/paths.ts"
import { clockSince, duration, millisOf } from "../words/time.ts"
import { holderWords, sentence, survivorWords, themOf } from "./formProblem.ts"

const skips: { readonly [Reason in NonNullable<Ticked["reason"]>]: string } = {
  paused: "autopoll is paused",
  run_lock_busy: "another start or stop is under way",
  alive_tasks: "a codex exec is alive",
  recent_log_activity: "the newest log changed a short while ago",
  misconfigured: "the workspace, the prompt or codex is missing",
  backoff: "backing off"
}

/** What a tick did. */
export const tickWords = ({ outcome, reason, codex_exec_result: started }: Ticked): string => {
  if (outcome === "skipped") return `Skipped: ${reason === undefined ? "no reason was given" : skips[reason]}.`
  return started === undefined ? "Started a run." : `Started run ${started.request_id}.`
}

/** A failure of what a button asked for; `what` begins the sentence: "The run was not stopped". */
export const failureWords = (error: unknown, what: string, nowMillis: number): string => {
  if (error instanceof Unreachable) return `Looper did not answer, so what became of it is unknown.`
  if (!(error instanceof ApiError)) return `${what}: ${String(error)}`
  if (error.code === "run_busy")
    return `${what}: another sequence is under way (${holderWords(error.body.holder, nowMillis)}).`
  if (error.code === "survivors_left") {
    const pids = error.body.remaining_codex_exec_pids
    return `${survivorWords(pids)}. End ${themOf(pids)} by hand, then try again.`
  }
  if (error.code === "shutting_down") return `${what}: Looper is stopping and accepts nothing new.`
  return `${what}: ${sentence(error.message)}`
}

/** Whom a start would stop, and how old it is; `undefined` where nothing lives. */
export const victimWords = ({ run, idle, defaults }: Status, nowMillis: number): string | undefined => {
  if (run !== null) {
    const wrote = millisOf(run.last_output_at)
    const output = wrote === undefined ? "has written nothing yet" : `wrote ${duration(nowMillis - wrote)} ago`
    const worked = duration(nowMillis - (millisOf(run.started_at) ?? nowMillis))
    return `This stops run ${run.request_id}, which has worked for ${worked} and ${output}.`
  }
  const blocking = idle?.blocking ?? []
  if (blocking.length === 0) return undefined
  const each = blocking.map(({ pid, cwd, started_at }) => {
    const since = millisOf(started_at)
    return [
      `pid ${pid}`,
      cwd !== null && cwd !== defaults.workspace && `in ${shortPath(cwd, defaults.workspace)}`,
      since !== undefined && `since ${clockSince(since, nowMillis)}`
    ]
      .filter((part) => part !== false)
      .join(" ")
  })
  return `This stops another codex exec, not started by Looper: ${each.join("; ")}.`
}
