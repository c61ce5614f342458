/** The history of runs as operations write it: states, repeats, restarts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { rmSync, writeFileSync } from "node:fs"
import type { RunRecord, RunStep } from "../../../src/domain/RunRecord.ts"
import { runLogHeader, runLogTrailer, sideFileIdentity, sideFileStart } from "../../../src/domain/runLog.ts"
import type { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { execute, holdLock, makeRoots, openRecords, query, until } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")
const id = "0a1b2c3d"
const logOf = (requestId = id) => inLogs(`codex-exec-20260203-040506-${requestId}.log`)

const identity = {
  requestId: id,
  bootId: "b",
  supervisor: { pid: 10, startTicks: 11 },
  codex: { pid: 12, startTicks: 13 },
  workspace: "/w",
  startedAtMillis: 5
}
const begun = (requestId = id) => ({ requestId, workspace: "/w", logPath: logOf(requestId) })
const ended = { returnCode: 0, stoppedBy: undefined, durationMillis: 5.5, logBytes: 7 } as const

/** A record of which nothing is known but its beginning. */
const starting = (): RunRecord => ({
  ...begun(),
  state: "starting",
  cause: undefined,
  returnCode: undefined,
  error: undefined,
  operation: undefined,
  reason: undefined,
  startedAtMillis: 0,
  endedAtMillis: undefined,
  durationMillis: undefined,
  logBytes: undefined,
  isLogPruned: false,
  identity: undefined
})

/** What memory and what the database say of the run, which must agree. */
const found = Effect.fnUntraced(function* (records: RunRecords["Service"]) {
  const record = yield* records.find(id)
  const other = yield* openRecords(root())
  assert.deepStrictEqual(yield* other.records.find(id), record)
  assert.deepStrictEqual(yield* other.records.steps(id), yield* records.steps(id))
  yield* other.close
  return record
})

/** A step that took a second, or goes on. */
const step = (name: RunStep["step"], at: number, result: string | undefined): RunStep => ({
  step: name,
  startedAtMillis: at,
  endedAtMillis: result === undefined ? undefined : at + 1_000,
  result,
  detail: undefined
})

