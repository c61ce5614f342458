/** Reading a run's log: ranges, last lines, line numbers, and what is no log. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { LogGone } from "../../../src/domain/errors.ts"
import { descriptorsOf, makeFollowedRun } from "./followedRun.ts"

const collect = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(stream), (parts) => Buffer.concat(parts))

/** Bytes that this process has read so far. */
const bytesRead = () => Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1])

describe("a range of a run's log", () => {
  it.live("is exact, in parts of 64 KiB at most, and closes the log", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251))
      const { feeds, run, logPath } = yield* makeFollowedRun({ log: bytes })
      assert.strictEqual(yield* feeds.size(run), bytes.length)
      for (const [start, end] of [
        [0, bytes.length],
        [1, 65_537],
        [65_536, 65_536],
        [199_999, 200_000]
      ] as const) {
        const parts = yield* Stream.runCollect(feeds.range(run, { start, end }))
        assert.isTrue(Buffer.concat(parts).equals(bytes.subarray(start, end)), `${start}-${end}`)
        assert.isTrue(parts.every(({ length }) => length <= 65_536))
      }
      yield* Stream.runDrain(Stream.take(feeds.range(run, { start: 0, end: bytes.length }), 1))
      assert.strictEqual(descriptorsOf(logPath), 0)
    })
  )

  it.live("has the length that was asked for also while the log grows", () =>
    Effect.gen(function* () {
      const { feeds, run, write } = yield* makeFollowedRun({ log: "x".repeat(100_000) })
      const range = feeds.range(run, { start: 0, end: 100_000 })
      const grown = Stream.tap(range, () => Effect.sync(() => write("more")))
      assert.strictEqual((yield* collect(grown)).length, 100_000)
    })
  )

  it.live("fails, after what is there, where the log was truncated meanwhile", () =>
    Effect.gen(function* () {
      const { feeds, run, logPath } = yield* makeFollowedRun({ log: "x".repeat(200_000) })
      let given = 0
      const cut = Stream.tap(feeds.range(run, { start: 0, end: 200_000 }), (part) =>
        Effect.sync(() => {
          given += part.length
          truncateSync(logPath, 100_000)
        })
      )
      const error = yield* Effect.flip(Stream.runDrain(cut))
      assert.strictEqual(error._tag, "LogTruncated")
      assert.include(error.message, "it ends at byte 100000, not 200000")
      assert.strictEqual(given, 100_000)
    })
  )
})

const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

describe("the last lines of a run's log", () => {
  const piece = Arbitrary.schema(Schema.Literals(["\n", "a", "bc\n", "é\r\n", "\n\n"]))
  const text = Arbitrary.map(Arbitrary.array(piece, { maxLength: 8 }), (pieces) => pieces.join(""))

  it.live.prop(
    "begin where the line does, whatever the log holds and whether it ends in a newline",
    [text],
    ([log]) =>
      Effect.gen(function* () {
        const { feeds, run } = yield* makeFollowedRun({ log })
        const end = Buffer.byteLength(log)
        const lines = linesOf(log)
        for (let count = 0; count <= lines.length + 1; count++) {
          const expected = Buffer.byteLength(lines.slice(0, Math.max(0, lines.length - count)).join(""))
          const start = yield* feeds.tailStart(run, { lines: count, end })
          assert.strictEqual(start, expected, `${JSON.stringify(log)} ${count}`)
          const before = Buffer.from(log).subarray(0, start).toString()
          assert.strictEqual(yield* feeds.lineNumberAt(run, start), before.split("\n").length)
        }
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 150 } }
  )

  it.live("are found across blocks of 256 KiB, and where one line is larger than any", () =>
    Effect.gen(function* () {
      const block = 256 * 1024
      for (const lengths of [
        [block - 1, 0, block],
        [block],
        [3 * block + 5, 1],
        [1, 3 * block],
        [block - 1, block - 1]
      ]) {
        const lines = lengths.map((length) => `${"x".repeat(length)}\n`)
        const { feeds, run } = yield* makeFollowedRun({ log: lines.join("") })
        const end = lines.join("").length
        let start = end
        for (const [index, line] of lines.toReversed().entries()) {
          start -= line.length
          assert.strictEqual(yield* feeds.tailStart(run, { lines: index + 1, end }), start, lengths.join())
          assert.strictEqual(yield* feeds.lineNumberAt(run, start + line.length - 1), lines.length - index)
        }
      }
    })
  )

  it.live("are those before the given end, though the log has grown since", () =>
    Effect.gen(function* () {
      const { feeds, run, write } = yield* makeFollowedRun({ log: "one\ntwo\n" })
      write("three\n")
      assert.strictEqual(yield* feeds.tailStart(run, { lines: 1, end: 8 }), 4)
    })
  )

  it.live("of a gigabyte are found without reading it", () =>
    Effect.gen(function* () {
      const { feeds, run, logPath } = yield* makeFollowedRun()
      truncateSync(logPath, 2 ** 30)
      appendFileSync(logPath, "\none\ntwo\n")
      const before = bytesRead()
      assert.strictEqual(yield* feeds.tailStart(run, { lines: 2, end: 2 ** 30 + 9 }), 2 ** 30 + 1)
      assert.isBelow(bytesRead() - before, 2 ** 24)
    })
  )
})

