import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Deferred, Duration, Effect, Fiber, Layer, Schema, type Scope } from "effect"
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { type BatchPlace, encodeIntent, parseIntent, positionAt } from "../../../src/domain/mirrorIntent.ts"
import { makeMirrorText } from "../../../src/domain/mirrorText.ts"
import { journalOf, type ReturnCode, runLogTrailer, trailerStart } from "../../../src/domain/runLog.ts"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { startingPosition } from "../../../src/services/mirror/mirrorBatches.ts"
import { type RunLog, RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { mirrorRun } from "../../../src/services/mirror/RunMirror.ts"
import { makeLogs } from "../zulip/sending.ts"

const root = mkdtempSync(join(tmpdir(), "run-mirror-"))
afterAll(() => rmSync(root, { recursive: true }))
let runs = 0

/** A clock that stands, whose sleepers sleep until they are woken, and which tells when somebody sleeps and how long. */
const makeDozingClock = Effect.map(Clock.Clock, (live) => {
  const sleepers = new Set<Deferred.Deferred<void>>()
  const naps: Array<number> = []
  let fellAsleep = Deferred.makeUnsafe<void>()
  let nowNanos = 0n
  const sleep = (duration: Duration.Duration) =>
    Effect.suspend(() => {
      naps.push(Duration.toMillis(duration))
      const gate = Deferred.makeUnsafe<void>()
      sleepers.add(gate)
      Deferred.doneUnsafe(fellAsleep, Effect.void)
      return Effect.ensuring(
        Deferred.await(gate),
        Effect.sync(() => sleepers.delete(gate))
      )
    })
  return {
    clock: Object.create(live, {
      sleep: { value: sleep },
      monotonicTimeNanos: { value: Effect.sync(() => nowNanos) }
    }) as Clock.Clock,
    naps,
    pass: (millis: number) => void (nowNanos += BigInt(millis) * 1_000_000n),
    asleep: Effect.suspend(() => Deferred.await(fellAsleep)),
    wake: Effect.sync(() => {
      fellAsleep = Deferred.makeUnsafe()
      for (const gate of sleepers) Deferred.doneUnsafe(gate, Effect.void)
    })
  }
})

interface Mirrored {
  readonly logPath: string
  /** What the run writes, in one write. */
  readonly write: (bytes: string | Uint8Array) => void
  /** Lets the mirror look once and waits until it sleeps again, or has seen that the run has ended. */
  readonly look: Effect.Effect<void>
  /** The supervisor writes the code to the side file. */
  readonly endCodex: (code: number) => void
  /** Looper learns the code, and that the trailer stands; waits until the mirror is complete. */
  readonly finish: (code: ReturnCode) => Effect.Effect<void>
  /** How long it slept, each time, in milliseconds. */
  readonly naps: ReadonlyArray<number>
  readonly text: () => string
}

/** Mirrors a new run, of which some output is there before the mirror first looks. */
const mirrorOf = (
  output: string | Uint8Array = "",
  { appendMillis = 1 } = {}
): Effect.Effect<Mirrored, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runLogs = yield* RunLogs
    const requestId = (runs += 1).toString(16).padStart(8, "0")
    const log = yield* runLogs.create({ requestId, workspace: "/w", command: "codex" })
    const { clock, asleep, wake, naps, pass } = yield* makeDozingClock
    const ending = { code: Deferred.makeUnsafe<ReturnCode>(), trailerWritten: Deferred.makeUnsafe<void>() }
    const mirrored: Array<Uint8Array> = []
    const append = (bytes: Uint8Array) =>
      Effect.sync(() => {
        pass(appendMillis)
        mirrored.push(Buffer.from(bytes))
      })
    const serverLog = { append, format: "text" as const }
    const hasSeenCode = Deferred.makeUnsafe<void>()
    const readSide = (path: string) =>
      Effect.tap(runLogs.readSide(path), (side) =>
        side?.returnCode === undefined ? Effect.void : Deferred.succeed(hasSeenCode, undefined)
      )
    const write = (bytes: string | Uint8Array) => appendFileSync(log.path, bytes)
    write(output)
    const mirror = yield* Effect.forkScoped(
      Effect.provideService(
        mirrorRun({ log, ending, runLogs: { ...runLogs, readSide }, serverLog }),
        Clock.Clock,
        clock
      )
    )
    const rests = Effect.raceFirst(asleep, Deferred.await(hasSeenCode))
    return {
      logPath: log.path,
      naps,
      write,
      look: Effect.andThen(Effect.andThen(rests, wake), rests),
      endCodex: (code: number) => appendFileSync(log.sidePath, `${code}\n`),
      finish: (code: ReturnCode) =>
        Effect.gen(function* () {
          yield* Deferred.succeed(ending.code, code)
          yield* Deferred.succeed(ending.trailerWritten, undefined)
          yield* Fiber.join(mirror)
        }),
      text: () => Buffer.concat(mirrored).toString()
    }
  }).pipe(
    Effect.provide(
      RunLogs.layerNoDeps.pipe(
        Layer.provide(LogFolder.layerNoDeps),
        Layer.provide(LooperConfig.layer({ root, environment: {} }))
      )
    ),
    Effect.orDie
  )

