/** Following a run's log: every byte once, from any offset, to the run's end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync, symlinkSync, truncateSync } from "node:fs"
import { OffsetBeyondEnd } from "../../../src/domain/errors.ts"
import type { RunRecord } from "../../../src/domain/RunRecord.ts"
import { runLogTrailer } from "../../../src/domain/runLog.ts"
import { bytesOf, decodeAll, descriptorsOf, makeFollowedRun, startFollower } from "./followedRun.ts"

/** Everything that can be cut: code points, CRLF, bytes that are none, a trailer. */
const mixed = Buffer.concat([
  Buffer.from("# header\n\nö€😀\r\n"),
  Buffer.from([0xff, 0xe2, 0x82, 0x0a, 0x80]),
  Buffer.from(`last line\ufeff${runLogTrailer(7)}`)
])
const failed = { state: "failed", return_code: 7, cause: "exited" } as const

describe("a follower", () => {
  it.live("gets what is there, what is written, and at the end how the run ended", () =>
    Effect.gen(function* () {
      const { run, feeds, write, end, logPath } = yield* makeFollowedRun({ log: "# header\n\n" })
      const follower = yield* startFollower(yield* feeds.follow({ run, from: 0 }))
      yield* follower.until((bytes) => bytes === "# header\n\n")
      write("one\n")
      yield* follower.until((bytes) => bytes.endsWith("one\n"))
      write("two")
      yield* follower.until((bytes) => bytes.endsWith("two"))
      end(runLogTrailer(7))
      const events = yield* follower.all
      const log = readFileSync(logPath)
      assert.isTrue((yield* bytesOf(events)).equals(log))
      assert.deepStrictEqual((yield* decodeAll(events)).at(-1), { kind: "end", end: failed, offset: log.length })
    })
  )

  it.live("gets the trailer that was written just before the run's end was recorded", () =>
    Effect.gen(function* () {
      for (let times = 0; times < 20; times++) {
        const { follow, end } = yield* makeFollowedRun({ log: "one" })
        const follower = yield* startFollower(follow())
        yield* follower.until((bytes) => bytes === "one")
        end(runLogTrailer(7))
        assert.strictEqual(`${yield* bytesOf(yield* follower.all)}`, `one${runLogTrailer(7)}`)
      }
    })
  )

  it.live("of an ended run gets its log, the last line unterminated or not, and the end", () =>
    Effect.gen(function* () {
      const record = { state: "stopped", cause: "request", endedAtMillis: 1 } as const
      for (const log of ["", "one", "one\n", "x".repeat(300_000), mixed]) {
        const { follow } = yield* makeFollowedRun({ log, record })
        const events = yield* Stream.runCollect(follow())
        assert.isTrue((yield* bytesOf(events)).equals(Buffer.from(log)))
        const end = { state: "stopped", return_code: null, cause: "request" } as const
        assert.deepStrictEqual((yield* decodeAll(events)).at(-1), { kind: "end", end, offset: Buffer.from(log).length })
      }
    })
  )

  it.live("of an ended run needs no other record than the one it has", () =>
    Effect.gen(function* () {
      const { feeds, run } = yield* makeFollowedRun({ log: "one" })
      const ended = { ...run, requestId: "ffffffff", state: "interrupted", cause: "interrupted" } as const
      const events = yield* feeds.follow({ run: { ...ended, endedAtMillis: 1 }, from: 0 })
      assert.deepStrictEqual(
        (yield* Stream.runCollect(events)).map(({ kind }) => kind),
        ["chunk", "end"]
      )
    })
  )

  it.live("resumes at any offset, in a code point or between CR and LF too, without gap or repeat", () =>
    Effect.gen(function* () {
      const ended = yield* makeFollowedRun({ log: mixed, record: { endedAtMillis: 1 } })
      const live = yield* makeFollowedRun({ log: mixed })
      const followers = []
      for (let from = 0; from <= mixed.length; from++) {
        const rest = yield* bytesOf(yield* Stream.runCollect(ended.follow(from)))
        assert.isTrue(rest.equals(mixed.subarray(from)), `${from}`)
        followers.push(yield* startFollower(live.follow(from)))
      }
      live.write("more")
      live.end()
      for (const [from, follower] of followers.entries()) {
        const expected = Buffer.concat([mixed.subarray(from), Buffer.from("more")])
        assert.isTrue((yield* bytesOf(yield* follower.all)).equals(expected), `live ${from}`)
      }
    })
  )

  it.live("may resume at the offset of any event", () =>
    Effect.gen(function* () {
      const log = Buffer.from("ö€😀\r\n".repeat(40_000))
      const { follow } = yield* makeFollowedRun({ log, record: { endedAtMillis: 1 } })
      for (const event of yield* Stream.runCollect(follow())) {
        if (event.kind !== "chunk") continue
        assert.isTrue(Buffer.from(event.bytes).equals(log.subarray(event.start, event.end)))
        assert.include(Buffer.from(event.sse).toString(), '"text"')
        const rest = yield* bytesOf(yield* Stream.runCollect(follow(event.end)))
        assert.isTrue(rest.equals(log.subarray(event.end)), `${event.end}`)
      }
    })
  )

  it.live("gets a code point that was written in parts whole, and as bytes only when it stays cut", () =>
    Effect.gen(function* () {
      const { follow, write, end } = yield* makeFollowedRun({ log: Buffer.from([0x61, 0xf0]) })
      const follower = yield* startFollower(follow())
      yield* follower.until((bytes) => bytes === "a")
      for (const byte of [0x9f, 0x98]) write(Buffer.from([byte]))
      const late = yield* startFollower(follow(2))
      write(Buffer.from([0x80, 0x62, 0xe2]))
      yield* follower.until((bytes) => bytes === "a😀b")
      write(Buffer.from([0x82]))
      end()
      const events = yield* follower.all
      assert.deepStrictEqual(
        events.map(({ sse }) => Buffer.from(sse).toString().split("\n").at(-3)),
        ['data: {"text":"a"}', 'data: {"text":"😀b"}', 'data: {"base64":"4oI="}', `data: ${JSON.stringify(failed)}`]
      )
      const all = Buffer.concat([Buffer.from("a😀b"), Buffer.from([0xe2, 0x82])])
      assert.isTrue((yield* bytesOf(yield* late.all)).equals(all.subarray(2)))
    })
  )

  it.live("that asks for more than there is is refused", () =>
    Effect.gen(function* () {
      const { feeds, run } = yield* makeFollowedRun({ log: "one" })
      assert.deepStrictEqual(
        yield* Effect.flip(feeds.follow({ run, from: 4 })),
        new OffsetBeyondEnd({ offset: 4, size: 3 })
      )
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(feeds.follow({ run, from: 3 }))))
    })
  )

  it.live("gets a comment while nothing is written, and goes on", () =>
    Effect.gen(function* () {
      const { follow, write, end } = yield* makeFollowedRun({ log: "one", heartbeatMillis: 1 })
      const follower = yield* startFollower(follow())
      yield* follower.untilKind("heartbeat")
      write("two")
      end()
      assert.strictEqual(`${yield* bytesOf(yield* follower.all)}`, "onetwo")
    })
  )
})

