/** Many followers of one run: each gets every byte, and they share what it costs. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"
import type { FollowEvent } from "../../../src/services/runs/LogFeed.ts"
import { bytesOf, descriptorsOf, makeFollowedRun, startFollower } from "./followedRun.ts"

const followers = 500
const windowBytes = 256 * 1024
/** The newest pieces, and those of laggards. */
const keptBound = 2 * windowBytes

/** Text, code points of every length, and now and then bytes that are none. */
const piece = (index: number): Buffer => {
  const line = `${index} ${"ö€😀 some output\r\n".repeat(1 + ((index * 7_919) % 1_500))}`
  return index % 5 === 0 ? Buffer.concat([Buffer.from(line), Buffer.from([0xff, 0xe2])]) : Buffer.from(line)
}

/** Appends megabytes in pieces of up to 40 KiB. */
const writePieces = (write: (bytes: Uint8Array) => void, count: number) =>
  Effect.promise(async () => {
    for (let index = 0; index < count; index++) {
      write(piece(index))
      await setTimeout(1)
    }
  })

/** Hashes what a client decodes; each event, which all followers share, is decoded once. */
const makeHashes = () => {
  const decoded = new WeakMap<FollowEvent, Buffer>()
  const decode = (event: FollowEvent) => {
    const known = decoded.get(event)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(bytesOf([event]), (bytes) => Effect.sync(() => decoded.set(event, bytes)))
  }
  return Effect.fnUntraced(function* <E>(events: Stream.Stream<FollowEvent, E>) {
    const hash = createHash("sha256")
    let last: FollowEvent | undefined
    const take = (event: FollowEvent) =>
      Effect.map(decode(event), (bytes) => {
        hash.update(bytes)
        last = event
      })
    yield* Stream.runForEach(events, take)
    return { sha256: hash.digest("hex"), last: last?.kind }
  })
}

describe("500 followers of a run", () => {
  it.live("each get every byte of what is written at megabytes a second, by one descriptor", () =>
    Effect.gen(function* () {
      const { follow, write, end, logPath, feeds } = yield* makeFollowedRun({ log: "# header\n\n" })
      const hashOf = makeHashes()
      const fibers = yield* Effect.forEach(Array.from({ length: followers }), () =>
        Effect.forkScoped(hashOf(follow()), { startImmediately: true })
      )
      yield* writePieces(write, 60)
      assert.strictEqual(descriptorsOf(logPath), 1)
      assert.strictEqual(feeds.load().feeds, 1)
      yield* writePieces(write, 60)
      end()
      const log = readFileSync(logPath)
      assert.isAbove(log.length, 2_000_000)
      const sha256 = createHash("sha256").update(log).digest("hex")
      for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), { sha256, last: "end" })
      assert.strictEqual(descriptorsOf(logPath), 0)
    })
  )

  it.live("get a piece a few at a time: what else waits has its turns in between", () =>
    Effect.gen(function* () {
      const { follow, write, end, untilWaiting } = yield* makeFollowedRun({ log: "# header\n\n" })
      let isOver = false
      let turn = 0
      const turns = new Map<number, number>()
      const count = (event: FollowEvent) =>
        Effect.sync(() => {
          if (event.kind === "chunk" && event.start > 0) turns.set(turn, (turns.get(turn) ?? 0) + 1)
        })
      const fibers = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.forkScoped(Stream.runForEach(follow(), count), { startImmediately: true })
      )
      yield* untilWaiting(100)
      const next = () => {
        turn += 1
        if (!isOver) setImmediate(next)
      }
      next()
      write("one piece\n")
      end()
      yield* Effect.forEach(fibers, Fiber.join)
      isOver = true
      assert.strictEqual(
        [...turns.values()].reduce((sum, events) => sum + events),
        100
      )
      assert.isAtMost(Math.max(...turns.values()), 10)
    })
  )

  it.live("get the same event where they stand at the same offset", () =>
    Effect.gen(function* () {
      const { follow, write, end } = yield* makeFollowedRun({ log: "# header\n\n" })
      const first = yield* startFollower(follow())
      const second = yield* startFollower(follow())
      yield* first.until((bytes) => bytes.endsWith("\n\n"))
      yield* second.until((bytes) => bytes.endsWith("\n\n"))
      write("x".repeat(100_000))
      yield* first.until((bytes) => bytes.endsWith("x"))
      end()
      const [events, others] = [yield* first.all, yield* second.all]
      assert.isAbove(events.length, 2)
      assert.isTrue(events.every((event, index) => event === others[index]))
    })
  )

  it.live("of which 200 never read delay nobody, and nothing is kept for them", () =>
    Effect.gen(function* () {
      const { follow, write, end, feeds, logPath } = yield* makeFollowedRun({ log: "# header\n\n", windowBytes })
      const pulls = yield* Effect.forEach(Array.from({ length: 200 }), () => Stream.toPull(follow()))
      // Half of them began to.
      for (const pull of pulls.slice(100)) yield* pull
      const reader = yield* Effect.forkScoped(makeHashes()(follow()), { startImmediately: true })
      let mostKept = 0
      for (let round = 0; round < 10; round++) {
        yield* writePieces(write, 10)
        mostKept = Math.max(mostKept, feeds.load().bytes)
      }
      end()
      const sha256 = createHash("sha256").update(readFileSync(logPath)).digest("hex")
      assert.deepStrictEqual(yield* Fiber.join(reader), { sha256, last: "end" })
      assert.isAtMost(mostKept, keptBound)
      assert.strictEqual(descriptorsOf(logPath), 1)
    })
  )

  it.live("that lag behind what is kept read the log itself, and join the others again", () =>
    Effect.gen(function* () {
      const { follow, write, end, logPath } = yield* makeFollowedRun({ log: "# header\n\n" })
      const late = yield* Effect.forEach(Array.from({ length: 3 }), () => Stream.toPull(follow()))
      for (const pull of late) yield* pull
      const reader = yield* startFollower(follow())
      yield* writePieces(write, 120)
      end()
      const shared = new Set(yield* reader.all)
      const log = readFileSync(logPath)
      for (const pull of late) {
        const events: Array<FollowEvent> = []
        const rest = Stream.fromPull(Effect.succeed(pull))
        yield* Stream.runForEach(rest, (event) => Effect.sync(() => events.push(event)))
        assert.isTrue((yield* bytesOf(events)).equals(log.subarray(10)))
        const chunks = events.filter(({ kind }) => kind === "chunk")
        assert.isTrue(shared.has(events.at(-1) as FollowEvent))
        assert.isTrue(shared.has(chunks.at(-1) as FollowEvent))
        assert.isFalse(shared.has(chunks[0] as FollowEvent))
      }
    })
  )
})
