import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, beforeEach } from "vitest"
import { parseIntent } from "../../../src/domain/mirrorIntent.ts"
import { journalOf, requestIdOfRunLog, type RunIdentity } from "../../../src/domain/runLog.ts"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { makeLogs } from "../zulip/sending.ts"

const folder = mkdtempSync(join(tmpdir(), "run-logs-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0
let root = ""
beforeEach(() => {
  root = join(folder, `${++roots}`)
})
const inLogs = (name = "") => join(root, "logs", name)
const read = (path: string) => readFileSync(path, "utf8")

const openLogs = Effect.suspend(() =>
  Effect.provide(
    RunLogs,
    RunLogs.layerNoDeps.pipe(
      Layer.provide(LogFolder.layerNoDeps),
      Layer.provide(LooperConfig.layer({ root, environment: {} }))
    )
  )
)
const run = { requestId: "0a1b2c3d", workspace: "/w", command: "codex exec go" }
const header = "# looper_request_id=0a1b2c3d\n# workspace=/w\n# command=codex exec go\n\n"
const identity: RunIdentity = {
  requestId: "0a1b2c3d",
  bootId: "b",
  supervisor: { pid: 10, startTicks: 11 },
  codex: { pid: 12, startTicks: 13 },
  workspace: "/w",
  startedAtMillis: 5
}

describe("a run's files", () => {
  it.live("are private, in a folder that is made privately", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const log = yield* logs.create(run)
      assert.strictEqual(statSync(inLogs()).mode & 0o777, 0o700)
      for (const path of [log.path, log.sidePath, journalOf(log.path)])
        assert.strictEqual(statSync(path).mode & 0o777, 0o600)
    })
  )

  it.live("leave the mode of a folder that is there", () =>
    Effect.gen(function* () {
      mkdirSync(inLogs(), { recursive: true })
      chmodSync(inLogs(), 0o755)
      yield* (yield* openLogs).create(run)
      assert.strictEqual(statSync(inLogs()).mode & 0o777, 0o755)
    })
  )

  it.live("are a log with its header, and a side file that has begun", () =>
    Effect.gen(function* () {
      const log = yield* (yield* openLogs).create(run)
      assert.strictEqual(requestIdOfRunLog(log.path.slice(inLogs().length + 1)), "0a1b2c3d")
      assert.strictEqual(read(log.path), header)
      assert.strictEqual(log.headerBytes, Buffer.byteLength(header))
      assert.strictEqual(log.sidePath, log.path.replace(".log", ".state"))
      assert.strictEqual(read(log.sidePath), "starting\n")
      assert.strictEqual(parseIntent(read(journalOf(log.path)))?.to, log.headerBytes)
    })
  )

  it.live("count their header in bytes", () =>
    Effect.gen(function* () {
      const log = yield* (yield* openLogs).create({ ...run, workspace: "/é😀" })
      assert.strictEqual(log.headerBytes, statSync(log.path).size)
    })
  )

  it.live("are both gone where one of them cannot be made", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const made = yield* logs.create(run)
      yield* logs.remove(made)
      assert.deepStrictEqual(readdirSync(inLogs()), [])
      // Within two seconds one of these names is taken.
      for (const seconds of [0, 1, 2]) {
        const at = new Date(Date.now() + seconds * 1_000)
        const digits = [
          at.getFullYear(),
          at.getMonth() + 1,
          at.getDate(),
          at.getHours(),
          at.getMinutes(),
          at.getSeconds()
        ]
        const [date, time] = [digits.slice(0, 3), digits.slice(3)].map((some) =>
          some.map((digit) => String(digit).padStart(2, "0")).join("")
        )
        mkdirSync(inLogs(`codex-exec-${date}-${time}-0a1b2c3d.state`))
      }
      const error = yield* Effect.flip(logs.create(run))
      assert.match(error.message, /^cannot create run log .*-0a1b2c3d\.log: EEXIST/)
      assert.deepStrictEqual(
        readdirSync(inLogs()).filter((name) => !name.endsWith(".state")),
        []
      )
    })
  )

  it.live("are those of another run where they are there already, and stay as they are", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const first = yield* logs.create(run)
      appendFileSync(first.path, "out")
      // The name holds the second: the clock may move on between the two.
      const second = yield* Effect.result(logs.create({ ...run, command: "other" }))
      assert.isTrue(Result.isFailure(second) || second.success.path !== first.path)
      assert.strictEqual(read(first.path), `${header}out`)
      assert.strictEqual(read(first.sidePath), "starting\n")
    })
  )

  it.live("are made in a new folder where theirs is gone, and refused where there can be none", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      rmSync(inLogs(), { recursive: true })
      const log = yield* logs.create(run)
      assert.isTrue(existsSync(log.sidePath))
      rmSync(inLogs(), { recursive: true })
      writeFileSync(inLogs(), "")
      assert.match((yield* Effect.flip(logs.create(run))).message, /^cannot create run log .*EEXIST/)
    })
  )

  it.live("say who the run is once that is known", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const log = yield* logs.create(run)
      yield* logs.writeIdentity(log, identity)
      appendFileSync(log.sidePath, "7\ndone\n")
      assert.deepStrictEqual(yield* logs.readSide(log.sidePath), { identity, returnCode: 7, hasTrailer: true })
      yield* logs.removeState(log.path)
      assert.isUndefined(yield* logs.readSide(log.sidePath))
      yield* logs.removeState(log.path)
    })
  )
})

