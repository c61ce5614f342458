import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { encodeIntent, parseIntent } from "../../../src/domain/mirrorIntent.ts"
import type { LogFormat } from "../../../src/domain/logRecord.ts"
import { makeMirrorText } from "../../../src/domain/mirrorText.ts"
import { journalOf, sideFileIdentity } from "../../../src/domain/runLog.ts"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { makeMirrorBatches } from "../../../src/services/mirror/mirrorBatches.ts"
import { MirrorRecovery } from "../../../src/services/mirror/MirrorRecovery.ts"
import { type RunLog, RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { ServerLog } from "../../../src/services/serverLog/ServerLog.ts"
import { makeLogs } from "../zulip/sending.ts"

const folder = mkdtempSync(join(tmpdir(), "mirror-recovery-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0

const record = "2026-02-13 10:11:12,345 INFO looper tick\n"

/** What Looper does over one root, as often as it is started. */
type InLooper<A> = Effect.Effect<A, never, ServerLog | RunLogs | MirrorRecovery | Scope.Scope>

const makeRoot = (format: LogFormat = "text") => {
  const root = join(folder, `${++roots}`)
  const serverLogPath = join(root, "logs/looper-server.log")
  const logs = makeLogs()
  const layerIn = (form: LogFormat) =>
    Layer.mergeAll(RunLogs.layerNoDeps, MirrorRecovery.layerWarnings).pipe(
      Layer.provideMerge(ServerLog.layerWith({ isCopiedToStdout: false })),
      Layer.provideMerge(MirrorRecovery.layerNoDeps),
      Layer.provide(LogFolder.layerNoDeps),
      Layer.provideMerge(logs.layer),
      Layer.provide(LooperConfig.layer({ root, environment: { LOOPER_LOG_FORMAT: form } }))
    )
  const startIn = <A>(form: LogFormat, main: InLooper<A>) =>
    Effect.orDie(Effect.provide(Effect.scoped(main), layerIn(form)))
  const start = <A>(main: InLooper<A>) => startIn(format, main)
  const text = () => readFileSync(serverLogPath, "utf8")
  /** The server log, the moved ones first, without its records. */
  const mirrored = () =>
    [`${serverLogPath}.1`, serverLogPath]
      .map((path) => (existsSync(path) ? readFileSync(path, "utf8") : ""))
      .join("")
      .split(/(?<=\n)/)
      .filter((line) => line !== record)
      .join("")
  const doubts = () => logs.of("codex.exec.mirror.doubt").map(({ reason }) => reason)
  return { root, serverLogPath, start, startIn, text, mirrored, doubts }
}

const create = (output: string | Uint8Array, requestId = "0a0a0a0a") =>
  Effect.gen(function* () {
    const log = yield* Effect.orDie((yield* RunLogs).create({ requestId, workspace: "/w", command: "codex" }))
    appendFileSync(log.path, output)
    return log
  })

const intentOf = (log: RunLog) => {
  const intent = parseIntent(readFileSync(journalOf(log.path), "latin1"))
  if (intent === undefined) throw new Error("no intent")
  return intent
}

/** Mirrors what a log holds behind its journal's position, a batch up to each of `borders`; a record before each. */
const mirrorRest = (log: RunLog, borders: ReadonlyArray<number> = []) =>
  Effect.gen(function* () {
    const serverLog = yield* ServerLog
    const whole = readFileSync(log.path)
    const position = intentOf(log).to
    const batches = yield* makeMirrorBatches({ logPath: log.path, position, serverLog })
    let taken = position
    for (const border of [...borders.filter((at) => at > position && at < whole.length), whole.length]) {
      serverLog.record(record)
      yield* batches.take(whole.subarray(taken, border))
      taken = border
    }
    yield* batches.end
  }).pipe(Effect.scoped)

const expectedOf = (log: RunLog, output: string | Uint8Array, format: LogFormat = "text") => {
  const text = makeMirrorText({ logPath: log.path, format })
  return Buffer.concat([text.push(Buffer.from(output)), text.end()]).toString()
}

/** The server log as it is when a Looper dies with so many bytes of its last batch in it. */
const cutLastBatch = (serverLogPath: string, log: RunLog, bytes: number) =>
  truncateSync(serverLogPath, intentOf(log).size + Math.min(bytes, intentOf(log).textBytes))

const nextStart = Effect.gen(function* () {
  const { record: say, append } = yield* ServerLog
  say(record)
  yield* append(new Uint8Array())
})

/** A root whose Looper died with `bytes` bytes of the batch `output` in the server log. */
const crashed = (output: string | Uint8Array, bytes: number, format: LogFormat = "text") =>
  Effect.gen(function* () {
    const looper = makeRoot(format)
    const log = yield* looper.start(Effect.tap(create(output), (made) => mirrorRest(made)))
    cutLastBatch(looper.serverLogPath, log, bytes)
    return { ...looper, log }
  })

describe("a batch that a crash cut", () => {
  it.live("is finished before the next record", () =>
    Effect.gen(function* () {
      for (let bytes = 0; bytes <= "one\ntwo\n".length; bytes++) {
        const { start, text } = yield* crashed("one\ntwo\n", bytes)
        yield* start(nextStart)
        assert.strictEqual(text(), `${record}one\ntwo\n${record}`, `${bytes}`)
      }
    })
  )

  it.live("is finished once, however often Looper starts", () =>
    Effect.gen(function* () {
      const { start, text, doubts } = yield* crashed("one\ntwo\n", 5)
      for (let count = 0; count < 3; count++) yield* start(Effect.void)
      assert.strictEqual(text(), `${record}one\ntwo\n`)
      assert.deepStrictEqual(doubts(), [])
    })
  )

  it.live("is finished also where it is an unterminated last line, or one too long to be given whole", () =>
    Effect.gen(function* () {
      for (const output of ["one\ntwo", `one\n${"é".repeat(700_000)}\ntwo\n`]) {
        for (const bytes of [0, 5, 1_000_001]) {
          const { start, mirrored, log } = yield* crashed(output, bytes)
          yield* start(nextStart)
          assert.isTrue(mirrored() === expectedOf(log, output), `${output.length} ${bytes}`)
        }
      }
    })
  )

  it.live("is finished in the form in which it was begun, whatever that of the next Looper", () =>
    Effect.gen(function* () {
      const output = 'one "1"\n{"two\n'
      for (const [first, next] of [
        ["text", "json"],
        ["json", "text"],
        ["json", "json"]
      ] as const) {
        for (let bytes = 0; bytes <= 100; bytes++) {
          const { startIn, text, log, doubts } = yield* crashed(output, bytes, first)
          appendFileSync(log.path, "three\n")
          yield* startIn(next, nextStart)
          yield* startIn(next, mirrorRest(log))
          const rest = expectedOf(log, "three\n", next)
          assert.strictEqual(text(), `${record}${expectedOf(log, output, first)}${record}${record}${rest}`, `${bytes}`)
          assert.deepStrictEqual(doubts(), [])
        }
      }
    })
  )

  it.live("is one of several runs': the others' are complete", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath } = makeRoot()
      const last = yield* start(
        Effect.gen(function* () {
          yield* mirrorRest(yield* create("a1\na2\n"))
          yield* mirrorRest(yield* create("b1\n", "0b0b0b0b"))
          return yield* Effect.tap(create("c1\nc2\n", "00000000"), (log) => mirrorRest(log))
        })
      )
      cutLastBatch(serverLogPath, last, 4)
      yield* start(nextStart)
      assert.strictEqual(text(), `${record}a1\na2\n${record}b1\n${record}c1\nc2\n${record}`)
    })
  )

  const piece = Arbitrary.schema(Schema.Literals(["\n", "x", "yz\n", "\r\n", "\u001b[1m", "é", record, "\ufffd\n"]))
  const output = Arbitrary.map(Arbitrary.array(piece, { maxLength: 12 }), (pieces) => Buffer.from(pieces.join("")))
  const small = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })))

  it.live.prop(
    "is once and in order in the log, wherever it is cut, twice, and whether the log is moved then",
    [output, Arbitrary.array(small, { maxLength: 6 }), small, small, Arbitrary.schema(Schema.Boolean)],
    ([bytes, positions, cut, laterCut, isMoved]) =>
      Effect.gen(function* () {
        const { start, mirrored, serverLogPath, doubts } = makeRoot()
        const last = bytes.lastIndexOf("\n") + 1
        const log = yield* start(
          Effect.gen(function* () {
            const made = yield* create(bytes.subarray(0, last))
            const borders = positions.map((at) => at + made.headerBytes).toSorted((a, b) => a - b)
            yield* mirrorRest(made, borders)
            return made
          })
        )
        cutLastBatch(serverLogPath, log, cut)
        if (isMoved) renameSync(serverLogPath, `${serverLogPath}.1`)
        yield* start(nextStart)
        if (!isMoved) cutLastBatch(serverLogPath, log, Math.max(cut, laterCut))
        appendFileSync(log.path, bytes.subarray(last))
        yield* start(Effect.andThen(nextStart, mirrorRest(log)))
        assert.strictEqual(mirrored(), expectedOf(log, bytes))
        assert.deepStrictEqual(doubts(), [])
      }),
    { arbitrary: { runs: 150 } }
  )
})