/** The mirror of a run that writes `output` and ends with 7, seen by the mirror after each of `cuts` bytes. */
const mirrorInPieces = (output: string, cuts: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const mirror = yield* mirrorOf()
    const whole = output + runLogTrailer(7)
    let written = 0
    for (const cut of [...cuts.filter((at) => at < whole.length), whole.length]) {
      if (written <= output.length && cut > output.length) mirror.endCodex(7)
      mirror.write(whole.slice(written, cut))
      written = Math.max(written, cut)
      if (written < whole.length) yield* mirror.look
    }
    yield* mirror.finish(7)
    return mirror.text()
  }).pipe(Effect.scoped)

/** What the mirror of `output` is. */
const expectedOf = (output: string): string => {
  const text = makeMirrorText({ logPath: "", format: "text" })
  return Buffer.concat([text.push(Buffer.from(output)), text.end()]).toString()
}

const forged = runLogTrailer(0)

describe("the mirror of a run", () => {
  it.live("rests behind each 512 KiB of a run that floods, and no more once that has ended", () =>
    Effect.gen(function* () {
      const line = `${"x".repeat(79)}\n`
      const linesAtOnce = Math.floor((512 * 1024) / line.length)
      const output = line.repeat(10 * linesAtOnce)
      const mirror = yield* mirrorOf(output, { appendMillis: 2 })
      for (const times of [2, 3]) {
        yield* mirror.look
        assert.strictEqual(mirror.text().length, times * linesAtOnce * line.length)
      }
      assert.deepStrictEqual(mirror.naps.slice(0, 3), [6, 6, 6])
      mirror.endCodex(0)
      mirror.write(runLogTrailer(0))
      yield* mirror.finish(0)
      assert.strictEqual(mirror.text(), output)
    })
  )

  it.live("rests no longer because the disk was slow", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf(`${"x".repeat(79)}\n`.repeat(10_000), { appendMillis: 60_000 })
      yield* mirror.look
      assert.strictEqual(mirror.naps[0], 10)
    })
  )

  it.live("follows a growing log line by line, without its header", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf("one\n")
      yield* mirror.look
      assert.strictEqual(mirror.text(), "one\n")
      mirror.write("two\nthr")
      yield* mirror.look
      assert.strictEqual(mirror.text(), "one\ntwo\n")
      mirror.write("ee\n")
      yield* mirror.look
      assert.strictEqual(mirror.text(), "one\ntwo\nthree\n")
    })
  )

  it.live("ends before the trailer, and before what a leftover writes after it", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf("one\n")
      mirror.endCodex(0)
      mirror.write(`${runLogTrailer(0)}leftover\n\n# codex_exec_return_code=9\nmore\n`)
      yield* mirror.finish(0)
      assert.strictEqual(mirror.text(), "one\n")
    })
  )

  it.live("has every trailer that the run itself prints, as long as it runs and after", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf(`one\n${forged}`)
      yield* mirror.look
      assert.strictEqual(mirror.text(), `one\n${forged}`)
      mirror.write(`${forged}two\n${forged}`)
      mirror.endCodex(0)
      mirror.write(runLogTrailer(0))
      yield* mirror.finish(0)
      assert.strictEqual(mirror.text(), `one\n${forged}${forged}two\n${forged}`)
    })
  )

  it.live("is not held up by text that begins like a trailer", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf("one\n\n# codex_exec_return")
      yield* mirror.look
      assert.strictEqual(mirror.text(), "one\n")
      mirror.write("ed\n")
      yield* mirror.look
      assert.strictEqual(mirror.text(), "one\n\n# codex_exec_returned\n")
    })
  )

  it.live("has a last line without its newline, and an empty one", () =>
    Effect.gen(function* () {
      for (const output of ["", "\n", "one", "one\n", "one\n\n", "one\n\n\n", "one\r", "one\ntwo"]) {
        assert.strictEqual(yield* mirrorInPieces(output, []), expectedOf(output), JSON.stringify(output))
      }
    })
  )

  it.live("ends where Looper itself had to write the trailer", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf("one\ntwo")
      mirror.write(runLogTrailer("unknown"))
      yield* mirror.finish("unknown")
      assert.strictEqual(mirror.text(), "one\ntwo\n")
    })
  )

  it.live("has all that was written where the trailer could not be", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf(`one\n${forged}two`)
      mirror.endCodex(7)
      yield* mirror.finish(7)
      assert.strictEqual(mirror.text(), `one\n${forged}two\n`)
    })
  )

  it.live("cleans what it takes: no line can be taken for a record", () =>
    Effect.gen(function* () {
      const output = "2026-02-03 04:05:06,007 INFO looper x\n\u001b[1m\r\n\u0000\xff\n"
      assert.strictEqual(yield* mirrorInPieces(output, []), expectedOf(output))
      assert.strictEqual(expectedOf("2026-02-03 04:05:06,007 INFO\n")[0], " ")
    })
  )
})

