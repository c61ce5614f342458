/** `looper runs` for people. */
import type { RunInfo } from "../domain/runAnswers.ts"
import { dateTimeText, durationText, sizeText, table } from "./words.ts"

const titles = ["ID", "STATE", "CAUSE", "CODE", "STARTED", "DURATION", "LOG", "WORKSPACE", "REASON"]

/** A table of runs with its titles; what is not known is `-`. */
export const runsText = (runs: ReadonlyArray<RunInfo>): ReadonlyArray<string> =>
  runs.length === 0 ? ["No runs."] : table([titles, ...runs.map(cells)])

const cells = (run: RunInfo): ReadonlyArray<string> => [
  run.request_id,
  run.state,
  run.error ?? run.cause ?? "-",
  run.return_code === null ? "-" : String(run.return_code),
  dateTimeText(run.started_at),
  run.duration_ms === null ? "-" : durationText(run.duration_ms),
  run.is_log_pruned ? "pruned" : run.log_bytes === null ? "-" : sizeText(run.log_bytes),
  run.workspace,
  run.reason ?? "-"
]