describe("a run's record", () => {
  it.effect("goes from its begin to its end", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun())
      assert.deepStrictEqual(yield* found(records), starting())
      yield* records.identify(identity)
      assert.deepStrictEqual(yield* found(records), { ...starting(), identity })
      yield* records.running(id)
      assert.deepStrictEqual(yield* records.unended, [{ ...starting(), identity, state: "running" }])
      yield* TestClock.adjust("2 seconds")
      yield* records.end(id, ended)
      assert.deepStrictEqual(yield* records.unended, [])
      assert.deepStrictEqual(yield* found(records), {
        ...starting(),
        identity,
        state: "succeeded",
        cause: "exited",
        returnCode: 0,
        endedAtMillis: 2_000,
        durationMillis: 5.5,
        logBytes: 7
      })
    })
  )

  it.effect("tells which operation began it", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin({ ...begun(), operation: "spawn" })
      assert.deepStrictEqual(yield* found(records), { ...starting(), operation: "spawn" })
      yield* records.end(id, ended)
      assert.strictEqual((yield* found(records))?.operation, "spawn")
    })
  )

  const ends: ReadonlyArray<
    readonly [name: string, (records: RunRecords["Service"]) => Effect.Effect<void>, Partial<RunRecord>]
  > = [
    [
      "with another code",
      (r) => r.end(id, { ...ended, returnCode: 3, reason: "usage limit" }),
      { state: "failed", cause: "exited", returnCode: 3, reason: "usage limit" }
    ],
    [
      "with nobody knowing how",
      (r) => r.end(id, { ...ended, returnCode: "unknown", durationMillis: undefined }),
      { state: "interrupted", cause: "interrupted", returnCode: "unknown", durationMillis: undefined }
    ],
    [
      "stopped",
      (r) => r.end(id, { ...ended, returnCode: 143, stoppedBy: "replacement" }),
      { state: "stopped", cause: "replacement", returnCode: 143 }
    ],
    [
      "never let go, for an error",
      (r) => r.endUnstarted(id, { error: "SpawnFailed", reason: "failed to start" }),
      {
        state: "failed",
        cause: "not_started",
        error: "SpawnFailed",
        reason: "failed to start",
        returnCode: undefined
      }
    ],
    [
      "never let go, stopped",
      (r) => r.endUnstarted(id, { stoppedBy: "shutdown" }),
      { state: "stopped", cause: "shutdown", reason: undefined }
    ],
    [
      "never let go, with Looper",
      (r) => r.endUnstarted(id, "interrupted"),
      { state: "interrupted", cause: "interrupted" }
    ]
  ]
  it.effect.each(ends)("ends %s, and the first end stays", ([, end, expected]) =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun())
      yield* TestClock.adjust("1 second")
      yield* end(records)
      const record = yield* found(records)
      assert.deepInclude(record, { ...expected, endedAtMillis: 1_000 })
      assert.deepStrictEqual(yield* records.unended, [])
      yield* TestClock.adjust("1 second")
      for (const [, other] of ends) yield* other(records)
      yield* records.begin(begun())
      yield* records.running(id)
      yield* records.stopping([id], "max_seconds")
      yield* records.stopForgotten(id)
      assert.deepStrictEqual(yield* found(records), record)
    })
  )

  it.effect("tells each step, in order, with its result", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun())
      for (const step of ["notify", "kill", "spawn"] as const) {
        yield* records.enter(id, step)
        yield* TestClock.adjust("1 second")
      }
      yield* found(records)
      assert.deepStrictEqual(yield* records.steps(id), [
        step("notify", 0, "ok"),
        step("kill", 1_000, "ok"),
        step("spawn", 2_000, undefined)
      ])
      yield* records.leave(id, "SpawnFailed", "no memory")
      yield* records.endUnstarted(id, { error: "SpawnFailed" })
      yield* found(records)
      const failed = { ...step("spawn", 2_000, "SpawnFailed"), detail: "no memory" }
      assert.deepStrictEqual((yield* records.steps(id)).at(-1), failed)
    })
  )

  it.effect("has a preflight that never ended before it began, whatever the clock does meanwhile", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin({ ...begun(), checked: { startedAtMillis: 5_000, detail: "/w, /codex" } })
      yield* found(records)
      assert.deepStrictEqual(yield* records.steps(id), [
        { step: "preflight", startedAtMillis: 5_000, endedAtMillis: 5_000, result: "ok", detail: "/w, /codex" }
      ])
    })
  )

  it.effect("completes its last step also where codex ended before", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun())
      yield* records.enter(id, "spawn")
      yield* records.end(id, { ...ended, returnCode: 1 })
      yield* records.enter(id, "startup_check")
      yield* records.leave(id, "ExitedEarly")
      yield* found(records)
      assert.deepStrictEqual(
        (yield* records.steps(id)).map(({ step, result }) => [step, result]),
        [
          ["spawn", "ok"],
          ["startup_check", "ExitedEarly"]
        ]
      )
    })
  )

  it.effect("tells who was stopping it, the first of them, and when", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun())
      yield* records.enter(id, "startup_check")
      yield* records.stopping([id, "0f0f0f0f"], "request")
      yield* records.stopping([id], "shutdown")
      assert.strictEqual(yield* records.stopCause(id), "request")
      assert.isUndefined(yield* records.stopCause("0f0f0f0f"))
      yield* records.leave(id, "Cancelled")
      yield* TestClock.adjust("1 second")
      yield* records.end(id, { ...ended, returnCode: 143, stoppedBy: "request" })
      yield* found(records)
      assert.strictEqual(yield* records.stopCause(id), "request")
      assert.deepStrictEqual(
        (yield* records.steps(id)).map(({ step, endedAtMillis, result }) => [step, endedAtMillis, result]),
        [
          ["startup_check", 0, "Cancelled"],
          ["stop", 1_000, "ok"]
        ]
      )
    })
  )

  it.effect("forgets a stop that ended with its Looper, and remembers the next", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.records.begin(begun())
      yield* first.records.running(id)
      yield* first.records.stopping([id], "request")
      yield* first.close
      const { records } = yield* openRecords(root())
      assert.strictEqual(yield* records.stopCause(id), "request")
      yield* records.stopForgotten(id)
      assert.isUndefined(yield* records.stopCause(id))
      yield* found(records)
      const stop = { step: "stop" as const, startedAtMillis: 0, endedAtMillis: undefined, detail: undefined }
      assert.deepStrictEqual(yield* records.steps(id), [{ ...stop, result: "interrupted" }])
      yield* TestClock.adjust("1 second")
      yield* records.stopping([id], "max_seconds")
      assert.deepStrictEqual(yield* records.steps(id), [{ ...stop, startedAtMillis: 1_000, result: undefined }])
      yield* records.stopForgotten(id)
      yield* records.end(id, ended)
      assert.deepInclude(yield* found(records), { state: "succeeded", cause: "exited" })
      assert.deepStrictEqual(yield* records.steps(id), [{ ...stop, startedAtMillis: 1_000, result: "interrupted" }])
    })
  )

  it.effect("is none for a request that began no run", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.enter(id, "notify")
      yield* records.leave(id, "ok")
      yield* records.running(id)
      yield* records.identify(identity)
      yield* records.stopping([id], "request")
      yield* records.stopForgotten(id)
      yield* records.end(id, ended)
      yield* records.endUnstarted(id, "interrupted")
      assert.isFalse(records.has(id))
      assert.isUndefined(yield* records.find(id))
      for (const table of ["runs", "steps"]) assert.deepStrictEqual(query(file(), `SELECT * FROM ${table}`), [])
    })
  )
})

