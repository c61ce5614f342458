/** Which run logs are removed, and what is never touched. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { execute, holdLock, makeRoots, openRecords, query } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")

const idOf = (index: number) => index.toString(16).padStart(8, "0")
const nameOf = (index: number) => `codex-exec-20260203-040506-${idOf(index)}.log`
const none: ReadonlySet<string> = new Set()

/** Runs 1 to `count`, an hour apart and each an hour long, with logs of 100 bytes. */
const withRuns = Effect.fnUntraced(function* (count: number, environment: Readonly<Record<string, string>>) {
  const opened = yield* openRecords(root(), environment)
  for (let index = 1; index <= count; index++) {
    const requestId = idOf(index)
    writeFileSync(inLogs(nameOf(index)), "x".repeat(100))
    yield* opened.records.begin({ requestId, workspace: "/w", logPath: inLogs(nameOf(index)) })
    yield* TestClock.adjust("1 hour")
    yield* opened.records.end(requestId, { returnCode: 0, stoppedBy: undefined, durationMillis: 1, logBytes: 100 })
  }
  return opened
})

/** Which of the runs' logs are in the folder, and which the records say are pruned. */
const state = () => ({
  logs: readdirSync(inLogs())
    .filter((name) => name.startsWith("codex-exec-20260203") && name.endsWith(".log"))
    .map((name) => Number.parseInt(name.slice(-12, -4), 16))
    .toSorted((a, b) => a - b),
  pruned: query(file(), "SELECT request_id FROM runs WHERE is_log_pruned ORDER BY 1").map(({ request_id }) =>
    Number.parseInt(String(request_id), 16)
  )
})

