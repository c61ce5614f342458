/** A history that was lost, made again from the logs and from memory. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { runLogHeader, runLogName, runLogTrailer, sideFileIdentity, sideFileStart } from "../../../src/domain/runLog.ts"
import { inferRun } from "../../../src/services/records/inferRun.ts"
import { holdLock, makeRoots, openRecords, query } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")
const id = "0a1b2c3d"
const identity = {
  requestId: id,
  bootId: "b",
  supervisor: { pid: 10, startTicks: 11 },
  codex: { pid: 12, startTicks: 13 },
  workspace: "/w",
  startedAtMillis: 14
}
const ended = { returnCode: 0, stoppedBy: undefined, durationMillis: 5.5, logBytes: 7 } as const

/** Writes a log that begins in this second; answers with its path. */
const writeLog = (output: string, options: { readonly requestId?: string; readonly workspace?: string } = {}) => {
  const { requestId = id, workspace = "/w" } = options
  const path = inLogs(runLogName({ requestId, startedAt: new Date() }))
  writeFileSync(path, runLogHeader({ requestId, workspace, command: "codex exec go" }) + output)
  return path
}
const writeSide = (logPath: string, text: string) => writeFileSync(logPath.replace(".log", ".state"), text)

describe("a run of which only the log is left", () => {
  const interrupted = { state: "interrupted", cause: "interrupted", returnCode: undefined }
  const table: ReadonlyArray<readonly [name: string, output: string, side: string | undefined, expected: object]> = [
    ["ended well", `out${runLogTrailer(0)}`, undefined, { state: "succeeded", cause: "exited", returnCode: 0 }],
    [
      "failed",
      runLogTrailer(137),
      undefined,
      { state: "failed", cause: "exited", returnCode: 137, reason: undefined, operation: undefined }
    ],
    [
      "failed and said why: nobody would take a secret out of it",
      `ERROR: usage limit\nbye${runLogTrailer(1)}`,
      undefined,
      { state: "failed", returnCode: 1, reason: undefined }
    ],
    ["ended unknown", runLogTrailer("unknown"), undefined, { ...interrupted, returnCode: "unknown" }],
    ["has no trailer", "out", undefined, interrupted],
    ["printed something after a trailer", `${runLogTrailer(0)}x`, undefined, interrupted],
    ["was cut inside its trailer", "\n# codex_exec_return_code=1", undefined, interrupted],
    ["did not begin its trailer with a line", "x# codex_exec_return_code=0\n", undefined, interrupted],
    ["was never let go", "", sideFileStart, interrupted],
    ["runs", "out", sideFileStart + sideFileIdentity(identity), { state: "running", cause: undefined, identity }],
    [
      "runs, whatever it printed",
      runLogTrailer(0),
      sideFileStart + sideFileIdentity(identity),
      { state: "running", cause: undefined, returnCode: undefined }
    ]
  ]
  it.live.each(table)("%s", ([, output, side, expected]) =>
    Effect.gen(function* () {
      const before = Date.now()
      const path = writeLog(output)
      if (side !== undefined) writeSide(path, side)
      const { records, said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      const record = yield* records.find(id)
      assert.deepInclude(record, { ...expected, workspace: "/w", logPath: path, isLogPruned: false })
      assert.isAtLeast(record?.startedAtMillis ?? 0, before - 20)
      assert.isAtMost(record?.startedAtMillis ?? 0, Date.now())
      const { mtimeMs, size } = statSync(path)
      const hasEnded = record?.state !== "running"
      assert.strictEqual(record?.endedAtMillis, hasEnded ? Math.round(mtimeMs) : undefined)
      assert.strictEqual(record?.logBytes, hasEnded ? size : undefined)
      assert.isUndefined(record?.durationMillis)
      assert.strictEqual((yield* records.unended).length, hasEnded ? 0 : 1)
      assert.deepStrictEqual(
        said.lines.map(({ level, event }) => `${level} ${event}`),
        ["Warn server.records.rebuilt"]
      )
    })
  )

  it("has the workspace that its header shows, whatever its length", () => {
    for (const workspace of [
      "/a b=c",
      `/${"é".repeat(2_000)}`,
      `/${"\n".repeat(4_000)}`,
      `/${"\u0001".repeat(4_000)}`
    ]) {
      const run = inferRun(writeLog("", { workspace }), id)
      const header = runLogHeader({ requestId: id, workspace, command: "" })
      assert.strictEqual(run?.record.workspace, header.split("\n")[1]?.slice("# workspace=".length))
    }
  })

  it("has none where its header is none", () => {
    for (const text of ["", "x", "# looper_request_id=\nx\n# workspace=/w\n", "\n# workspace=/w\n"]) {
      const path = writeLog("")
      writeFileSync(path, text)
      assert.deepInclude(inferRun(path, id)?.record, { workspace: "", state: "interrupted" })
    }
  })

  it("began when its name says where its file was born otherwise, and never after its last change", () => {
    const hour = 3_600_000
    const path = inLogs(`codex-exec-20260203-040506-${id}.log`)
    const named = new Date(2026, 1, 3, 4, 5, 6).getTime()
    writeFileSync(path, "")
    utimesSync(path, 0, (named + hour) / 1_000)
    assert.deepInclude(inferRun(path, id)?.record, { startedAtMillis: named, endedAtMillis: named + hour })
    utimesSync(path, 0, (named - hour) / 1_000)
    assert.deepInclude(inferRun(path, id)?.record, { startedAtMillis: named - hour, endedAtMillis: named - hour })
  })

  it("began when its file was born, to the millisecond, also where its name is of another time zone", () => {
    for (const hours of [0, -9.5, 5.75, 14]) {
      const startedAt = new Date(Date.now() + hours * 3_600_000)
      const path = inLogs(runLogName({ requestId: id, startedAt }))
      writeFileSync(path, "")
      assert.strictEqual(inferRun(path, id)?.record.startedAtMillis, Math.round(statSync(path).birthtimeMs))
    }
  })

  it.live("is read at its two ends, and is a plain file", () =>
    Effect.gen(function* () {
      const big = writeLog("", { requestId: "0b0b0b0b" })
      truncateSync(big, 50_000_000_000)
      writeFileSync(big, runLogTrailer(9), { flag: "a" })
      writeFileSync(inLogs("elsewhere"), runLogTrailer(0))
      symlinkSync(inLogs("elsewhere"), inLogs("codex-exec-20260203-040506-0c0c0c0c.log"))
      mkdirSync(inLogs("codex-exec-20260203-040506-0d0d0d0d.log"))
      execFileSync("mkfifo", [inLogs("codex-exec-20260203-040506-0e0e0e0e.log")])
      writeFileSync(inLogs("codex-exec-20260203-040506-0f0f0f0f.txt"), "")
      const { said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      assert.deepStrictEqual(query(file(), "SELECT request_id, return_code, log_bytes FROM runs"), [
        { request_id: "0b0b0b0b", return_code: 9, log_bytes: statSync(big).size }
      ])
      assert.deepInclude(said.of("server.records.rebuilt")[0], { runs: 1 })
    })
  )

  it.live("is one of very many, in the order of their starts", () =>
    Effect.gen(function* () {
      const count = 1_000
      for (let index = 0; index < count; index++) {
        const requestId = index.toString(16).padStart(8, "0")
        const name = runLogName({ requestId, startedAt: new Date(2026, 0, 1, 0, 0, index) })
        writeFileSync(
          inLogs(name),
          runLogHeader({ requestId, workspace: "/w", command: "c" }) + runLogTrailer(index % 2)
        )
      }
      const { said, close } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      const rows = query(file(), "SELECT request_id, return_code FROM runs ORDER BY started_at")
      assert.deepStrictEqual(
        rows.map(({ request_id }) => Number.parseInt(String(request_id), 16)),
        [...rows.keys()]
      )
      assert.strictEqual(rows.length, count)
      yield* close
      // A rebuild that was cut goes on where it was.
      const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
      const database = new DatabaseSync(file())
      database.exec("DELETE FROM runs WHERE return_code = 0")
      database.close()
      const second = yield* openRecords(root())
      yield* second.said.seen("server.records.rebuilt")
      assert.deepInclude(second.said.of("server.records.rebuilt")[0], { runs: count / 2 })
      yield* second.close
      const third = yield* openRecords(root())
      yield* Effect.yieldNow
      assert.deepStrictEqual(third.said.lines, [])
    })
  )

  it.live("is what its operation records, as soon as that records it", () =>
    Effect.gen(function* () {
      const path = writeLog("")
      writeSide(path, sideFileStart)
      const { records, said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      assert.deepInclude(yield* records.find(id), { state: "interrupted" })
      yield* records.begin({ requestId: id, workspace: "/real", logPath: path })
      assert.deepInclude(yield* records.find(id), { state: "starting", workspace: "/real", endedAtMillis: undefined })
      assert.deepStrictEqual(query(file(), "SELECT state, ended_at, is_inferred FROM runs"), [
        { state: "starting", ended_at: null, is_inferred: 0 }
      ])
    })
  )

  it.live("takes the end that is recorded of it later", () =>
    Effect.gen(function* () {
      writeLog("")
      const { records, said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      yield* records.end(id, { ...ended, returnCode: 3 })
      assert.deepInclude(yield* records.find(id), { state: "failed", returnCode: 3, workspace: "/w" })
      yield* records.end(id, ended)
      assert.deepInclude(yield* records.find(id), { state: "failed", returnCode: 3 })
    })
  )

  it.live("is recorded by its end alone where nothing else knew it", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      const path = writeLog("out")
      yield* records.end(id, { ...ended, stoppedBy: "request" })
      assert.deepInclude(yield* records.find(id), { state: "stopped", workspace: "/w", logPath: path, returnCode: 0 })
    })
  )
})

describe("a database that is lost while runs live", () => {
  const losses: ReadonlyArray<readonly [string, () => void]> = [
    ["deleted", () => rmSync(file())],
    [
      "damaged",
      () =>
        ["", "-wal", "-shm"].forEach((suffix) => (rmSync(file() + suffix), writeFileSync(file(), "x".repeat(9_000))))
    ]
  ]
  it.effect.each(losses)("%s, has them again at once, and what is recorded later is true", ([, lose]) =>
    Effect.gen(function* () {
      writeLog("", { requestId: "0e0e0e0e" })
      const { records, said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      const gone = writeLog(runLogTrailer(0), { requestId: "0b0b0b0b" })
      yield* records.begin({ requestId: "0b0b0b0b", workspace: "/w", logPath: gone })
      yield* records.end("0b0b0b0b", { ...ended, stoppedBy: "request" })
      yield* TestClock.adjust("1 second")
      const logPath = writeLog("")
      yield* records.begin({ requestId: id, workspace: "/real", logPath })
      yield* records.enter(id, "kill")
      yield* records.enter(id, "spawn")
      yield* records.stopping([id], "max_seconds")
      lose()
      yield* records.identify(identity)
      yield* said.seen("server.records.rebuilt", 2)
      const select =
        "SELECT request_id, state, started_at, workspace, stopped_by, is_inferred FROM runs WHERE request_id <> '0e0e0e0e' ORDER BY request_id"
      assert.deepStrictEqual(query(file(), select), [
        {
          request_id: id,
          state: "starting",
          started_at: 1_000,
          workspace: "/real",
          stopped_by: "max_seconds",
          is_inferred: 0
        },
        // Its end is as far as its log knows.
        {
          request_id: "0b0b0b0b",
          state: "succeeded",
          started_at: Math.round(statSync(gone).birthtimeMs),
          workspace: "/w",
          stopped_by: null,
          is_inferred: 1
        }
      ])
      assert.deepStrictEqual(
        query(file(), "SELECT step FROM steps ORDER BY rowid").map(({ step }) => step),
        ["kill", "spawn", "stop"]
      )
      yield* records.running(id)
      yield* records.leave(id, "ok")
      yield* records.end(id, { ...ended, stoppedBy: "max_seconds", returnCode: 143 })
      const record = yield* records.find(id)
      assert.deepInclude(record, {
        state: "stopped",
        cause: "max_seconds",
        returnCode: 143,
        workspace: "/real",
        identity
      })
      assert.strictEqual(record?.startedAtMillis, 1_000)
      assert.deepInclude(said.of("server.records.rebuilt")[1], {
        runs: 2,
        lost: "who stopped a run, its steps, idempotency keys, autopoll's backoff"
      })
    })
  )

  it.effect("does not hold up Looper's end while it is rebuilt", () =>
    Effect.gen(function* () {
      writeLog("")
      const { database, close, said } = yield* openRecords(root())
      yield* said.seen("server.records.rebuilt")
      rmSync(file())
      // The first thing that is done with the new file is its rebuild: it meets a lock.
      yield* database.isUsable
      const lock = holdLock(file())
      assert.isFalse(yield* database.tryWrite("DELETE FROM steps"))
      yield* close
      lock.release()
    })
  )
})
