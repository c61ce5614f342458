/** Pages of the history, also while the database knows less than memory. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { rmSync, writeFileSync } from "node:fs"
import { type RunRecord, RunState, type RunsQuery } from "../../../src/domain/RunRecord.ts"
import { runLogHeader, runLogTrailer } from "../../../src/domain/runLog.ts"
import { selectCounts } from "../../../src/services/records/countRuns.ts"
import { selectPage, withLive } from "../../../src/services/records/listRuns.ts"
import { openDatabase } from "../../../src/services/records/openDatabase.ts"
import { execute, holdLock, makeRoots, openRecords, until } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")
const everything: RunsQuery = { states: undefined, isAutopoll: undefined, before: undefined, limit: 1_000 }
const idAt = (index: number, isAutopoll = false) => `${isAutopoll ? "auto" : ""}${index.toString(16).padStart(8, "0")}`
const logOf = (requestId: string) => inLogs(`codex-exec-20260203-040506-${requestId}.log`)
const begun = (requestId: string) => ({ requestId, workspace: "/w", logPath: logOf(requestId) })

const Run = Schema.Struct({
  state: RunState,
  isAutopoll: Schema.Boolean,
  // Few enough that several began in the same millisecond.
  startedAtMillis: Schema.Literals([1, 2, 3, 4])
})
type Run = typeof Run.Type

const recordOf = (run: Run, index: number): RunRecord => ({
  ...begun(idAt(index, run.isAutopoll)),
  state: run.state,
  startedAtMillis: run.startedAtMillis,
  cause: undefined,
  returnCode: undefined,
  error: undefined,
  operation: undefined,
  reason: undefined,
  endedAtMillis: undefined,
  durationMillis: undefined,
  logBytes: undefined,
  isLogPruned: false,
  identity: undefined
})

const insert = (runs: ReadonlyArray<Run>) => {
  const rows = runs.map((run, index) => {
    const id = idAt(index, run.isAutopoll)
    return `('${id}', '${run.state}', ${run.startedAtMillis}, '/w', 'codex-exec-20260203-040506-${id}.log')`
  })
  execute(
    file(),
    `DELETE FROM runs; ${rows.length === 0 ? "" : `INSERT INTO runs (request_id, state, started_at, workspace, log_name) VALUES ${rows.join(", ")}`}`
  )
}

/** What a page is, said another way. */
const expected = (runs: ReadonlyArray<Run>, query: RunsQuery): ReadonlyArray<string> =>
  runs
    .map(recordOf)
    .filter(({ state }) => query.states === undefined || query.states.includes(state))
    .filter(({ startedAtMillis }) => startedAtMillis < (query.startedBeforeMillis ?? Number.POSITIVE_INFINITY))
    .filter(({ requestId }) => query.isAutopoll === undefined || requestId.startsWith("auto") === query.isAutopoll)
    .toSorted((a, b) => b.startedAtMillis - a.startedAtMillis || (a.requestId < b.requestId ? 1 : a === b ? 0 : -1))
    .map(({ requestId }) => requestId)

const idsOf = (records: ReadonlyArray<RunRecord>) => records.map(({ requestId }) => requestId)

describe("the statement of a page", () => {
  it("is the same however often a state is asked for: each one is kept prepared", () => {
    const once = selectPage({ ...everything, states: ["failed", "stopped"] })
    assert.deepStrictEqual(selectPage({ ...everything, states: ["failed", "stopped", "failed", "failed"] }), once)
  })
})