describe("a server log that was moved while no Looper ran", () => {
  it.live("gets the rest of the line that it ends in; the next lines go to the new one", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath } = yield* crashed("one\ntwo\n", 5)
      renameSync(serverLogPath, `${serverLogPath}.1`)
      yield* start(nextStart)
      assert.strictEqual(readFileSync(`${serverLogPath}.1`, "utf8"), `${record}one\ntwo\n`)
      assert.strictEqual(text(), record)
    })
  )

  it.live("gets no more where it ends with a line, and the new one is known to have the rest", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath, log } = yield* crashed("one\ntwo\n", 4)
      renameSync(serverLogPath, `${serverLogPath}.1`)
      yield* start(nextStart)
      assert.strictEqual(readFileSync(`${serverLogPath}.1`, "utf8"), `${record}one\n`)
      assert.strictEqual(text(), `two\n${record}`)
      for (const bytes of [4, 2, 0]) {
        truncateSync(serverLogPath, bytes)
        yield* start(Effect.void)
        assert.strictEqual(text(), "two\n", `${bytes}`)
      }
      assert.strictEqual(intentOf(log).skip, 4)
    })
  )

  it.live("and deleted has what it had: the batch counts as written, which is said once", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath, doubts } = yield* crashed("one\ntwo\n", 5)
      rmSync(serverLogPath)
      yield* start(nextStart)
      yield* start(nextStart)
      assert.strictEqual(text(), record + record)
      assert.deepStrictEqual(doubts(), ["the server log that it was written to is gone"])
    })
  )
})

