import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, afterEach, beforeEach, vi } from "vitest"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { MirrorRecovery } from "../../../src/services/mirror/MirrorRecovery.ts"
import { ServerLog } from "../../../src/services/serverLog/ServerLog.ts"
import { until } from "../../support/processes.ts"

type WriteDone = (error: Error | null, written: number) => void

const unlimited = Number.POSITIVE_INFINITY
const emptyDisk = { free: unlimited, cut: unlimited, refused: 0 }
/** A disk with so many bytes free, which takes at most `cut` of them at once and counts what it refused. */
const disk = {
  state: { ...emptyDisk },
  reset: () => Object.assign(disk.state, emptyDisk),
  /** How many of so many bytes it takes; throws where it takes none. */
  take: (length: number) => {
    const { state } = disk
    const taken = Math.min(length, state.free, state.cut)
    if (taken === 0 && length > 0) {
      state.refused += 1
      throw new Error("ENOSPC: no space left on device, write")
    }
    state.free -= taken
    return taken
  }
}

const real = { write: fs.write, writeSync: fs.writeSync }
/** All writes of this process go to the disk until the end of the test. */
const useDisk = () => {
  Object.assign(fs, {
    writeSync: (fd: number, bytes: Uint8Array) => real.writeSync(fd, bytes, 0, disk.take(bytes.length)),
    write: (fd: number, bytes: Uint8Array, offset: number, length: number, _: null, done: WriteDone) => {
      try {
        real.write(fd, bytes, offset, disk.take(length), null, done)
      } catch (error) {
        setImmediate(() => done(error as Error, 0))
      }
    }
  })
  syncBuiltinESMExports()
}
const leaveDisk = () => {
  Object.assign(fs, real)
  syncBuiltinESMExports()
  disk.reset()
}

const folder = fs.mkdtempSync(join(tmpdir(), "server-log-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))
const stdout: Array<string> = []
/** The end of this turn of the event loop, and of what was done at it. */
const turn = () => new Promise((resolve) => setImmediate(resolve))
beforeEach(async () => {
  await turn()
  stdout.length = 0
  useDisk()
  vi.spyOn(process.stdout, "write").mockImplementation((text) => stdout.push(String(text)) > 0)
})
afterEach(() => {
  leaveDisk()
  vi.restoreAllMocks()
})
let roots = 0

const layerAt = (root: string, environment = {}) =>
  ServerLog.layerNoDeps.pipe(
    Layer.provide(MirrorRecovery.layerNoDeps),
    Layer.provide(LogFolder.layerNoDeps),
    Layer.provide(LooperConfig.layer({ root, environment }))
  )

/** A server log in a new root, below a folder that is not there yet. */
const openLogWith = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>) {
  const root = join(folder, `${++roots}`)
  const path = join(root, "logs/looper-server.log")
  const log = yield* Effect.provide(ServerLog, yield* Layer.build(layerAt(root, environment)))
  const text = () => fs.readFileSync(path, "utf8")
  const reads = (expected: string) =>
    Effect.promise(async () => {
      await until(() => fs.existsSync(path) && text().length >= expected.length, "the log is written")
      assert.strictEqual(text(), expected)
    })
  return { log, path, text, reads, append: (lines: string) => log.append(Buffer.from(lines)) }
})

const openLog = openLogWith({})

const refusals = (count: number) =>
  Effect.promise(() => until(() => disk.state.refused >= count, "the disk is found to be full"))

