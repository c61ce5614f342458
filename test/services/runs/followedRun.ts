/** A run with a log of its own, as those see it who read and follow it. */
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import { type DecodedLogEvent, decodeLogEvent } from "../../../src/domain/logEvents.ts"
import type { RunRecord } from "../../../src/domain/RunRecord.ts"
import type { FollowEvent } from "../../../src/services/runs/LogFeed.ts"
import { makeRunLogFeeds } from "../../../src/services/runs/RunLogFeeds.ts"

let runs = 0
/** What a Looper that stops tells its followers. */
export const stopNotice = { deadlineAtMillis: Date.UTC(2026, 1, 13, 10, 11, 12), onShutdown: "leave" } as const

/** The service, and a run whose record and log the test writes. */
export const makeFollowedRun = Effect.fnUntraced(function* (
  options: {
    readonly log?: string | Uint8Array
    readonly record?: Partial<RunRecord>
    readonly heartbeatMillis?: number
    readonly windowBytes?: number
  } = {}
) {
  const { log = "", record, ...feedOptions } = options
  const requestId = (runs += 1).toString(16).padStart(8, "0")
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "run-log-feeds-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const logPath = join(folder, `codex-exec-20260203-040506-${requestId}.log`)
  writeFileSync(logPath, log)
  const run: RunRecord = {
    requestId,
    state: "running",
    cause: undefined,
    returnCode: undefined,
    error: undefined,
    operation: undefined,
    reason: undefined,
    startedAtMillis: 0,
    endedAtMillis: undefined,
    durationMillis: undefined,
    workspace: "/w",
    logPath,
    logBytes: undefined,
    isLogPruned: false,
    identity: undefined,
    ...record
  }
  const state = { run, isStopping: false, lastWords: "" }
  const find = (id: string) =>
    Effect.sync(() => {
      // Its name may be a FIFO's by now.
      if (state.lastWords !== "") appendFileSync(logPath, state.lastWords)
      state.lastWords = ""
      return id === requestId ? state.run : undefined
    })
  const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
  const feeds = yield* Scope.provide(
    makeRunLogFeeds({
      find,
      stopping: () => (state.isStopping ? stopNotice : undefined),
      ...feedOptions
    }),
    scope
  )
  return {
    feeds,
    run,
    logPath,
    write: (bytes: string | Uint8Array) => appendFileSync(logPath, bytes),
    /** Its record says so the next time it is read; `lastWords` stand in the log just before that. */
    end: (lastWords = "", record: Partial<RunRecord> = { state: "failed", returnCode: 7, cause: "exited" }) => {
      state.lastWords = lastWords
      state.run = { ...run, ...record, endedAtMillis: 1 }
    },
    stop: () => {
      state.isStopping = true
    },
    /** Waits until so many followers have got all there is. */
    untilWaiting: (count: number) =>
      Effect.promise(async () => {
        while (feeds.load().waiting !== count) await new Promise(setImmediate)
      }),
    close: Scope.close(scope, Exit.void),
    follow: (from = 0) => Stream.unwrap(feeds.follow({ run, from }))
  }
})

/** Pulls events as fast as they come, and tells what came. */
export const startFollower = Effect.fnUntraced(function* <E>(stream: Stream.Stream<FollowEvent, E>) {
  const events: Array<FollowEvent> = []
  let changed = Deferred.makeUnsafe<void>()
  const take = (event: FollowEvent) =>
    Effect.sync(() => {
      events.push(event)
      Deferred.doneUnsafe(changed, Effect.void)
      changed = Deferred.makeUnsafe()
    })
  const wait = Effect.fnUntraced(function* (isDone: Effect.Effect<boolean>) {
    for (;;) {
      const next = changed
      if (yield* isDone) return
      yield* Deferred.await(next)
    }
  })
  const fiber = yield* Effect.forkScoped(Stream.runForEach(stream, take), { startImmediately: true })
  return {
    events,
    fiber,
    /** Waits for the bytes of so much of the log. */
    until: (hasCome: (bytes: string) => boolean) =>
      wait(Effect.suspend(() => Effect.map(bytesOf(events), (bytes) => hasCome(bytes.toString())))),
    untilKind: (kind: FollowEvent["kind"]) => wait(Effect.sync(() => events.some((event) => event.kind === kind))),
    /** All events, after the last. */
    all: Effect.as(Fiber.join(fiber), events)
  }
})

/** How many descriptors of this process are open on the file. */
export const descriptorsOf = (file: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(file)
    } catch {
      return false
    }
  }).length

/** What a client makes of the events it is sent. */
export const decodeAll = (events: ReadonlyArray<FollowEvent>): Effect.Effect<ReadonlyArray<DecodedLogEvent>> => {
  const parsed: Array<Sse.AnyEvent> = []
  const parser = Sse.makeParser((event) => parsed.push(event))
  for (const { sse } of events) parser.feed(Buffer.from(sse).toString())
  return Effect.orDie(Effect.forEach(parsed, (event) => decodeLogEvent(event as Sse.Event)))
}

/** The bytes that a client gets by these events. */
export const bytesOf = (events: ReadonlyArray<FollowEvent>): Effect.Effect<Buffer> =>
  Effect.map(decodeAll(events), (decoded) =>
    Buffer.concat(decoded.map((event) => (event.kind === "bytes" ? event.bytes : Buffer.alloc(0))))
  )