describe("what was changed while no Looper ran", () => {
  it.live("leaves the batch as it is, which is said once: the server log cut or overwritten", () =>
    Effect.gen(function* () {
      const changes: ReadonlyArray<readonly [(path: string) => void, string]> = [
        [(path) => truncateSync(path, 3), "the server log was truncated"],
        [(path) => writeFileSync(path, "x".repeat(record.length + 2)), "the server log was changed"]
      ]
      for (const [change, reason] of changes) {
        const { start, text, serverLogPath, doubts } = yield* crashed("one\ntwo\n", 5)
        change(serverLogPath)
        const changed = text()
        yield* start(nextStart)
        yield* start(Effect.void)
        assert.strictEqual(text(), `${changed}\n${record}`)
        assert.deepStrictEqual(doubts(), [reason])
      }
    })
  )

  it.live("leaves the batch as it is, which is said: the run log cut, overwritten or deleted", () =>
    Effect.gen(function* () {
      const changes: ReadonlyArray<readonly [(path: string) => void, RegExp]> = [
        [(path) => truncateSync(path, 10), /^the run log was changed$/],
        [(path) => writeFileSync(path, "\u001b\n".repeat(100)), /^the run log was changed$/],
        [(path) => rmSync(path), /ENOENT/]
      ]
      for (const [change, reason] of changes) {
        const { start, text, log, doubts } = yield* crashed("one\ntwo\n", 5)
        change(log.path)
        yield* start(nextStart)
        assert.strictEqual(text(), `${record}one\nt\n${record}`)
        assert.lengthOf(doubts(), 1)
        assert.match(String(doubts()[0]), reason)
        assert.strictEqual(intentOf(log).to, log.headerBytes + 8)
      }
    })
  )

  it.live("does not matter where the batch is complete: the server log grown, the run log deleted", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath, log, doubts } = yield* crashed("one\ntwo\n", 8)
      appendFileSync(serverLogPath, "by hand\n")
      rmSync(log.path)
      yield* start(nextStart)
      assert.strictEqual(text(), `${record}one\ntwo\nby hand\n${record}`)
      assert.deepStrictEqual(doubts(), [])
    })
  )

  it.live("does not matter where the journal is damaged: the start succeeds", () =>
    Effect.gen(function* () {
      for (const damage of ["", "mirror-1", "\0".repeat(200)]) {
        const { start, text, log } = yield* crashed("one\ntwo\n", 5)
        writeFileSync(journalOf(log.path), damage)
        yield* start(nextStart)
        assert.strictEqual(text(), `${record}one\nt\n${record}`)
      }
    })
  )
})