describe("the server log", () => {
  it.live("is a private file in a private folder, both made at start", () =>
    Effect.gen(function* () {
      const { path } = yield* openLog
      assert.strictEqual(fs.statSync(path).mode & 0o777, 0o600)
      assert.strictEqual(fs.statSync(resolve(path, "..")).mode & 0o777, 0o700)
    })
  )

  it.live("keeps what an earlier Looper wrote", () =>
    Effect.gen(function* () {
      const root = join(folder, `${++roots}`)
      fs.mkdirSync(join(root, "logs"), { recursive: true })
      fs.writeFileSync(join(root, "logs/looper-server.log"), "earlier\n")
      yield* Effect.map(ServerLog, ({ record }) => record("mine\n")).pipe(Effect.provide(layerAt(root)))
      assert.strictEqual(fs.readFileSync(join(root, "logs/looper-server.log"), "utf8"), "earlier\nmine\n")
    })
  )

  it.live("says at start why it cannot be written", () =>
    Effect.gen(function* () {
      const root = join(folder, `${++roots}`)
      fs.mkdirSync(join(root, "logs/looper-server.log"), { recursive: true })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layerAt(root))))
      assert.match(error.message, /^cannot write server log .*looper-server\.log: EISDIR/)
    })
  )

  it.live("holds records and mirrored lines in the order in which they came", () =>
    Effect.gen(function* () {
      const { log, append, text } = yield* openLog
      log.record("1\n")
      log.record("2\n")
      yield* append("a\nb\n")
      log.record("3\n")
      yield* append("c\n")
      yield* append("")
      assert.strictEqual(text(), "1\n2\na\nb\n3\nc\n")
    })
  )

  it.live("holds each batch as one, however many come at once", () =>
    Effect.gen(function* () {
      const { log, append, text } = yield* openLog
      const batches = Array.from({ length: 20 }, (_, batch) => `${`${batch}\n`.repeat(20_000)}`)
      disk.state.cut = 10_001
      yield* Effect.forEach(
        batches,
        (batch, index) =>
          Effect.gen(function* () {
            log.record(`record ${index}\n`)
            yield* append(batch)
          }),
        { concurrency: "unbounded", discard: true }
      )
      log.record("end\n")
      yield* append("")
      yield* Effect.promise(() => until(() => text().endsWith("end\n"), "the last record is written"))
      const mirrored = text().replaceAll(/^(record \d+|end)\n/gm, "")
      assert.strictEqual(mirrored, batches.join(""))
      assert.lengthOf(text().match(/^record \d+$/gm) ?? [], 20)
    })
  )

  it.live("has records on stdout too, mirrored lines not", () =>
    Effect.gen(function* () {
      const { log, append } = yield* openLog
      log.record("record\n")
      yield* append("mirrored\n")
      yield* Effect.promise(turn)
      assert.deepStrictEqual(stdout, ["record\n"])
    })
  )

  it.live("has the records of one turn on stdout in one write, in their order", () =>
    Effect.gen(function* () {
      const { log } = yield* openLog
      log.record("1\n")
      log.record("2\n")
      yield* Effect.promise(turn)
      log.record("3\n")
      yield* Effect.promise(turn)
      assert.deepStrictEqual(stdout, ["1\n2\n", "3\n"])
    })
  )

  it.live("does not wait for a stdout that nobody reads", () =>
    Effect.gen(function* () {
      const { log, reads } = yield* openLog
      vi.spyOn(process.stdout, "writableLength", "get").mockReturnValue(2 ** 20)
      log.record("record\n")
      yield* reads("record\n")
      yield* Effect.promise(turn)
      assert.deepStrictEqual(stdout, [])
    })
  )

  it.live("is made again where it was deleted", () =>
    Effect.gen(function* () {
      const { log, path, reads } = yield* openLog
      log.record("lost with the file\n")
      yield* reads("lost with the file\n")
      fs.rmSync(resolve(path, ".."), { recursive: true })
      log.record("in a new file\n")
      yield* reads("in a new file\n")
      assert.strictEqual(fs.statSync(path).mode & 0o777, 0o600)
    })
  )

  it.live("is made again for mirrored lines, too", () =>
    Effect.gen(function* () {
      const { path, append, text } = yield* openLog
      fs.rmSync(path)
      yield* append("mirrored\n")
      assert.strictEqual(text(), "mirrored\n")
    })
  )

  it.live("follows a file that was moved until it is told to open it anew", () =>
    Effect.gen(function* () {
      const { log, path, append, text } = yield* openLog
      const moved = `${path}.1`
      fs.renameSync(path, moved)
      log.record("before\n")
      yield* append("mirrored before\n")
      yield* log.reopen
      log.record("after\n")
      yield* append("mirrored after\n")
      assert.strictEqual(fs.readFileSync(moved, "utf8"), "before\nmirrored before\n")
      assert.strictEqual(text(), "after\nmirrored after\n")
    })
  )

  it.live("is opened anew while a batch waits for a full disk, whose rest goes to the new file", () =>
    Effect.gen(function* () {
      const { log, path, append, text } = yield* openLog
      const moved = `${path}.1`
      disk.state.free = 0
      const batch = yield* Effect.forkChild(append("a\nb\n"), { startImmediately: true })
      yield* refusals(1)
      fs.renameSync(path, moved)
      yield* log.reopen
      disk.state.free = unlimited
      yield* Fiber.join(batch)
      assert.strictEqual(fs.readFileSync(moved, "utf8"), "")
      assert.strictEqual(text(), "a\nb\n")
    })
  )

  it.live("is complete when its scope closes", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<string>()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { log, path } = yield* openLog
          log.record("last words\n")
          yield* Deferred.succeed(done, path)
        })
      )
      assert.strictEqual(fs.readFileSync(yield* Deferred.await(done), "utf8"), "last words\n")
    })
  )
})

