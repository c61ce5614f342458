/** Looks at a followed log again and again until its run has ended. */
import type { FileHandle } from "node:fs/promises"
import { Effect } from "effect"
import { cutCodePointBytes } from "../../domain/logEvents.ts"
import type { RunRecord } from "../../domain/RunRecord.ts"
import { monotonicMillis } from "../Shutdown.ts"
import type { LogFeed } from "./LogFeed.ts"
import { readBetween, sizeOf } from "./openRunLog.ts"

const shortestPauseMillis = 5
const longestPauseMillis = 100
/** Many followers get fewer, larger pieces: each piece costs each of them about the same, whatever its size. */
const longestPaceMillis = 50
const followersPerPaceMilli = 10

/** What a look needs besides the feed. */
export interface Watched {
  readonly handle: FileHandle
  readonly feed: LogFeed
  /** The run's record, once it has ended. */
  readonly ended: Effect.Effect<RunRecord | undefined>
  /** Looper is stopping. */
  readonly isStopping: () => boolean
  readonly heartbeatMillis: number
}

/** How much of `size` bytes can be given: a code point that is cut at the end waits for its other bytes. */
export const givable = (handle: FileHandle, size: number): Effect.Effect<number> =>
  Effect.map(
    Effect.promise(() => readBetween(handle, Math.max(0, size - 3), size)),
    (last) => size - cutCodePointBytes(last)
  )

/**
 * Publishes what the log grows by; succeeds when the feed is over.
 *
 * **Details** The record is read before the size: what an ended run wrote, its trailer too, is there then.
 */
export const watchLog = Effect.fnUntraced(function* (watched: Watched) {
  const { handle, feed, ended, isStopping, heartbeatMillis } = watched
  let size = 0
  let pauseMillis = shortestPauseMillis
  while (!feed.isOver) {
    if (isStopping()) return feed.close()
    const record = yield* ended
    const sizeNow = yield* sizeOf(handle)
    if (sizeNow < size) return feed.lose("the log was truncated")
    const hasGrown = sizeNow > size
    size = sizeNow
    if (record !== undefined) {
      yield* feed.publish(size)
      return feed.end(endOf(record))
    }
    if (hasGrown) yield* feed.publish(yield* givable(handle, size))
    feed.beat(yield* monotonicMillis, heartbeatMillis)
    const paceMillis = Math.min(shortestPauseMillis + feed.waiting / followersPerPaceMilli, longestPaceMillis)
    pauseMillis = hasGrown ? paceMillis : Math.min(pauseMillis * 2, longestPauseMillis)
    yield* Effect.sleep(pauseMillis)
  }
  return undefined
})

const endOf = ({ state, returnCode, cause }: RunRecord) => ({
  state,
  return_code: returnCode ?? null,
  cause: cause ?? null
})