describe("what is no log", () => {
  it.live("is told as gone, and whether it was pruned, however it is read", () =>
    Effect.gen(function* () {
      for (const isLogPruned of [false, true]) {
        const { feeds, run, logPath, follow } = yield* makeFollowedRun({ record: { isLogPruned } })
        if (!isLogPruned) rmSync(logPath)
        const reads: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          feeds.size(run),
          collect(feeds.range(run, { start: 0, end: 1 })),
          feeds.tailStart(run, { lines: 1, end: 1 }),
          feeds.lineNumberAt(run, 1),
          Stream.runDrain(follow())
        ]
        for (const read of reads) {
          const error = yield* Effect.flip(read)
          assert.deepStrictEqual(
            error,
            new LogGone({ requestId: run.requestId, reason: isLogPruned ? "pruned" : "lost" })
          )
        }
      }
    })
  )

  it.live("is neither waited for nor followed: a FIFO, a folder, a symbolic link", () =>
    Effect.gen(function* () {
      const secret = yield* makeFollowedRun({ log: "secret" })
      const others: ReadonlyArray<(path: string) => void> = [
        (path) => execFileSync("mkfifo", [path]),
        (path) => mkdirSync(path),
        (path) => symlinkSync(secret.logPath, path),
        (path) => symlinkSync("/dev/zero", path),
        (path) => symlinkSync(path, path)
      ]
      for (const replace of others) {
        const { feeds, run, logPath } = yield* makeFollowedRun()
        rmSync(logPath)
        replace(logPath)
        assert.strictEqual((yield* Effect.flip(feeds.size(run)))._tag, "LogGone")
        assert.strictEqual(descriptorsOf(logPath), 0)
      }
    })
  )

  it.live("is read as the stdout of its live codex where it was deleted, and of nobody else", () =>
    Effect.gen(function* () {
      const { feeds, run, logPath } = yield* makeFollowedRun({ log: "header\n" })
      const fd = openSync(logPath, "a")
      const codex = spawn("/bin/sh", ["-c", "echo one; read -r line"], { stdio: ["pipe", fd, fd] })
      closeSync(fd)
      yield* Effect.addFinalizer(() => Effect.sync(() => codex.kill()))
      const pid = codex.pid ?? 0
      const process = { pid, startTicks: 0 }
      const known = { requestId: run.requestId, bootId: "", supervisor: process, workspace: "", startedAtMillis: 0 }
      const identity = { ...known, codex: process }
      yield* Effect.promise(async () => {
        while (!readFileSync(logPath, "utf8").endsWith("one\n")) await new Promise(setImmediate)
      })
      rmSync(logPath)
      const live = { ...run, identity }
      assert.strictEqual(`${yield* collect(feeds.range(live, { start: 0, end: 11 }))}`, "header\none\n")
      assert.strictEqual((yield* Effect.flip(feeds.size({ ...live, endedAtMillis: 1 })))._tag, "LogGone")
      const other = { ...identity, codex: { pid: globalThis.process.pid, startTicks: 0 } }
      assert.strictEqual((yield* Effect.flip(feeds.size({ ...run, identity: other })))._tag, "LogGone")
      writeFileSync(logPath, "new")
      assert.strictEqual(yield* feeds.size(live), 3)
      codex.stdin?.end()
      yield* Effect.promise(() => once(codex, "exit"))
    })
  )
})