describe("a full disk", () => {
  it.live("delays a batch, cut anywhere, and loses none of it", () =>
    Effect.gen(function* () {
      const { append, text } = yield* openLog
      disk.state.free = 5
      const batch = yield* Effect.forkChild(append("one\ntwo\nthree\n"), { startImmediately: true })
      yield* refusals(1)
      assert.strictEqual(text(), "one\nt")
      Object.assign(disk.state, { free: unlimited, cut: 4 })
      yield* Fiber.join(batch)
      assert.strictEqual(text(), "one\ntwo\nthree\n")
    })
  )

  it.live("holds records back until the batch is whole", () =>
    Effect.gen(function* () {
      const { log, append, reads, text } = yield* openLog
      disk.state.free = 5
      const batch = yield* Effect.forkChild(append("one\ntwo\nthree\n"), { startImmediately: true })
      yield* refusals(1)
      log.record("record\n")
      yield* refusals(2)
      assert.strictEqual(text(), "one\nt")
      disk.state.free = unlimited
      yield* Fiber.join(batch)
      yield* reads("one\ntwo\nthree\nrecord\n")
    })
  )

  it.live("delays records, cut anywhere, and loses none of them", () =>
    Effect.gen(function* () {
      const { log, reads, text } = yield* openLog
      disk.state.free = 4
      log.record("record 1\n")
      yield* Effect.promise(() => until(() => text() === "reco", "the record is cut"))
      log.record("record 2\n")
      yield* refusals(1)
      disk.state.free = unlimited
      yield* reads("record 1\nrecord 2\n")
    })
  )

  it.live("puts no batch inside a record that was cut", () =>
    Effect.gen(function* () {
      const { log, append, text } = yield* openLog
      disk.state.free = 4
      log.record("record\n")
      yield* Effect.promise(() => until(() => text() === "reco", "the record is cut"))
      const batch = yield* Effect.forkChild(append("mirrored\n"), { startImmediately: true })
      yield* refusals(1)
      disk.state.free = unlimited
      yield* Fiber.join(batch)
      assert.strictEqual(text(), "record\nmirrored\n")
    })
  )

  it.live("drops no record of which the beginning is in the log", () =>
    Effect.gen(function* () {
      const { log, text } = yield* openLog
      disk.state.free = 4
      log.record("record\n")
      yield* Effect.promise(() => until(() => text() === "reco", "the record is cut"))
      const records = Array.from({ length: 1_030 }, (_, index) => `${String(index).padStart(1_023, "0")}\n`)
      records.forEach(log.record)
      disk.state.free = unlimited
      yield* Effect.promise(() => until(() => text().length > 1_000, "the log is written"))
      assert.strictEqual(text(), `record\n# 6 records were dropped: no space\n${records.slice(6).join("")}`)
    })
  )

  it.live("costs whole records alone, also where it takes some of them in between", () =>
    Effect.gen(function* () {
      const { log, text } = yield* openLog
      const records = Array.from({ length: 3_000 }, (_, index) => `${String(index).padStart(1_023, "0")}\n`)
      disk.state.free = 0
      records.slice(0, 1_030).forEach(log.record)
      yield* refusals(1)
      disk.state.free = 1_100
      yield* Effect.promise(() => until(() => text().length === 1_100, "some of it is written"))
      records.slice(1_030).forEach(log.record)
      disk.state.free = unlimited
      yield* Effect.promise(() => until(() => text().endsWith(records.at(-1) ?? ""), "the last record is written"))
      const lines = text().split(/(?<=\n)/)
      assert.deepStrictEqual(lines.slice(0, 4), [
        "# 6 records were dropped: no space\n",
        records[6],
        records[7],
        "# 1968 records were dropped: no space\n"
      ])
      assert.deepStrictEqual(lines.slice(4), records.slice(-1_024))
    })
  )

  it.live("costs the oldest records when it stays full, and the log says how many", () =>
    Effect.gen(function* () {
      const { log, text } = yield* openLog
      disk.state.free = 0
      const records = Array.from({ length: 1_030 }, (_, index) => `${String(index).padStart(1_023, "0")}\n`)
      records.forEach(log.record)
      yield* refusals(1)
      disk.state.free = unlimited
      yield* Effect.promise(() => until(() => text() !== "", "the log is written"))
      assert.strictEqual(text(), `# 6 records were dropped: no space\n${records.slice(6).join("")}`)
    })
  )

  it.live("costs records in the JSON form, too, and says so in a record", () =>
    Effect.gen(function* () {
      const { log, text } = yield* openLogWith({ LOOPER_LOG_FORMAT: "json" })
      disk.state.free = 0
      const records = Array.from({ length: 1_030 }, (_, index) => `${String(index).padStart(1_023, "1")}\n`)
      records.forEach(log.record)
      yield* refusals(1)
      disk.state.free = unlimited
      yield* Effect.promise(() => until(() => text() !== "", "the log is written"))
      const { time, ...others } = JSON.parse(text().split("\n", 1)[0] ?? "")
      assert.deepStrictEqual(others, { level: "WARNING", logger: "looper", event: "server.log.dropped", records: 6 })
      assert.strictEqual(new Date(time).toISOString(), time)
      assert.isTrue(text().endsWith(records.slice(6).join("")))
    })
  )

  it.live("has the rest of an interrupted batch before any record", () =>
    Effect.gen(function* () {
      const { log, append, reads } = yield* openLog
      disk.state.free = 5
      const batch = yield* Effect.forkChild(append("one\ntwo\n"), { startImmediately: true })
      yield* refusals(1)
      yield* Fiber.interrupt(batch)
      log.record("record\n")
      disk.state.free = unlimited
      yield* reads("one\ntwo\nrecord\n")
    })
  )
})

