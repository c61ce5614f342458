/** Searches a whole log, away from the page, by reading it piece by piece. */
import { type FindReport, type FindRequest, maxMatches } from "./findMessages.ts"
import { LineDecoder, type LogLine } from "./LineDecoder.ts"
import { matcherOf } from "./matches.ts"

const pieceBytes = 1024 * 1024

const report = (message: FindReport): void => {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has none
  globalThis.postMessage(message)
}

const search = async ({ url, token, query, end }: FindRequest): Promise<void> => {
  const matches = matcherOf(query)
  const decoder = new LineDecoder(0, undefined)
  let told = 0
  const tell = (lines: ReadonlyArray<LogLine>, scannedTo: number) => {
    const found: Array<number> = []
    let count = 0
    for (const { start, text } of lines) {
      for (const column of matches(text)) {
        count += 1
        if (told < maxMatches) {
          found.push(start, column)
          told += 1
        }
      }
    }
    report({ kind: "found", matches: Float64Array.from(found), count, scannedTo })
  }
  while (decoder.offset < end) {
    const first = decoder.offset
    const headers = new Headers({ Range: `bytes=${first}-${Math.min(end, first + pieceBytes) - 1}` })
    if (token !== undefined) headers.set("Authorization", `Bearer ${token}`)
    const response = await fetch(url, { headers, cache: "no-store", redirect: "error" })
    if (response.status !== 206) return report({ kind: "failed", status: response.status })
    const lines = decoder.push(new Uint8Array(await response.arrayBuffer()))
    const last = decoder.offset >= end ? decoder.finish() : undefined
    if (last !== undefined) lines.push(last)
    tell(lines, decoder.offset)
  }
}

globalThis.addEventListener("message", ({ data }: MessageEvent<FindRequest>) => {
  search(data).catch(() => report({ kind: "failed", status: 0 }))
})
