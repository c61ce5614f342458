/** What became of a button's request. */
import { ApiError, isUnanswered } from "../api/ApiError.ts"
import type { Ticked } from "../api/answers.ts"
import { holderWords, sentence, survivorWords, themOf } from "./failureParts.ts"

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
  if (isUnanswered(error)) return `Looper did not answer, so what became of it is unknown.`
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