const placesOf = () => {
  const places: Array<{ readonly inode: number; readonly size: number; readonly skip: number }> = []
  return { places, onBegin: (place: (typeof places)[number]) => void places.push(place) }
}

describe("the place of a batch", () => {
  it.live("is told once, behind all records before it", () =>
    Effect.gen(function* () {
      const { log, path } = yield* openLog
      const { places, onBegin } = placesOf()
      log.record("record\n")
      disk.state.cut = 3
      yield* log.append(Buffer.from("one\ntwo\n"), { onBegin })
      assert.deepStrictEqual(places, [{ inode: fs.statSync(path).ino, size: 7, skip: 0 }])
    })
  )

  it.live("is waited for while it cannot be noted, which holds up no record", () =>
    Effect.gen(function* () {
      const { log, reads } = yield* openLog
      const asked = yield* Deferred.make<void>()
      let isFull = true
      const onBegin = () => {
        Deferred.doneUnsafe(asked, Effect.void)
        if (isFull) throw new Error("ENOSPC")
      }
      const batch = yield* Effect.forkChild(log.append(Buffer.from("one\n"), { onBegin }), { startImmediately: true })
      yield* Deferred.await(asked)
      log.record("record\n")
      yield* reads("record\n")
      isFull = false
      yield* Fiber.join(batch)
      yield* reads("record\none\n")
    })
  )

  it.live("is told again where the log is deleted meanwhile, whose last line is given whole", () =>
    Effect.gen(function* () {
      const { log, path, text } = yield* openLog
      const { places, onBegin } = placesOf()
      disk.state.free = 6
      const batch = yield* Effect.forkChild(log.append(Buffer.from("one\ntwo\n"), { onBegin }), {
        startImmediately: true
      })
      yield* refusals(1)
      fs.rmSync(path)
      disk.state.free = unlimited
      yield* Fiber.join(batch)
      assert.strictEqual(text(), "two\n")
      assert.deepStrictEqual(
        places.map(({ size, skip }) => [size, skip]),
        [
          [0, 0],
          [0, 4]
        ]
      )
    })
  )

  it.live("stays in a log that is moved until its line is whole", () =>
    Effect.gen(function* () {
      const { log, path, text } = yield* openLog
      disk.state.free = 6
      const batch = yield* Effect.forkChild(log.append(Buffer.from("one\ntwo\n")), { startImmediately: true })
      yield* refusals(1)
      fs.renameSync(path, `${path}.1`)
      yield* log.reopen
      log.record("record\n")
      disk.state.free = unlimited
      yield* Fiber.join(batch)
      yield* log.append(Buffer.alloc(0))
      assert.strictEqual(fs.readFileSync(`${path}.1`, "utf8"), "one\ntwo\n")
      assert.strictEqual(text(), "record\n")
    })
  )
})