describe("a Looper that comes later", () => {
  it.effect("knows every id, also of a run whose log is gone", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.records.begin(begun())
      yield* first.records.end(id, ended)
      yield* first.close
      writeFileSync(logOf("0c0c0c0c"), "")
      const { records } = yield* openRecords(root())
      assert.deepStrictEqual([id, "0c0c0c0c", "0d0d0d0d", ""].map(records.has), [true, true, false, false])
      yield* records.begin(begun("0d0d0d0d"))
      assert.isTrue(records.has("0d0d0d0d"))
    })
  )

  it.effect("finds what has not ended, with the step in which Looper died, and ends it", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.records.begin(begun())
      yield* first.records.enter(id, "kill")
      yield* first.records.begin(begun("auto0b0b0b0b"))
      yield* first.records.end("auto0b0b0b0b", ended)
      yield* first.close
      const { records } = yield* openRecords(root())
      assert.deepStrictEqual(yield* records.unended, [starting()])
      yield* records.endUnstarted(id, "interrupted")
      assert.deepInclude(yield* found(records), { state: "interrupted" })
      assert.deepStrictEqual(yield* records.steps(id), [
        { step: "kill", startedAtMillis: 0, endedAtMillis: undefined, result: undefined, detail: undefined }
      ])
    })
  )

  it.effect("closes a run whose end was lost with memory, by its log, unless its side file is there", () =>
    Effect.gen(function* () {
      const ids = ["0a0a0a0a", "0b0b0b0b", "0c0c0c0c", "0d0d0d0d", "0e0e0e0e"] as const
      const first = yield* openRecords(root())
      for (const each of ids) {
        yield* first.records.begin(begun(each))
        yield* first.records.identify({ ...identity, requestId: each })
        yield* first.records.running(each)
        writeFileSync(logOf(each), runLogHeader({ requestId: each, workspace: "/other", command: "c" }))
      }
      yield* first.close
      writeFileSync(logOf(ids[0]), `ERROR: usage limit\nbye${runLogTrailer(3)}`, { flag: "a" })
      writeFileSync(logOf(ids[1]), runLogTrailer(0), { flag: "a" })
      writeFileSync(
        logOf(ids[1]).replace(".log", ".state"),
        sideFileStart + sideFileIdentity({ ...identity, requestId: ids[1] })
      )
      writeFileSync(logOf(ids[2]), "no trailer", { flag: "a" })
      rmSync(logOf(ids[3]))
      writeFileSync(logOf(ids[4]), runLogTrailer(0), { flag: "a" })
      writeFileSync(logOf(ids[4]).replace(".log", ".state"), sideFileStart)
      const { records } = yield* openRecords(root())
      assert.deepStrictEqual((yield* records.unended).map(({ requestId }) => requestId).toSorted(), ids.slice(1))
      const closed = yield* records.find(ids[0])
      assert.deepInclude(closed, {
        state: "failed",
        cause: "exited",
        returnCode: 3,
        reason: undefined,
        startedAtMillis: 0,
        workspace: "/w"
      })
      assert.isAbove(closed?.endedAtMillis ?? 0, 0)
      assert.deepStrictEqual(closed?.identity, { ...identity, requestId: ids[0] })
    })
  )

  it.effect("leaves the record of a run whose id is begun again", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.records.begin(begun())
      yield* first.records.end(id, ended)
      yield* first.close
      const second = yield* openRecords(root())
      yield* second.records.begin(begun())
      assert.deepStrictEqual(query(file(), "SELECT state FROM runs"), [{ state: "succeeded" }])
    })
  )

  it.effect("drops what somebody else wrote into a row", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      for (const each of [id, "0b0b0b0b"]) yield* first.records.begin(begun(each))
      yield* first.close
      execute(
        file(),
        `UPDATE runs SET state = 'sleeping' WHERE request_id = '${id}';
        UPDATE runs SET identity = '{', operation = 'dance'`
      )
      const { records } = yield* openRecords(root())
      assert.isUndefined(yield* records.find(id))
      assert.deepStrictEqual(yield* records.unended, [{ ...starting(), ...begun("0b0b0b0b") }])
    })
  )
})

