/** Reads run logs: a range of bytes, the last lines, and live for any number of followers. */
import { Context, Effect, Equal, Hash, Layer, RcMap, Stream } from "effect"
import { type LogGone, type LogTruncated, OffsetBeyondEnd } from "../../domain/errors.ts"
import type { RunRecord } from "../../domain/RunRecord.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { Shutdown } from "../Shutdown.ts"
import { type FollowEvent, goneEvent, type LogFeed, shutdownEvent } from "./LogFeed.ts"
import { LineNumbers } from "./LineNumbers.ts"
import { tailStart } from "./logLines.ts"
import { bytesOf } from "./logRange.ts"
import { eventsOf, type LogFeedOptions, openLogFeed } from "./openLogFeed.ts"
import { type LoggedRun, openRunLog, sizeOf } from "./openRunLog.ts"

/** The logs of runs, alive or ended; every offset and size is in bytes of the whole file, header and trailer too. */
export class RunLogFeeds extends Context.Service<
  RunLogFeeds,
  {
    /**
     * How large the log is now.
     *
     * **Errors** `LogGone`: there is none any more.
     */
    readonly size: (run: LoggedRun) => Effect.Effect<number, LogGone>
    /**
     * The bytes from `start` up to, not with, `end`, which the log must have; read as they are taken.
     *
     * **Details** Opens the log when it is run, and closes it however it ends. What the log grows by changes nothing.
     *
     * **Errors**
     * - `LogGone`: there is none any more; no byte was given.
     * - `LogTruncated`: it ends before `end` by now; the bytes before its `offset` were given.
     */
    readonly range: (
      run: LoggedRun,
      range: { readonly start: number; readonly end: number }
    ) => Stream.Stream<Uint8Array, LogGone | LogTruncated>
    /**
     * Where the last `lines` lines of the first `end` bytes begin.
     *
     * **Errors** `LogGone`: there is none any more.
     */
    readonly tailStart: (
      run: LoggedRun,
      tail: { readonly lines: number; readonly end: number }
    ) => Effect.Effect<number, LogGone>
    /**
     * The number, from 1, of the line that `offset` lies in or begins.
     *
     * **Details** The first time it reads all before it; of the runs asked for last it remembers where lines are, so
     * that the next time reads about a mebibyte.
     *
     * **Errors** `LogGone`: there is none any more.
     */
    readonly lineNumberAt: (run: LoggedRun, offset: number) => Effect.Effect<number, LogGone>
    /**
     * The log from an offset on, until its run has ended.
     *
     * **Details** Followers of one run share one open file, one look at it at a time, and each event. One that does
     * not pull costs nothing, and delays nobody. Ends with one `end`, one `gone` where the log was truncated, or
     * one `shutdown` when Looper stops.
     *
     * **Errors**
     * - `LogGone`: there is none any more.
     * - `OffsetBeyondEnd`: the log is shorter than `from`.
     */
    readonly follow: (options: {
      readonly run: RunRecord
      readonly from: number
    }) => Effect.Effect<Stream.Stream<FollowEvent>, LogGone | OffsetBeyondEnd>
    /** What a follower of a Looper that stops gets last; `undefined` as long as it does not. */
    readonly lastWords: () => FollowEvent | undefined
    /** How many follow how many logs, who waits for more of them, and what is kept: pieces, and their cost in bytes. */
    readonly load: () => {
      readonly followers: number
      readonly feeds: number
      readonly waiting: number
      readonly frames: number
      readonly bytes: number
    }
  }
>()("looper/services/runs/RunLogFeeds") {
  /** Over Looper's own records. */
  static readonly layerNoDeps = Layer.effect(
    RunLogFeeds,
    Effect.gen(function* () {
      const records = yield* RunRecords
      const shutdown = yield* Shutdown
      return yield* makeRunLogFeeds({ find: records.find, stopping: shutdown.notice })
    })
  )
}

/** The service over given records; the end of its scope ends all followers. */
export const makeRunLogFeeds = Effect.fnUntraced(function* (options: LogFeedOptions) {
  const { stopping } = options
  const lines = new LineNumbers()
  const open = new Set<LogFeed>()
  let isClosed = false
  let followers = 0
  const feeds = yield* RcMap.make({ lookup: ({ run }: Followed) => openLogFeed(run, { ...options, open }) })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
    })
  )

  /** `undefined` when it was closed meanwhile. */
  const feedOf = (run: RunRecord) => {
    const key = new Followed(run)
    const get = RcMap.get(feeds, key)
    return get.pipe(
      Effect.flatMap((feed) =>
        feed.isLost ? Effect.andThen(RcMap.invalidate(feeds, key), get) : Effect.succeed(feed)
      ),
      // A map that is closed, or closes, interrupts.
      Effect.catchCause((cause) => (isClosed ? Effect.undefined : Effect.failCause(cause)))
    )
  }
  const counted = Effect.acquireRelease(
    Effect.sync(() => followers++),
    () => Effect.sync(() => followers--)
  )
  const lastWords = () => {
    const notice = stopping()
    return notice && shutdownEvent(notice)
  }
  /** Of whoever comes when it is too late. */
  const ending = Stream.suspend(() => Stream.fromIterable([lastWords()].filter((event) => event !== undefined)))
  const follower = (run: RunRecord, from: number): Stream.Stream<FollowEvent> =>
    Effect.andThen(counted, feedOf(run)).pipe(
      Effect.map((feed) => (feed === undefined ? ending : eventsOf(feed, { from, stopping }))),
      Effect.catchTag("LogGone", ({ message }) => Effect.succeed(Stream.succeed(goneEvent(message)))),
      Stream.unwrap
    )

  return RunLogFeeds.of({
    size: (run) => Effect.scoped(Effect.flatMap(openRunLog(run), sizeOf)),
    range: (run, { start, end }) =>
      Stream.unwrap(Effect.map(openRunLog(run), (handle) => bytesOf(handle, { requestId: run.requestId, start, end }))),
    tailStart: (run, tail) => Effect.scoped(Effect.flatMap(openRunLog(run), (handle) => tailStart(handle, tail))),
    lineNumberAt: (run, offset) =>
      Effect.scoped(Effect.flatMap(openRunLog(run), (handle) => lines.numberAt(run.requestId, handle, offset))),
    follow: Effect.fn("RunLogFeeds.follow")(function* ({ run, from }) {
      const size = yield* Effect.scoped(Effect.flatMap(openRunLog(run), sizeOf))
      if (from > size) return yield* new OffsetBeyondEnd({ offset: from, size })
      return follower(run, from)
    }),
    lastWords,
    load: () => {
      const all = [...open]
      const sum = (of: (feed: LogFeed) => number) => all.reduce((total, feed) => total + of(feed), 0)
      return {
        followers,
        feeds: all.length,
        waiting: sum(({ waiting }) => waiting),
        frames: sum(({ frames }) => frames.kept.frames),
        bytes: sum(({ frames }) => frames.kept.bytes)
      }
    }
  })
})

/** A run as a key: its record changes while it is followed. */
class Followed implements Equal.Equal {
  readonly run: RunRecord
  constructor(run: RunRecord) {
    this.run = run
  }
  [Equal.symbol](other: unknown): boolean {
    return other instanceof Followed && other.run.requestId === this.run.requestId
  }
  [Hash.symbol](): number {
    return Hash.string(this.run.requestId)
  }
}
