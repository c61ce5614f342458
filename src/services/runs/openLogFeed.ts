/** The feed of a followed run, and a follower of it as a stream. */
import { Cause, Effect, type Pull, Stream } from "effect"
import { isEnded, type RunRecord } from "../../domain/RunRecord.ts"
import { monotonicMillis } from "../Shutdown.ts"
import type { ShutdownNotice } from "../../domain/shutdownNotice.ts"
import { type FollowEvent, LogFeed, shutdownEvent } from "./LogFeed.ts"
import { openRunLog, sizeOf } from "./openRunLog.ts"
import { givable, watchLog } from "./watchLog.ts"

/** What all feeds have in common. */
export interface LogFeedOptions {
  /** The run's record as it is now. */
  readonly find: (requestId: string) => Effect.Effect<RunRecord | undefined>
  /** Once Looper is stopping: followers end with it. */
  readonly stopping: () => ShutdownNotice | undefined
  /** A follower that gets nothing for so long gets a comment. */
  readonly heartbeatMillis?: number
  /** How much of a followed log is kept, encoded, of its end for all followers, and as much for laggards. */
  readonly windowBytes?: number
}

/** The feed of one run, looked after until the scope closes. */
export const openLogFeed = Effect.fnUntraced(function* (
  run: RunRecord,
  options: LogFeedOptions & { readonly open: Set<LogFeed> }
) {
  const { find, stopping, open, heartbeatMillis = 15_000, windowBytes = 1024 * 1024 } = options
  const handle = yield* openRunLog(run)
  const head = yield* Effect.flatMap(sizeOf(handle), (size) => givable(handle, size))
  const feed = new LogFeed(handle, { head, windowBytes, nowMillis: yield* monotonicMillis })
  yield* Effect.acquireRelease(
    Effect.sync(() => open.add(feed)),
    () =>
      Effect.sync(() => {
        open.delete(feed)
        feed.close()
      })
  )
  const ended = isEnded(run)
    ? Effect.succeed(run)
    : Effect.map(find(run.requestId), (record) => (record !== undefined && isEnded(record) ? record : undefined))
  yield* watchLog({ handle, feed, ended, isStopping: () => stopping() !== undefined, heartbeatMillis }).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        Effect.logError("run.log.follow.fail", Cause.die(defect)),
        Effect.sync(() => feed.lose("the log cannot be read"))
      )
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return feed
})

/** A follower: pulls one event at a time; a follower is its offset. */
export const eventsOf = (
  feed: LogFeed,
  { from, stopping }: { readonly from: number; readonly stopping: LogFeedOptions["stopping"] }
): Stream.Stream<FollowEvent> => {
  let offset: number | undefined = from
  const pull: Pull.Pull<readonly [FollowEvent]> = Effect.suspend(() => {
    if (offset === undefined) return Cause.done()
    return stopping() === undefined ? Effect.flatMap(feed.next(offset), taken) : taken(undefined)
  })
  const taken = (given: FollowEvent | undefined): Pull.Pull<readonly [FollowEvent]> => {
    const notice = given === undefined ? stopping() : undefined
    const event = notice === undefined ? given : shutdownEvent(notice)
    if (event === undefined) return Cause.done()
    if (event.kind === "chunk") offset = event.end
    else if (event.kind !== "heartbeat") offset = undefined
    return Effect.succeed([event] as const)
  }
  return Stream.fromPull(Effect.succeed(pull))
}
