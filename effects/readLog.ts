/** Operation: read a run's log, all of it or a part, or follow it while it grows. */
import { Effect, Stream } from "effect"
import { type ByteRange, byteRange } from "../src/domain/byteRange.ts"
import { type HistoryUnavailable, type LogGone, OffsetBeyondEnd, type RunNotFound } from "../src/domain/errors.ts"
import type { LogTruncated } from "../src/domain/errors.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import type { FollowEvent } from "../src/services/runs/LogFeed.ts"
import { RunLogFeeds } from "../src/services/runs/RunLogFeeds.ts"

/** Every way the start of a reading can fail; nothing was read. */
export type ReadLogError = HistoryUnavailable | LogGone | OffsetBeyondEnd | RunNotFound

/** A part of a log whose length is known; the stream fails where somebody truncates the log under it. */
export interface LogPart extends ByteRange {
  /** Of the whole log, now. */
  readonly size: number
  /** Only a part was asked for. */
  readonly isRange: boolean
  /** Where it was asked for: the number, from 1, of the line in which the first byte lies. */
  readonly firstLine: number | undefined
  readonly bytes: Stream.Stream<Uint8Array, LogGone | LogTruncated>
}

/**
 * The bytes of a run's log: all of them, those of a `Range`, or its last lines.
 *
 * **Errors** `RunNotFound`, `LogGone`, `HistoryUnavailable`; `OffsetBeyondEnd`: the range begins behind the end.
 */
export const readLog = Effect.fn("readLog")(function* (options: {
  readonly id: string
  /** As the header field has it. */
  readonly range?: string | undefined
  /** Lines at the end. */
  readonly tail?: number | undefined
  readonly isNumbered?: boolean | undefined
}): Effect.fn.Return<LogPart, ReadLogError, RunLogFeeds | RunRecords> {
  const feeds = yield* RunLogFeeds
  const run = yield* (yield* RunRecords).get(options.id)
  const size = yield* feeds.size(run)
  const partOf = Effect.fnUntraced(function* (part: ByteRange, isRange: boolean) {
    const firstLine = options.isNumbered === true ? yield* feeds.lineNumberAt(run, part.start) : undefined
    return { ...part, size, isRange, firstLine, bytes: feeds.range(run, part) }
  })
  if (options.tail !== undefined) {
    const start = yield* feeds.tailStart(run, { lines: options.tail, end: size })
    return yield* partOf({ start, end: size }, false)
  }
  const range = byteRange(options.range, size)
  if (range === "beyondEnd") {
    return yield* new OffsetBeyondEnd({ offset: undefined, size })
  }
  return yield* partOf(range ?? { start: 0, end: size }, range !== undefined)
})

/**
 * A run's log from an offset, or from its last lines on, as events, until the run has ended.
 *
 * **Errors** `RunNotFound`, `LogGone`, `HistoryUnavailable`; `OffsetBeyondEnd`: the log is shorter than `from`.
 */
export const followLog = Effect.fn("followLog")(function* (options: {
  readonly id: string
  /** Counts before `tail`. */
  readonly from?: number | undefined
  readonly tail?: number | undefined
}): Effect.fn.Return<Stream.Stream<FollowEvent>, ReadLogError, RunLogFeeds | RunRecords> {
  const feeds = yield* RunLogFeeds
  const run = yield* (yield* RunRecords).get(options.id)
  if (options.from !== undefined || options.tail === undefined) {
    return yield* feeds.follow({ run, from: options.from ?? 0 })
  }
  const size = yield* feeds.size(run)
  return yield* feeds.follow({ run, from: yield* feeds.tailStart(run, { lines: options.tail, end: size }) })
})