describe("a followed log", () => {
  it.live("that is truncated ends its followers with a reason; one that comes then gets the new log", () =>
    Effect.gen(function* () {
      const { follow, write, end, logPath } = yield* makeFollowedRun({ log: "one\ntwo\n" })
      const held = yield* Stream.toPull(follow())
      yield* held
      const follower = yield* startFollower(follow())
      yield* follower.until((bytes) => bytes === "one\ntwo\n")
      truncateSync(logPath, 4)
      const reason = "the log was truncated"
      assert.deepStrictEqual((yield* decodeAll(yield* follower.all)).at(-1), { kind: "gone", reason })
      const other = yield* startFollower(follow())
      write("new\n")
      end()
      assert.strictEqual(`${yield* bytesOf(yield* other.all)}`, "one\nnew\n")
      assert.strictEqual((yield* held)[0].kind, "gone")
    })
  )

  it.live("of an ended run that is truncated while somebody reads it ends so too", () =>
    Effect.gen(function* () {
      const { follow, logPath } = yield* makeFollowedRun({ log: "x".repeat(300_000), record: { endedAtMillis: 1 } })
      const cut = Stream.tap(follow(), () => Effect.sync(() => truncateSync(logPath, 100_000)))
      const events = yield* decodeAll(yield* Stream.runCollect(cut))
      assert.deepStrictEqual(
        events.map(({ kind }) => kind),
        ["bytes", "gone"]
      )
    })
  )

  it.live("is followed to its end though its name goes, or becomes a FIFO's or another file's", () =>
    Effect.gen(function* () {
      const secret = yield* makeFollowedRun({ log: "secret" })
      const replacements: ReadonlyArray<(path: string) => void> = [
        () => undefined,
        (path) => execFileSync("mkfifo", [path]),
        (path) => symlinkSync(secret.logPath, path)
      ]
      for (const replace of replacements) {
        const { follow, end, logPath } = yield* makeFollowedRun({ log: "one\n" })
        const follower = yield* startFollower(follow())
        yield* follower.until((bytes) => bytes === "one\n")
        rmSync(logPath)
        replace(logPath)
        end()
        const events = yield* decodeAll(yield* follower.all)
        assert.deepStrictEqual(events.at(-1), { kind: "end", end: failed, offset: 4 })
      }
    })
  )

  it.live("that goes between the question and the first event is told as gone", () =>
    Effect.gen(function* () {
      const { feeds, run, logPath } = yield* makeFollowedRun({ log: "one" })
      const events = yield* feeds.follow({ run, from: 0 })
      rmSync(logPath)
      const [last] = yield* Stream.runCollect(events)
      assert.strictEqual(last?.kind, "gone")
    })
  )

  it.live("is closed when its last follower has left, however it left", () =>
    Effect.gen(function* () {
      const { follow, feeds, logPath, untilWaiting } = yield* makeFollowedRun({ log: "x".repeat(200_000) })
      const first = yield* startFollower(follow())
      const second = yield* startFollower(follow())
      yield* untilWaiting(2)
      assert.strictEqual(descriptorsOf(logPath), 1)
      yield* Fiber.interrupt(first.fiber)
      assert.strictEqual(feeds.load().waiting, 1)
      assert.strictEqual(descriptorsOf(logPath), 1)
      yield* Fiber.interrupt(second.fiber)
      assert.strictEqual(descriptorsOf(logPath), 0)
      yield* Stream.runDrain(Stream.take(follow(), 1))
      assert.strictEqual(descriptorsOf(logPath), 0)
      assert.deepStrictEqual(feeds.load(), { followers: 0, feeds: 0, waiting: 0, frames: 0, bytes: 0 })
    })
  )
})