const found = (logPath: string) => ({ requestId: "0a1b2c3d", logPath, sidePath: logPath.replace(".log", ".state") })

describe("a log that an earlier Looper created", () => {
  it.live("is opened as it was created", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      for (const command of ["codex", "x".repeat(70_000), ...[-2, -1, 0].map((by) => "x".repeat(65_536 - 55 + by))]) {
        const log = yield* logs.create({ ...run, command })
        appendFileSync(log.path, "one\n\ntwo\n\n")
        assert.deepStrictEqual(yield* logs.open(found(log.path)), log)
        yield* logs.remove(log)
      }
    })
  )

  it.live("has no header where it was written anew, and is all header where that was cut", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const path = inLogs("codex-exec-20260203-040506-0a1b2c3d.log")
      for (const [text, bytes] of [
        ["one\n\ntwo", 0],
        ["", 0],
        ["# looper_request_id=0a1b2c3d\n# work", 35]
      ] as const) {
        writeFileSync(path, text)
        assert.strictEqual((yield* logs.open(found(path))).headerBytes, bytes)
      }
      rmSync(path)
      assert.strictEqual((yield* logs.open(found(path))).headerBytes, 0)
    })
  )

  it.live("keeps its mirror's journal as long as its side file, or as somebody knows the run", () =>
    Effect.gen(function* () {
      const log = yield* (yield* openLogs).create(run)
      for (const id of ["0b0b0b0b", "0c0c0c0c"]) writeFileSync(inLogs(`codex-exec-20260203-040506-${id}.mirror`), "")
      writeFileSync(`${journalOf(log.path)}.new`, "")
      yield* (yield* openLogs).tidy(new Set(["0c0c0c0c"]))
      assert.sameMembers(readdirSync(inLogs()), [
        "codex-exec-20260203-040506-0c0c0c0c.mirror",
        ...[log.path, journalOf(log.path), log.sidePath].map((path) => basename(path))
      ])
    })
  )
})

