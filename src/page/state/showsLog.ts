/** Whether a run has a log to be shown, or only steps. */
import type { PageState } from "./PageState.ts"

/** Is the open run's log what is shown of it? */
export const showsLog = ({ shownRun: run, status }: PageState): boolean => {
  if (run === undefined) return false
  const holder = status?.holder
  if (holder != null && run.request_id === holder.request_id && run.state === "starting") return false
  return run.log_path !== null || run.is_log_pruned || run.state === "starting" || run.state === "running"
}
