/** GET /runs/:id/log: what a run wrote, raw or live. */
import { Effect, Stream } from "effect"
import { followLog, readLog } from "../effects/readLog.ts"
import { RunLogRequest } from "../src/domain/runQuery.ts"
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
      "text/plain": "The bytes as the run wrote them; `X-Log-Offset` says where in the log they begin",
      "text/event-stream":
        'With `follow`: `id` is the offset behind the piece, `data` is `{"text":…}`, or `{"base64":…}` where it is not UTF-8; ' +
        "the last event is `end` with `state`, `return_code` and `cause`, or `gone` with `reason`"
    }
  },
  errors: { ...historyErrors, ...logErrors },
  body: ({ id, tail, follow, range, if_range, last_event_id }) => {
    if (follow === true) {
      return Effect.map(followLog({ id, from: last_event_id, tail }), (events): Content => {
        const headers = { ...common, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" }
        return { headers, body: Stream.map(events, ({ sse }) => sse) }
      })
    }
    // A log that grows has no validator that could match.
    return Effect.map(readLog({ id, tail, range: if_range === undefined ? range : undefined }), (part): Content => {
      const { start, end, size } = part
      const headers = {
        ...common,
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