describe("the history", () => {
  it.effect.prop(
    "comes newest first, each run once, in pages of any size, and through every filter",
    [Schema.Array(Run).check(Schema.isMaxLength(30)), Schema.Literals([1, 2, 3, 7, 50])],
    ([runs, limit]) =>
      Effect.gen(function* () {
        yield* (yield* openRecords(root())).close
        insert(runs)
        const { records, close } = yield* openRecords(root())
        for (const states of [undefined, ["failed"], ["stopped", "succeeded"]] as const) {
          for (const isAutopoll of [undefined, true, false]) {
            const startedBeforeMillis = isAutopoll === undefined ? undefined : 3
            const query: RunsQuery = { ...everything, states, isAutopoll, startedBeforeMillis, limit }
            const seen: Array<string> = []
            let before: RunsQuery["before"]
            for (;;) {
              const page = yield* records.list({ ...query, before })
              seen.push(...idsOf(page))
              before = page.at(-1)
              if (page.length < limit) break
            }
            assert.deepStrictEqual(seen, expected(runs, query))
          }
        }
        yield* close
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 20 } }
  )

  it.effect("does not shift under a reader when a newer run begins", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      for (const index of [1, 2, 3, 4]) {
        yield* TestClock.adjust("1 second")
        yield* records.begin(begun(idAt(index)))
      }
      const first = yield* records.list({ ...everything, limit: 2 })
      yield* TestClock.adjust("1 second")
      yield* records.begin(begun(idAt(5)))
      const second = yield* records.list({ ...everything, limit: 2, before: first[1] })
      assert.deepStrictEqual(
        [...idsOf(first), ...idsOf(second)],
        [4, 3, 2, 1].map((index) => idAt(index))
      )
    })
  )

  it.effect("has a run that the database does not take yet, as it is now", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun(idAt(1)))
      yield* TestClock.adjust("1 second")
      const lock = holdLock(file())
      yield* records.begin(begun(idAt(2)))
      yield* records.running(idAt(1))
      const listed = yield* records.list(everything)
      lock.release()
      assert.deepStrictEqual(
        listed.map(({ requestId, state }) => [requestId, state]),
        [
          [idAt(2), "starting"],
          [idAt(1), "running"]
        ]
      )
    })
  )

  it.effect("is unavailable while the database cannot be read; a run that lives is found all the same", () =>
    Effect.gen(function* () {
      yield* (yield* openRecords(root())).close
      const lock = holdLock(file(), "EXCLUSIVE")
      const { records } = yield* openRecords(root())
      yield* records.begin(begun(idAt(1)))
      const listed = yield* Effect.flip(records.list(everything))
      const unknown = yield* Effect.flip(records.get(idAt(9)))
      const live = yield* records.get(idAt(1))
      lock.release()
      assert.strictEqual(listed._tag, "HistoryUnavailable")
      assert.strictEqual(unknown._tag, "HistoryUnavailable")
      assert.strictEqual(live.requestId, idAt(1))
      // Until the history is complete, what is not found may only not be found yet.
      const later = Effect.flip(records.get(idAt(9)))
      yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), later), {
        until: ({ _tag }) => _tag === "RunNotFound"
      })
    })
  )
})