describe("without a database", () => {
  it.effect("records are right as long as Looper lives, and written when it is back", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun("0b0b0b0b"))
      const lock = holdLock(file())
      yield* records.begin(begun())
      yield* records.enter(id, "spawn")
      yield* records.leave(id, "ok")
      yield* records.running(id)
      assert.deepStrictEqual(yield* records.unended, [
        { ...starting(), ...begun("0b0b0b0b") },
        { ...starting(), state: "running" }
      ])
      yield* records.end(id, ended)
      yield* records.end("0b0b0b0b", ended)
      yield* records.enter("0b0b0b0b", "spawn")
      assert.deepStrictEqual(yield* records.steps("0b0b0b0b"), [])
      assert.deepStrictEqual(yield* records.unended, [])
      assert.deepInclude(yield* records.find(id), { state: "succeeded" })
      assert.strictEqual((yield* records.steps(id)).length, 1)
      lock.release()
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* found(records), { state: "succeeded" })
    })
  )

  it.effect("a start knows the runs of its side files, and takes the rest from it when it is back", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      for (const each of [id, "0b0b0b0b", "0c0c0c0c"]) yield* first.records.begin(begun(each))
      yield* first.records.enter(id, "kill")
      yield* first.records.stopping([id, "0c0c0c0c"], "max_seconds")
      yield* first.close
      for (const each of [id, "0c0c0c0c"]) {
        writeFileSync(logOf(each), runLogHeader({ requestId: each, workspace: "/w", command: "c" }))
        const side = sideFileStart + sideFileIdentity({ ...identity, requestId: each })
        writeFileSync(logOf(each).replace(".log", ".state"), side)
      }
      const lock = holdLock(file(), "EXCLUSIVE")
      const { records } = yield* openRecords(root())
      assert.deepStrictEqual((yield* records.unended).map(({ requestId, state }) => [requestId, state]).toSorted(), [
        [id, "running"],
        ["0c0c0c0c", "running"]
      ])
      assert.isUndefined(yield* records.stopCause(id))
      yield* records.end("0c0c0c0c", { ...ended, stoppedBy: "max_seconds" })
      lock.release()
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* until(records.stopCause(id), Boolean), "max_seconds")
      yield* until(records.find("0c0c0c0c"), (record) => record?.startedAtMillis === 0)
      assert.deepStrictEqual(
        (yield* records.steps(id)).map(({ step }) => step),
        ["kill", "stop"]
      )
      assert.deepInclude(yield* records.find(id), { startedAtMillis: 0 })
      assert.deepStrictEqual((yield* records.unended).map(({ requestId }) => requestId).toSorted(), [id, "0b0b0b0b"])
      assert.deepInclude(yield* records.find("0c0c0c0c"), {
        state: "stopped",
        cause: "max_seconds",
        startedAtMillis: 0
      })
    })
  )

  it.effect("a start whose side file is older than the record leaves the end that is recorded", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.records.begin(begun())
      yield* first.records.running(id)
      yield* first.records.end(id, { ...ended, returnCode: 143, stoppedBy: "max_seconds" })
      yield* first.close
      writeFileSync(logOf(id), runLogHeader({ requestId: id, workspace: "/w", command: "c" }))
      writeFileSync(logOf(id).replace(".log", ".state"), sideFileStart + sideFileIdentity(identity))
      const lock = holdLock(file(), "EXCLUSIVE")
      const { records, database, close } = yield* openRecords(root())
      assert.strictEqual((yield* records.unended).length, 1)
      yield* records.running(id)
      yield* records.end(id, ended)
      lock.release()
      assert.isTrue(yield* database.isUsable)
      yield* close
      assert.deepStrictEqual(query(file(), "SELECT state, cause, return_code FROM runs"), [
        { state: "stopped", cause: "max_seconds", return_code: 143 }
      ])
    })
  )
})