describe("a log that is seen in pieces", () => {
  it.live("is mirrored alike, wherever the trailer is cut", () =>
    Effect.gen(function* () {
      for (const output of ["", "\n", "one", "one\n", "one\n\n", "# codex_exec_return_code=7"]) {
        const length = output.length + runLogTrailer(7).length
        for (let cut = 0; cut < length; cut++) {
          const what = `${JSON.stringify(output)} cut at ${cut}`
          assert.strictEqual(yield* mirrorInPieces(output, [cut]), expectedOf(output), what)
        }
      }
    })
  )

  it.live("is mirrored alike, wherever the trailer is cut once more behind its newline", () =>
    Effect.gen(function* () {
      for (let cut = 5; cut < "one".length + runLogTrailer(7).length; cut++) {
        assert.strictEqual(yield* mirrorInPieces("one", [4, cut]), "one\n", `cut at ${cut}`)
      }
    })
  )

  it.live("is mirrored alike, wherever a read of 512 KiB ends in the trailer", () =>
    Effect.gen(function* () {
      for (const lastLine of ["x", "x\n", "x\n\n"]) {
        for (const inTrailer of [0, 1, 2, 12, trailerStart.length - 1, trailerStart.length]) {
          const output = `${"x".repeat(2 ** 19 - inTrailer - lastLine.length - 1)}\n${lastLine}`
          const mirrored = yield* mirrorInPieces(output, [])
          assert.isTrue(mirrored === expectedOf(output), `${JSON.stringify(lastLine)} ${inTrailer}`)
        }
      }
    })
  )

  const piece = Arbitrary.schema(
    Schema.Literals(["\n", "x", "# codex", "\n# codex_exec_", forged, runLogTrailer(7), "ab\n"])
  )
  const output = Arbitrary.map(Arbitrary.array(piece, { maxLength: 5 }), (pieces) => pieces.join(""))
  const position = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 120 })))

  it.live.prop(
    "is mirrored alike, whatever it holds and however often it is looked at",
    [output, Arbitrary.array(position, { maxLength: 5 })],
    ([text, positions]) =>
      Effect.gen(function* () {
        const cuts = positions.toSorted((a, b) => a - b)
        assert.strictEqual(yield* mirrorInPieces(text, cuts), expectedOf(text))
      }),
    { arbitrary: { runs: 150 } }
  )
})

describe("a log that is tampered with", () => {
  it.live("may be deleted: its mirror goes on", () =>
    Effect.gen(function* () {
      const mirror = yield* mirrorOf("one\n")
      yield* mirror.look
      rmSync(mirror.logPath)
      yield* mirror.look
      yield* mirror.finish(0)
      assert.strictEqual(mirror.text(), "one\n")
    })
  )

  it.live("may be cut short or written anew: its mirror ends all the same", () =>
    Effect.gen(function* () {
      for (const rest of ["", "new\n", `${"y".repeat(500)}\n`]) {
        const mirror = yield* mirrorOf("one\ntwo\nthree\n")
        yield* mirror.look
        truncateSync(mirror.logPath)
        mirror.write(rest)
        yield* mirror.look
        mirror.endCodex(0)
        mirror.write(runLogTrailer(0))
        yield* mirror.finish(0)
        assert.isTrue(mirror.text().startsWith("one\ntwo\nthree\n"))
        assert.notInclude(mirror.text(), trailerStart)
      }
    })
  )

  it.live("may be gone before its mirror begins, which says so", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      const runLogs = yield* RunLogs
      const log = {
        requestId: "00000000",
        path: join(root, "missing.log"),
        sidePath: join(root, "missing.state"),
        headerBytes: 0
      }
      const ending = { code: Deferred.makeUnsafe<ReturnCode>(), trailerWritten: Deferred.makeUnsafe<void>() }
      const serverLog = { append: () => Effect.die("nothing to mirror"), format: "text" as const }
      yield* Effect.provide(Effect.scoped(mirrorRun({ log, ending, runLogs, serverLog })), logs.layer)
      assert.deepStrictEqual(
        logs.lines.map(({ level, event }) => [level, event]),
        [["Warn", "codex.exec.mirror.fail"]]
      )
    }).pipe(
      Effect.provide(
        RunLogs.layerNoDeps.pipe(
          Layer.provide(LogFolder.layerNoDeps),
          Layer.provide(LooperConfig.layer({ root, environment: {} }))
        )
      )
    )
  )
})

