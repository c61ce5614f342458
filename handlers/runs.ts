/** GET /runs: the history, newest first. */
import { Effect } from "effect"
import { listRuns } from "../effects/listRuns.ts"
import { countsInfo, RunsAnswer, runInfo } from "../src/domain/runAnswers.ts"
import { cursorOf, pageSize, RunsRequest } from "../src/domain/runQuery.ts"
import { handler } from "../src/runtime/Handler.ts"
import { historyErrors } from "./errors.ts"

/** A page; its `next_cursor` asks for the older ones. */
export const runs = handler({
  summary: "The history of runs, newest first, in pages",
  method: "GET",
  path: "/runs",
  access: "token",
  request: RunsRequest,
  success: RunsAnswer,
  errors: { HistoryUnavailable: historyErrors.HistoryUnavailable },
  body: ({ state, autopoll, limit = pageSize.default, cursor, before, counts: isCounted }) => {
    const query = { states: state, isAutopoll: autopoll, before: cursor, startedBeforeMillis: before, limit, isCounted }
    return Effect.map(listRuns(query), ({ runs, hasMore, counts }) => {
      const last = runs.at(-1)
      return {
        ok: true as const,
        runs: runs.map(({ record, ...now }) => runInfo(record, now)),
        ...(counts !== undefined && { counts: countsInfo(counts) }),
        next_cursor: hasMore && last !== undefined ? cursorOf(last.record) : null
      }
    })
  }
})