/** What `MirrorRecovery` found. */
const left = (filePath: string) => ({ text: Buffer.from("one\ntwo\n"), offset: 5, filePath, isPlaced: true })

describe("a batch that an earlier Looper left", () => {
  it.live("waits for a full disk, which keeps no Looper from starting, and is not dropped with records", () =>
    Effect.gen(function* () {
      const root = join(folder, `${++roots}`)
      const path = join(root, "logs/looper-server.log")
      fs.mkdirSync(join(root, "logs"), { recursive: true })
      fs.writeFileSync(path, "one\nt")
      disk.state.free = 0
      const layer = ServerLog.layerNoDeps.pipe(
        Layer.provide(Layer.succeed(MirrorRecovery, { left: left(path), doubts: [] })),
        Layer.provide(LooperConfig.layer({ root, environment: {} }))
      )
      const log = yield* Effect.provide(ServerLog, yield* Layer.build(layer))
      const records = Array.from({ length: 1_030 }, (_, index) => `${String(index).padStart(1_023, "0")}\n`)
      records.forEach(log.record)
      yield* refusals(1)
      const flushed = yield* Effect.forkChild(log.append(Buffer.alloc(0)), { startImmediately: true })
      assert.isUndefined(flushed.pollUnsafe())
      disk.state.free = unlimited
      yield* Fiber.join(flushed)
      const dropped = "# 6 records were dropped: no space\n"
      assert.strictEqual(fs.readFileSync(path, "utf8"), `one\ntwo\n${dropped}${records.slice(6).join("")}`)
    })
  )
})