describe("the log folder", () => {
  it.live("tells which runs it has had", () =>
    Effect.gen(function* () {
      mkdirSync(inLogs(), { recursive: true })
      writeFileSync(inLogs("codex-exec-20260203-040506-auto0b0b0b0b.log"), "")
      writeFileSync(inLogs("codex-exec-20260203-040506-0c0c0c0c.txt"), "")
      const logs = yield* openLogs
      const log = yield* logs.create(run)
      yield* logs.remove(log)
      assert.isTrue(logs.has("auto0b0b0b0b"))
      assert.isTrue(logs.has("0a1b2c3d"))
      assert.isFalse(logs.has("0c0c0c0c"))
    })
  )

  it.live("tells when a run log changed last, whatever else is in it", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      assert.isUndefined(yield* logs.newestChangeMillis)
      const times = [1_000, 3_000, 2_000, 9_000]
      const names = ["-0a0a0a0a.log", "-auto0b0b0b0b.log", "-0c0c0c0c.log", "-0a0a0a0a.state"]
      for (const [index, name] of names.entries()) {
        const path = inLogs(`codex-exec-20260203-040506${name}`)
        writeFileSync(path, "")
        utimesSync(path, 0, times[index] ?? 0)
      }
      assert.strictEqual(yield* logs.newestChangeMillis, 3_000_000)
      rmSync(inLogs(), { recursive: true })
      assert.isUndefined(yield* logs.newestChangeMillis)
    })
  )

  it.live("lists the side files of an earlier Looper's runs, and no other file", () =>
    Effect.gen(function* () {
      const earlier = yield* openLogs
      const log = yield* earlier.create(run)
      yield* earlier.writeIdentity(log, identity)
      for (const name of ["x.state", "looper.state", "codex-exec-20260203-040506-nobody.state", ".state"]) {
        writeFileSync(inLogs(name), "starting\n")
      }
      mkdirSync(inLogs("codex-exec-20260203-040506-0b0b0b0b.state"))
      assert.deepStrictEqual(yield* (yield* openLogs).sideFiles, [
        {
          requestId: "0a1b2c3d",
          logPath: log.path,
          sidePath: log.sidePath,
          side: { identity, returnCode: undefined, hasTrailer: false }
        }
      ])
    })
  )

  it.live("says how much is free", () =>
    Effect.gen(function* () {
      const free = yield* (yield* openLogs).freeBytes
      assert.isAbove(free, 0)
      assert.isBelow(free, 2 ** 60)
    })
  )
})

describe("the end of a run log", () => {
  it.live("is read as bytes, as many as asked for or as there are", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const log = yield* logs.create({ requestId: "0a1b2c3d", workspace: "/w", command: "codex exec hi" })
      appendFileSync(log.path, Buffer.from("abc\xff\0", "latin1"))
      assert.deepStrictEqual(yield* logs.tail(log, 3), Buffer.from("c\xff\0", "latin1"))
      assert.strictEqual((yield* logs.tail(log, 0)).length, 0)
      assert.strictEqual((yield* logs.tail({ ...log, path: inLogs("missing") }, 5)).length, 0)
    })
  )

  it.live("is read without the header, which holds the prompt", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const log = yield* logs.create({ requestId: "0a1b2c3d", workspace: "/w", command: "codex exec secret" })
      appendFileSync(log.path, "abc")
      assert.strictEqual((yield* logs.tail(log, 1_200)).toString(), "abc")
    })
  )

  it.live("gets the trailer it lacks, once", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const table = [
        ["", 0],
        ["out", 7],
        ["out\n", "unknown"],
        ["out\n# codex_exec_return_code=1\n", 0],
        ["out\n\n# codex_exec_return_code=0\nmore", 0],
        ["out\n\n# codex_exec_ret", 0]
      ] as const
      for (const [text, code] of table) {
        const path = inLogs("x")
        const complete = `${text}\n# codex_exec_return_code=${code}\n`
        writeFileSync(path, text)
        assert.isTrue(yield* logs.ensureTrailer(path, code))
        assert.strictEqual(read(path), complete)
        assert.isTrue(yield* logs.ensureTrailer(path, code))
        assert.strictEqual(read(path), complete)
      }
    })
  )

  it.live("stays missing where the log was deleted, which is logged", () =>
    Effect.gen(function* () {
      const logs = yield* openLogs
      const said = makeLogs()
      yield* Effect.provide(logs.ensureTrailer(inLogs("x"), 0), said.layer)
      assert.isFalse(existsSync(inLogs("x")))
      assert.deepStrictEqual(
        said.lines.map(({ level, event }) => [level, event]),
        [["Warn", "codex.exec.trailer.fail"]]
      )
    })
  )
})
