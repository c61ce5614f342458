/** `GET /runs` of the fake Looper. */
import type { Run, RunDetails } from "../../../src/page/api/answers.ts"

const states = ["starting", "running", "succeeded", "failed", "stopped", "interrupted"] as const

/** One page of runs, newest first, filtered and counted as Looper does; the cursor is an index. */
export const runsAnswer = (all: ReadonlyArray<RunDetails>, query: Readonly<Record<string, string>>) => {
  const { state, autopoll, limit = "50", cursor = "0", before, counts } = query
  const wanted = state?.split(",")
  const chosen = all.filter(
    (run) =>
      (wanted === undefined || wanted.includes(run.state)) &&
      (autopoll === undefined || run.is_autopoll === (autopoll !== "0" && autopoll !== "false")) &&
      (before === undefined || Date.parse(run.started_at) < Date.parse(before))
  )
  const end = Number(cursor) + Number(limit)
  const runs: ReadonlyArray<Run> = chosen.slice(Number(cursor), end).map(({ steps: _steps, ...run }) => run)
  return {
    ok: true,
    runs,
    next_cursor: end < chosen.length ? String(end) : null,
    ...(counts === "1" && { counts: countsOf(all) })
  }
}

const countsOf = (all: ReadonlyArray<RunDetails>) => ({
  total: all.length,
  ...Object.fromEntries(states.map((state) => [state, all.filter((run) => run.state === state).length])),
  autopoll: all.filter((run) => run.is_autopoll).length
})
