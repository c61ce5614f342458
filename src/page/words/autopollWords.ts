/** The autopoll box. */
import type { PageState } from "../state/PageState.ts"
import { clock, millisOf, wholeDuration } from "./time.ts"

/** What the box says and offers. */
export interface AutopollBox {
  readonly head: string
  readonly aside: string
  readonly text: string
  readonly buttons: ReadonlyArray<"checkNow" | "pause" | "resume">
}

/** The box; `undefined` before anything is known. */
export const autopollBox = ({ status, connection, statusAtMillis }: PageState): AutopollBox | undefined => {
  if (status === undefined) return undefined
  const { autopoll } = status
  const text = checkedWords(status)
  if (connection.kind === "unreachable" || connection.kind === "forbidden") {
    return { head: "Autopoll", aside: `as of ${clock(statusAtMillis)}`, text, buttons: [] }
  }
  if (!autopoll.is_on) {
    return { head: "Autopoll off", aside: "", text: "Set LOOPER_AUTO_START_WHEN_IDLE=1 and restart.", buttons: [] }
  }
  if (connection.kind === "shuttingDown") return { head: "Autopoll stopped", aside: "", text, buttons: [] }
  if (autopoll.is_paused) return { head: "Autopoll paused", aside: "", text, buttons: ["resume"] }
  const buttons = ["checkNow", "pause"] as const
  if (autopoll.backoff_until !== null) {
    const failures = autopoll.failures_in_a_row === 1 ? "1 failure" : `${autopoll.failures_in_a_row} failures`
    return { head: "Autopoll backing off", aside: failures, text, buttons }
  }
  return { head: "Autopoll on", aside: `every ${wholeDuration(autopoll.every_seconds)}`, text, buttons }
}

const checkedWords = (status: NonNullable<PageState["status"]>): string => {
  const { last_tick: tick } = status.autopoll
  const at = millisOf(tick?.at)
  if (tick === null || at === undefined) return "Not checked yet."
  return `Checked ${clock(at)}: ${outcomeWords(status, tick)}.`
}

const outcomeWords = (
  { run, idle }: NonNullable<PageState["status"]>,
  { outcome, reason }: NonNullable<NonNullable<PageState["status"]>["autopoll"]["last_tick"]>
): string => {
  if (outcome === "started") return "started the default prompt"
  if (outcome === "failed") return `failed with ${reason ?? "an unknown error"}`
  if (reason === "alive_tasks") {
    if (idle?.reason === "alive_tasks" && idle.pids.length === 1) return `skipped, pid ${idle.pids.join()} is alive`
    return `skipped, a codex exec ${run === null ? "was" : "is"} alive`
  }
  return `skipped, ${skipWords[reason ?? ""] ?? reason ?? "nobody knows why"}`
}

const skipWords: Readonly<Record<string, string>> = {
  paused: "paused",
  run_lock_busy: "a start or a stop was in progress",
  recent_log_activity: "the newest log had just changed",
  misconfigured: "its settings do not let it start",
  backoff: "backing off"
}
