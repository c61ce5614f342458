/** `GET /runs/:id/log` of the fake Looper. */
import type { ServerResponse } from "node:http"
import { byteRange } from "../../../src/domain/byteRange.ts"
import type { FakeLog } from "./FakeLog.ts"
import { type Asked, refusal, type Said } from "./fakeAnswers.ts"

const common = { "Content-Security-Policy": "sandbox", "Cache-Control": "no-store" }

const isSet = (flag: string | undefined): boolean => flag !== undefined && flag !== "0" && flag !== "false"

/** Answers as Looper does: all of it, its last lines, a range, or live; an error is left to the caller. */
export const answerLog = (log: FakeLog, { query, headers }: Asked, response: ServerResponse): Said | undefined => {
  if (isSet(query.follow)) return follow(log, { query, headers }, response)
  const numberAt = (offset: number): Record<string, string> =>
    isSet(query.numbered) ? { "X-Log-Line": String(log.lineAt(offset)) } : {}
  const text = { ...common, "Content-Type": "text/plain; charset=utf-8", "Accept-Ranges": "bytes" }
  const { size } = log
  const range = query.tail === undefined ? byteRange(headers.range?.toString(), size) : undefined
  if (range === "beyondEnd") {
    const error = `the Range is beyond the end of the log, which has ${size} bytes`
    return { ...refusal(416, "offset_beyond_end", error, { size }), headers: { "Content-Range": `bytes */${size}` } }
  }
  const start = range?.start ?? (query.tail === undefined ? 0 : log.tailStart(Number(query.tail)))
  const end = range?.end ?? size
  response.writeHead(range === undefined ? 200 : 206, {
    ...text,
    ...numberAt(start),
    "Content-Length": String(end - start),
    ...(range === undefined
      ? { "X-Log-Offset": String(start) }
      : { "Content-Range": `bytes ${start}-${end - 1}/${size}` })
  })
  response.end(log.bytes.subarray(start, end))
  return undefined
}

const follow = (
  log: FakeLog,
  { query, headers }: Pick<Asked, "query" | "headers">,
  response: ServerResponse
): Said | undefined => {
  const named = headers["last-event-id"]?.toString() ?? query.last_event_id
  const resumed = named === undefined ? undefined : Number(named)
  if (resumed !== undefined && resumed > log.size) {
    return refusal(416, "offset_beyond_end", `offset ${resumed} is beyond the end of the log`, { size: log.size })
  }
  response.writeHead(200, { ...common, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" })
  log.follow(response, resumed ?? (query.tail === undefined ? 0 : log.tailStart(Number(query.tail))), resumed)
  return undefined
}