describe("retention", () => {
  const table: ReadonlyArray<readonly [environment: Readonly<Record<string, string>>, left: ReadonlyArray<number>]> = [
    [{}, [1, 2, 3, 4, 5]],
    [{ LOOPER_LOG_RETENTION_RUNS: "2" }, [4, 5]],
    [{ LOOPER_LOG_RETENTION_RUNS: "5" }, [1, 2, 3, 4, 5]],
    [{ LOOPER_LOG_RETENTION_BYTES: "300" }, [3, 4, 5]],
    [{ LOOPER_LOG_RETENTION_BYTES: "299" }, [4, 5]],
    [{ LOOPER_LOG_RETENTION_BYTES: "1" }, []],
    [{ LOOPER_LOG_RETENTION_DAYS: "0.125" }, [2, 3, 4, 5]],
    [{ LOOPER_LOG_RETENTION_DAYS: "1" }, [1, 2, 3, 4, 5]],
    [{ LOOPER_LOG_RETENTION_RUNS: "3", LOOPER_LOG_RETENTION_BYTES: "250", LOOPER_LOG_RETENTION_DAYS: "9" }, [4, 5]]
  ]
  it.effect.each(table)("%j keeps the newest logs, and every record", ([environment, left]) =>
    Effect.gen(function* () {
      const { retention, records, said } = yield* withRuns(5, environment)
      yield* retention.prune(none)
      const gone = [1, 2, 3, 4, 5].filter((index) => !left.includes(index))
      assert.deepStrictEqual(state(), { logs: [...left], pruned: gone })
      for (const index of [1, 2, 3, 4, 5]) {
        const record = yield* records.find(idOf(index))
        assert.deepInclude(record, { isLogPruned: gone.includes(index), logBytes: 100, state: "succeeded" })
        assert.isTrue(records.has(idOf(index)))
      }
      const told = gone.length === 0 ? [] : [{ count: gone.length, bytes: 100 * gone.length }]
      assert.deepStrictEqual(said.of("server.retention.pruned"), told)
      yield* retention.prune(none)
      assert.strictEqual(said.of("server.retention.pruned").length, told.length)
    })
  )

  it.effect("goes by the record's start, not by the name", () =>
    Effect.gen(function* () {
      const { retention } = yield* withRuns(3, { LOOPER_LOG_RETENTION_RUNS: "1" })
      execute(file(), `UPDATE runs SET started_at = 1e12 WHERE request_id = '${idOf(1)}'`)
      yield* retention.prune(none)
      assert.deepStrictEqual(state(), { logs: [1], pruned: [2, 3] })
    })
  )

  it.effect("never removes what lives, or may", () =>
    Effect.gen(function* () {
      const { retention, records } = yield* withRuns(4, { LOOPER_LOG_RETENTION_BYTES: "1" })
      writeFileSync(inLogs(nameOf(5)), "x".repeat(100))
      yield* records.begin({ requestId: idOf(5), workspace: "/w", logPath: inLogs(nameOf(5)) })
      writeFileSync(inLogs(nameOf(2).replace(".log", ".state")), "starting\n")
      yield* retention.prune(new Set([idOf(3)]))
      assert.deepStrictEqual(state(), { logs: [2, 3, 5], pruned: [1, 4] })
      rmSync(inLogs(nameOf(2).replace(".log", ".state")))
      yield* retention.prune(none)
      assert.deepStrictEqual(state(), { logs: [5], pruned: [1, 2, 3, 4] })
    })
  )

  it.effect("never touches another file, nor follows a link", () =>
    Effect.gen(function* () {
      const { retention } = yield* withRuns(6, { LOOPER_LOG_RETENTION_BYTES: "1" })
      const others = ["looper-server.log", "notes.txt", "codex-exec-20260203-040506-0000000z.log", nameOf(77)]
      for (const name of others) writeFileSync(inLogs(name), "mine")
      mkdirSync(inLogs("folder"))
      writeFileSync(inLogs("folder/x"), "mine")
      rmSync(inLogs(nameOf(1)))
      symlinkSync(inLogs("notes.txt"), inLogs(nameOf(1)))
      rmSync(inLogs(nameOf(2)))
      mkdirSync(inLogs(nameOf(2)))
      // What a record names is no run log of its own.
      for (const [index, name] of [
        [3, "notes.txt"],
        [4, "../outside"],
        [5, nameOf(77)]
      ] as const) {
        execute(file(), `UPDATE runs SET log_name = '${name}', log_bytes = NULL WHERE request_id = '${idOf(index)}'`)
      }
      writeFileSync(inLogs("../outside"), "mine")
      yield* retention.prune(none)
      for (const name of [...others, "folder/x", "../outside", nameOf(1)]) {
        assert.strictEqual(readFileSync(inLogs(name), "utf8"), "mine")
      }
      assert.isTrue(existsSync(inLogs(nameOf(2))))
      assert.deepStrictEqual(state().pruned, [6])
    })
  )

  it.effect("removes nothing while the database is unusable", () =>
    Effect.gen(function* () {
      const { retention } = yield* withRuns(3, { LOOPER_LOG_RETENTION_RUNS: "1" })
      const lock = holdLock(file())
      yield* retention.prune(none)
      assert.deepStrictEqual(state(), { logs: [1, 2, 3], pruned: [] })
      lock.release()
      yield* retention.prune(none)
      assert.deepStrictEqual(state(), { logs: [3], pruned: [1, 2] })
    })
  )

  it.effect("removes later what was recorded as removed, and records what is removed already", () =>
    Effect.gen(function* () {
      const { retention, said } = yield* withRuns(5, { LOOPER_LOG_RETENTION_RUNS: "4" })
      execute(
        file(),
        `UPDATE runs SET is_log_pruned = 1 WHERE request_id IN ('${idOf(2)}', '${idOf(3)}', '${idOf(4)}')`
      )
      rmSync(inLogs(nameOf(1)))
      yield* retention.prune(new Set([idOf(3)]))
      assert.deepStrictEqual(state(), { logs: [3, 5], pruned: [1, 2, 3, 4] })
      assert.deepStrictEqual(said.of("server.retention.pruned"), [{ count: 2, bytes: 200 }])
    })
  )

  it.effect("knows the size of a log that its record does not tell", () =>
    Effect.gen(function* () {
      const { retention, records } = yield* withRuns(3, { LOOPER_LOG_RETENTION_BYTES: "250" })
      execute(file(), "UPDATE runs SET log_bytes = NULL")
      yield* retention.prune(none)
      assert.deepStrictEqual(state(), { logs: [2, 3], pruned: [1] })
      assert.deepInclude(yield* records.find(idOf(1)), { logBytes: 100, isLogPruned: true })
    })
  )

  it.effect("looks at every record, however many there are", () =>
    Effect.gen(function* () {
      const { retention } = yield* withRuns(3, { LOOPER_LOG_RETENTION_RUNS: "2003" })
      for (let index = 16; index < 2_020; index++) writeFileSync(inLogs(nameOf(index)), "")
      execute(
        file(),
        `WITH RECURSIVE n(x) AS (SELECT 16 UNION ALL SELECT x + 1 FROM n WHERE x < 2019)
        INSERT INTO runs (request_id, state, started_at, ended_at, workspace, log_name, log_bytes)
        SELECT format('%08x', x), 'failed', 1e12, 1e12, '/w', format('codex-exec-20260203-040506-%08x.log', x), 1 FROM n`
      )
      yield* retention.prune(none)
      assert.deepStrictEqual(state().pruned, [1, 2, 3, 16])
    })
  )
})
