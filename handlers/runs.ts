/** GET /runs: the history, newest first. */
import { Effect } from "effect"
import { listRuns } from "../effects/listRuns.ts"
import { RunsAnswer, runInfo } from "../src/domain/runAnswers.ts"
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
  body: ({ state, autopoll, limit = pageSize.default, cursor }) =>
    Effect.map(listRuns({ states: state, isAutopoll: autopoll, before: cursor, limit }), ({ runs, hasMore }) => {
      const last = runs.at(-1)
      return {
        ok: true as const,
        runs: runs.map(({ record, ...now }) => runInfo(record, now)),
        next_cursor: hasMore && last !== undefined ? cursorOf(last.record) : null
      }
    })
})