describe("a record that a crash cut", () => {
  it.live("ends there: the next record, or batch, begins in a line of its own", () =>
    Effect.gen(function* () {
      for (const isBatchFirst of [false, true]) {
        const { start, text, serverLogPath } = makeRoot()
        yield* start(nextStart)
        truncateSync(serverLogPath, 7)
        yield* start(isBatchFirst ? Effect.flatMap(create("one\n"), (log) => bare(log)) : nextStart)
        assert.strictEqual(text(), isBatchFirst ? `${record.slice(0, 7)}\none\n` : `${record.slice(0, 7)}\n${record}`)
      }
    })
  )

  it.live("ends there also where a Looper that exited had noted the batch's place behind it", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath, log } = yield* crashed("one\ntwo\n", 0)
      appendFileSync(serverLogPath, "2026")
      writeFileSync(journalOf(log.path), encodeIntent({ ...intentOf(log), size: record.length + 4 }))
      yield* start(nextStart)
      assert.strictEqual(text(), `${record}2026\none\ntwo\n${record}`)
    })
  )

  it.live("is not part of the batch behind it", () =>
    Effect.gen(function* () {
      const { start, text, serverLogPath } = makeRoot()
      yield* start(nextStart)
      truncateSync(serverLogPath, 7)
      const log = yield* start(Effect.tap(create("one\n"), bare))
      cutLastBatch(serverLogPath, log, 2)
      yield* start(nextStart)
      assert.strictEqual(text(), `${record.slice(0, 7)}\none\n${record}`)
    })
  )
})

/** Mirrors a log without a record before. */
const bare = (log: RunLog) =>
  Effect.gen(function* () {
    const serverLog = yield* ServerLog
    const batches = yield* makeMirrorBatches({ logPath: log.path, position: log.headerBytes, serverLog })
    yield* batches.take(readFileSync(log.path).subarray(log.headerBytes))
  }).pipe(Effect.scoped)

describe("a run log that was deleted", () => {
  it.live("is read through its codex, which still has it", () =>
    Effect.gen(function* () {
      const { start, text, log } = yield* crashed("one\ntwo\n", 5)
      const fd = openSync(log.path, "a")
      const codex = spawn("sleep", ["60"], { stdio: ["ignore", fd, "ignore"] })
      closeSync(fd)
      yield* Effect.promise(() => once(codex, "spawn"))
      const identity = { pid: codex.pid ?? 0, startTicks: 1 }
      const run = {
        requestId: log.requestId,
        bootId: "b",
        supervisor: identity,
        codex: identity,
        workspace: "/w",
        startedAtMillis: 1
      }
      appendFileSync(log.sidePath, sideFileIdentity(run))
      rmSync(log.path)
      yield* Effect.ensuring(
        start(nextStart),
        Effect.sync(() => codex.kill("SIGKILL"))
      )
      assert.strictEqual(text(), `${record}one\ntwo\n${record}`)
    })
  )
})
