/** GET /runs/:id/log: what a run wrote, raw or live. */
import { Effect, Stream } from "effect"
import { followLog, readLog } from "../effects/readLog.ts"
import { RunLogRequest } from "../src/domain/runQuery.ts"
import { RunLogFeeds } from "../src/services/runs/RunLogFeeds.ts"
import { type Content, handler } from "../src/runtime/Handler.ts"
import { historyErrors, logErrors } from "./errors.ts"

/** Whatever a run writes: a browser that shows it must not run it. */
const common = { "Content-Security-Policy": "sandbox", "Cache-Control": "no-store" }

/** With `follow` Server-Sent Events; their ids are byte offsets, so that `Last-Event-ID` goes on without gap or repeat. */
export const runLog = handler({
  summary: "A run's log: all of it, a range of bytes, its last lines, or live",
  method: "GET",
  path: "/runs/:id/log",
  access: "token",
  request: RunLogRequest,
  headers: { range: "Range", if_range: "If-Range", last_event_id: "Last-Event-ID" },
  success: {
    contents: {
      "text/plain":
        "The bytes as the run wrote them; `X-Log-Offset` says where in the log they begin, with `numbered` `X-Log-Line` " +
        "the number, from 1, of the line in which the first of them lies",
      "text/event-stream":
        'With `follow`: `id` is the offset behind the piece, `data` is `{"text":…}`, or `{"base64":…}` where it is not UTF-8; ' +
        "the last event is `end` with `state`, `return_code` and `cause`, `gone` with `reason`, or, where Looper stops, " +
        "`shutdown` with `deadline_at` and `on_shutdown`: connect again, and the log goes on where it broke off"
    }
  },
  errors: { ...historyErrors, ...logErrors },
  body: ({ id, tail, follow, numbered, range, if_range, last_event_id }) => {
    if (follow === true) {
      return Effect.gen(function* () {
        const { lastWords } = yield* RunLogFeeds
        const events = yield* followLog({ id, from: last_event_id, tail })
        const headers = { ...common, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" }
        let isOver = false
        const sent = Stream.map(events, ({ kind, sse }) => {
          isOver = kind === "end" || kind === "gone" || kind === "shutdown"
          return sse
        })
        return { headers, body: sent, last: () => (isOver ? undefined : lastWords()?.sse) } satisfies Content
      })
    }
    // A log that grows has no validator that could match.
    const wanted = { id, tail, range: if_range === undefined ? range : undefined, isNumbered: numbered }
    return Effect.map(readLog(wanted), (part): Content => {
      const { start, end, size, firstLine } = part
      const headers = {
        ...common,
        ...(firstLine !== undefined && { "X-Log-Line": String(firstLine) }),
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": String(end - start),
        "Accept-Ranges": "bytes"
      }
      if (!part.isRange) return { headers: { ...headers, "X-Log-Offset": String(start) }, body: part.bytes }
      return {
        status: 206,
        headers: { ...headers, "Content-Range": `bytes ${start}-${end - 1}/${size}` },
        body: part.bytes
      }
    })
  }
})