describe("the counts of the history", () => {
  it.effect.prop(
    "are those of all runs, each once, whatever the database knows of those that live",
    [Schema.Array(Run).check(Schema.isMaxLength(30)), Schema.Array(Schema.Int).check(Schema.isMaxLength(5))],
    ([runs, picks]) =>
      Effect.gen(function* () {
        yield* (yield* openRecords(root())).close
        insert(runs.map((run) => ({ ...run, state: run.state === "starting" ? "running" : run.state })))
        // Ids behind those of autopoll's, too.
        execute(
          file(),
          "UPDATE runs SET request_id = 'f' || substr(request_id, 2) WHERE state = 'failed' AND request_id NOT LIKE 'auto%'"
        )
        const { records, close, database } = yield* openRecords(root())
        for (const pick of picks) yield* records.begin(begun(`b${(Math.abs(pick) % 7).toString().repeat(7)}`))
        const stored = yield* database.read("SELECT request_id FROM runs")
        const all = yield* records.list(everything)
        const { byState, autopoll } = yield* records.counts
        assert.lengthOf(all, stored?.length ?? 0)
        for (const state of RunState.literals) {
          assert.strictEqual(byState[state], all.filter((record) => record.state === state).length, state)
        }
        assert.strictEqual(autopoll, all.filter(({ requestId }) => requestId.startsWith("auto")).length)
        yield* close
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 20 } }
  )

  it.effect("have a run that the database does not take yet, as it is now", () =>
    Effect.gen(function* () {
      const { records } = yield* openRecords(root())
      yield* records.begin(begun(idAt(1)))
      yield* records.begin(begun(idAt(3, true)))
      const lock = holdLock(file())
      yield* records.begin(begun(idAt(2)))
      yield* records.running(idAt(1))
      yield* records.running(idAt(3, true))
      const { byState, autopoll } = yield* records.counts
      lock.release()
      assert.deepInclude(byState, { starting: 1, running: 2, succeeded: 0 })
      assert.strictEqual(autopoll, 1)
    })
  )

  it.effect("are unavailable while the database cannot be read", () =>
    Effect.gen(function* () {
      yield* (yield* openRecords(root())).close
      const lock = holdLock(file(), "EXCLUSIVE")
      const { records } = yield* openRecords(root())
      const failed = yield* Effect.flip(records.counts)
      lock.release()
      assert.strictEqual(failed._tag, "HistoryUnavailable")
    })
  )

  it("are read over indexes alone", () => {
    const { database } = openDatabase(inLogs("counted.db"), { timeoutMillis: 0, checkedInode: undefined })
    const [sql, ...ids] = selectCounts([])
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...ids)
    const walks = plan.map(({ detail }) => String(detail)).filter((detail) => / runs\b/.test(detail))
    database.close()
    assert.lengthOf(walks, 4)
    for (const walk of walks) assert.match(walk, /USING (COVERING )?INDEX/)
  })
})

describe("a history that is made anew from the logs", () => {
  it.live("never says that it does not know a run which it has not read yet", () =>
    Effect.gen(function* () {
      const header = runLogHeader({ requestId: idAt(7), workspace: "/w", command: "codex" })
      writeFileSync(logOf(idAt(7)), `${header}output\n${runLogTrailer(0)}`)
      const { records } = yield* openRecords(root())
      yield* until(Effect.option(records.get(idAt(7))), Option.isSome)
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file()}${suffix}`, { force: true })
      assert.strictEqual((yield* Effect.flip(records.get(idAt(7))))._tag, "HistoryUnavailable")
      const found = yield* until(Effect.option(records.get(idAt(7))), Option.isSome)
      assert.include(Option.getOrThrow(found), { requestId: idAt(7), state: "succeeded" })
    })
  )
})

describe("a page with the runs that live", () => {
  it.prop(
    "is the page of all of them, whichever of them the database knows, and however",
    [Schema.Array(Run).check(Schema.isMaxLength(12)), Schema.Literals([1, 3, 20]), Schema.Int],
    ([runs, limit, seed]) => {
      const all = runs.map(recordOf)
      const isLive = (index: number) => ((seed >>> (index % 31)) & 1) === 1
      const live = all.filter((_, index) => isLive(index))
      const startedBeforeMillis = seed % 2 === 0 ? undefined : 3
      const query: RunsQuery = { ...everything, states: ["failed", "running"], startedBeforeMillis, limit }
      const sorted = expected(runs, query)
      const known = all.filter((_, index) => !isLive(index) || index % 2 === 0)
      const page = known
        .filter(
          ({ state, startedAtMillis }) => query.states?.includes(state) && startedAtMillis < (startedBeforeMillis ?? 9)
        )
        .toSorted((a, b) => sorted.indexOf(a.requestId) - sorted.indexOf(b.requestId))
        .slice(0, limit)
      assert.deepStrictEqual(idsOf(withLive(page, live, query)), sorted.slice(0, limit))
    }
  )
})