/** Mirrors a run that has ended, as the Looper that finds it does. */
const mirrorAgain = (log: RunLog) =>
  Effect.gen(function* () {
    const runLogs = yield* RunLogs
    const ending = { code: Deferred.makeUnsafe<ReturnCode>(), trailerWritten: Deferred.makeUnsafe<void>() }
    yield* Deferred.succeed(ending.code, 0)
    yield* Deferred.succeed(ending.trailerWritten, undefined)
    const mirrored: Array<Uint8Array> = []
    const append = (bytes: Uint8Array, batch?: { readonly onBegin: (place: BatchPlace) => void }) =>
      Effect.sync(() => {
        if (bytes.length > 0) batch?.onBegin({ inode: 1, size: 0, skip: 0 })
        mirrored.push(Buffer.from(bytes))
      })
    const serverLog = { append, format: "text" as const }
    yield* Effect.scoped(mirrorRun({ log, ending, runLogs, serverLog }))
    return Buffer.concat(mirrored).toString()
  })
const ended = (output: string) =>
  Effect.gen(function* () {
    const requestId = (runs += 1).toString(16).padStart(8, "0")
    const log = yield* (yield* RunLogs).create({ requestId, workspace: "/w", command: "codex" })
    appendFileSync(log.path, output + runLogTrailer(0))
    appendFileSync(log.sidePath, "0\ndone\n")
    return log
  })

describe("a mirror that is begun again", () => {
  const provideLogs = Effect.provide(
    RunLogs.layerNoDeps.pipe(
      Layer.provide(LogFolder.layerNoDeps),
      Layer.provide(LooperConfig.layer({ root, environment: {} }))
    )
  )

  it.live("has nothing left where all was given, whatever the last line ends in", () =>
    Effect.gen(function* () {
      for (const output of ["", "\n", "one", "one\n", "one\n\n", "one\ntwo", `one\n${forged}two`, forged]) {
        const log = yield* ended(output)
        assert.strictEqual(yield* mirrorAgain(log), expectedOf(output), JSON.stringify(output))
        assert.strictEqual(yield* mirrorAgain(log), "", JSON.stringify(output))
      }
    }).pipe(provideLogs)
  )

  it.live("goes on where its journal says, and begins behind the header where there is none", () =>
    Effect.gen(function* () {
      const log = yield* ended("one\ntwo\n")
      writeFileSync(journalOf(log.path), encodeIntent(positionAt(log.headerBytes + 4)))
      assert.strictEqual(yield* mirrorAgain(log), "two\n")
      rmSync(journalOf(log.path))
      assert.strictEqual(yield* mirrorAgain(log), "one\ntwo\n")
      assert.strictEqual(yield* mirrorAgain(log), "")
    }).pipe(provideLogs)
  )

  it.live("goes on behind the last whole line where its journal is damaged, and says so once", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      const log = yield* (yield* RunLogs).create({ requestId: "ffffffff", workspace: "/w", command: "codex" })
      appendFileSync(log.path, "one\ntwo\nthr")
      writeFileSync(journalOf(log.path), "mirror-1 0")
      const goesOnAt = log.headerBytes + 8
      yield* Effect.provide(mirrorAgain(log), logs.layer)
      appendFileSync(log.path, "ee\n")
      assert.deepStrictEqual(logs.of("codex.exec.mirror.position_lost"), [{ path: log.path, goes_on_at: goesOnAt }])
      truncateSync(log.path, goesOnAt + 3)
      const begin = (isBegun: boolean) =>
        Effect.promise(async () => {
          await using handle = await open(log.path)
          const position = startingPosition(handle, { logPath: log.path, isBegun })
          return await Effect.runPromise(Effect.provide(position, logs.layer))
        })
      const begins = [
        { leave: () => writeFileSync(journalOf(log.path), ""), isBegun: false, at: goesOnAt },
        { leave: () => rmSync(journalOf(log.path)), isBegun: true, at: goesOnAt },
        { leave: () => rmSync(journalOf(log.path)), isBegun: false, at: log.headerBytes }
      ]
      for (const { leave, isBegun, at } of begins) {
        leave()
        assert.strictEqual(yield* begin(isBegun), at)
        assert.strictEqual(parseIntent(readFileSync(journalOf(log.path), "latin1"))?.to, at)
      }
    }).pipe(provideLogs)
  )
})