describe("followers of a Looper that stops", () => {
  it.live("are told so, until when and what becomes of the run, as soon as it begins to", () =>
    Effect.gen(function* () {
      const { follow, stop, logPath, untilWaiting } = yield* makeFollowedRun({ log: "one" })
      const follower = yield* startFollower(follow())
      yield* untilWaiting(1)
      stop()
      assert.deepStrictEqual(
        (yield* follower.all).map(({ kind }) => kind),
        ["chunk", "shutdown"]
      )
      const told = { kind: "shutdown", deadline_at: "2026-02-13T10:11:12.000Z", on_shutdown: "leave" } as const
      assert.deepStrictEqual((yield* decodeAll(follower.events)).at(-1), told)
      const late = yield* Stream.runCollect(follow())
      assert.deepStrictEqual(yield* decodeAll(late), [told])
      assert.strictEqual(descriptorsOf(logPath), 0)
    })
  )

  it.live("are told so also where they still read an ended run's log", () =>
    Effect.gen(function* () {
      const { follow, stop } = yield* makeFollowedRun({ log: "x".repeat(200_000), record: { endedAtMillis: 1 } })
      const events = yield* Stream.runCollect(Stream.tap(follow(), () => Effect.sync(stop)))
      assert.deepStrictEqual(
        events.map(({ kind }) => kind),
        ["chunk", "shutdown"]
      )
    })
  )

  it.live("are told nothing behind an end that they were told", () =>
    Effect.gen(function* () {
      const { follow, stop } = yield* makeFollowedRun({ log: "x", record: { endedAtMillis: 1 } })
      const events = yield* Stream.runCollect(
        Stream.tap(follow(), ({ kind }) => (kind === "end" ? Effect.sync(stop) : Effect.void))
      )
      assert.deepStrictEqual(
        events.map(({ kind }) => kind),
        ["chunk", "end"]
      )
    })
  )

  it.live("end without a last event when its layer does, those who read an ended run's log too", () =>
    Effect.gen(function* () {
      for (const record of [{}, { endedAtMillis: 1 }] as ReadonlyArray<Partial<RunRecord>>) {
        const made = yield* makeFollowedRun({ log: "x".repeat(200_000), record })
        const { follow, close, logPath } = made
        const waiting = yield* startFollower(follow(200_000))
        if (record.endedAtMillis === undefined) yield* made.untilWaiting(1)
        const lagging = yield* Stream.toPull(follow())
        yield* lagging
        yield* close
        assert.isTrue((yield* waiting.all).every(({ kind }) => kind === "end"))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(lagging)))
        assert.deepStrictEqual(yield* Stream.runCollect(follow()), [])
        assert.strictEqual(descriptorsOf(logPath), 0)
      }
    })
  )
})
