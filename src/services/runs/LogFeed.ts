/** One followed log: what of it may be given, and who waits for more. */
import type { FileHandle } from "node:fs/promises"
import { Effect } from "effect"
import {
  encodedHeartbeat,
  encodeLogEnd,
  encodeLogGone,
  encodeLogShutdown,
  type LogEnd
} from "../../domain/logEvents.ts"
import type { ShutdownNotice } from "../../domain/shutdownNotice.ts"
import { type LogFrame, LogFrames } from "./LogFrames.ts"

/** What a follower gets; `sse` is the event in the form in which it is sent. */
export type FollowEvent =
  | LogFrame
  /** Every byte of the run's log was given; nothing follows. */
  | { readonly kind: "end"; readonly offset: number; readonly end: LogEnd; readonly sse: Uint8Array }
  /** The rest cannot be given; nothing follows. */
  | { readonly kind: "gone"; readonly reason: string; readonly sse: Uint8Array }
  /** Looper stops: the next one goes on at the offset where this one broke off. */
  | { readonly kind: "shutdown"; readonly notice: ShutdownNotice; readonly sse: Uint8Array }
  | { readonly kind: "heartbeat"; readonly sse: Uint8Array }

interface Waiter {
  readonly offset: number
  readonly sinceMillis: number
  readonly resume: (next: Effect.Effect<FollowEvent | undefined>) => void
}

const heartbeat: FollowEvent = { kind: "heartbeat", sse: encodedHeartbeat }

/** The last event of a log that cannot be followed any more. */
export const goneEvent = (reason: string): FollowEvent => ({ kind: "gone", reason, sse: encodeLogGone(reason) })

/** The last event of a connection to a Looper that stops. */
export const shutdownEvent = (notice: ShutdownNotice): FollowEvent => ({
  kind: "shutdown",
  notice,
  sse: encodeLogShutdown(notice)
})

const truncated = "the log was truncated"

/** Sending a piece to so many takes less than a millisecond. */
const wokenAtOnce = 8

/** The state that all followers of a log share; of a follower it knows nothing but that it waits, and at which offset. */
export class LogFeed {
  readonly frames: LogFrames
  private waiters = new Set<Waiter>()
  private head: number
  private nowMillis: number
  /** The event that ends all followers; without one the feed was closed. */
  private last: { readonly event: FollowEvent | undefined } | undefined

  constructor(
    handle: FileHandle,
    options: { readonly head: number; readonly windowBytes: number; readonly nowMillis: number }
  ) {
    this.frames = new LogFrames(handle, options.windowBytes)
    this.head = options.head
    this.nowMillis = options.nowMillis
  }

  get waiting(): number {
    return this.waiters.size
  }

  get isOver(): boolean {
    return this.last !== undefined
  }

  get isLost(): boolean {
    return this.last?.event?.kind === "gone"
  }

  /** Waits for the event at `offset`; `undefined` when there will be none because the feed was closed. */
  next(offset: number): Effect.Effect<FollowEvent | undefined> {
    return Effect.suspend(() => {
      const event = this.last?.event
      if (this.last !== undefined && event?.kind !== "end") return Effect.succeed(event)
      if (offset < this.head) return this.frameAt(offset, this.head)
      if (event?.kind === "end") return Effect.succeed(offset === this.head ? event : goneEvent(truncated))
      return this.wait(offset)
    })
  }

  /**
   * Gives what lies before `head`; its event is read before those who wait for it are woken.
   *
   * **Details** They are woken a few at a time: what else Looper does has its turns in between.
   */
  publish(head: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (head <= this.head) return
      if (this.waiters.size > 0) yield* this.frameAt(this.head, head)
      this.head = head
      while (this.wakeSome()) yield* Effect.yieldNow
    })
  }

  /** Every byte was published, and the run has ended so. */
  end(end: LogEnd): void {
    if (this.isOver) return
    this.finish({ kind: "end", offset: this.head, end, sse: encodeLogEnd(end, this.head) })
  }

  /** The log, also that of an ended run, cannot be given any more. */
  lose(reason: string): void {
    if (this.last === undefined || this.last.event?.kind === "end") this.finish(goneEvent(reason))
  }

  /** Ends all followers without an event of the run: they may follow again elsewhere. */
  close(): void {
    this.finish(undefined)
  }

  /** Gives a heartbeat to those who have waited since `intervalMillis`. */
  beat(nowMillis: number, intervalMillis: number): void {
    this.nowMillis = nowMillis
    // Who has waited longest stands first.
    for (const waiter of this.waiters) {
      if (nowMillis - waiter.sinceMillis < intervalMillis) break
      this.waiters.delete(waiter)
      waiter.resume(Effect.succeed(heartbeat))
    }
  }

  private frameAt(offset: number, head: number): Effect.Effect<FollowEvent | undefined> {
    const frame = this.frames.at(offset, head)
    if (!(frame instanceof Promise)) return Effect.succeed(frame)
    return Effect.tryPromise(() => frame).pipe(
      Effect.map((read) => read ?? this.lost(truncated)),
      Effect.catch(({ cause }) => Effect.sync(() => this.lost((cause as Error).message)))
    )
  }

  private lost(reason: string): FollowEvent | undefined {
    this.lose(reason)
    return this.last?.event
  }

  private finish(event: FollowEvent | undefined): void {
    this.last = { event }
    this.wakeAll()
  }

  /** Wakes some of those for whom there is more; whether there may be others. */
  private wakeSome(): boolean {
    let left = wokenAtOnce
    for (const waiter of this.waiters) {
      if (waiter.offset >= this.head) continue
      this.waiters.delete(waiter)
      waiter.resume(this.next(waiter.offset))
      if (--left === 0) return true
    }
    return false
  }

  private wakeAll(): void {
    const woken = this.waiters
    // Who waits again at once waits for the next time.
    this.waiters = new Set()
    for (const { offset, resume } of woken) resume(this.next(offset))
  }

  private wait(offset: number): Effect.Effect<FollowEvent | undefined> {
    return Effect.callback((resume) => {
      const waiter: Waiter = { offset, sinceMillis: this.nowMillis, resume }
      this.waiters.add(waiter)
      return Effect.sync(() => void this.waiters.delete(waiter))
    })
  }
}
