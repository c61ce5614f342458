/** Whatever fails in between, the history ends as it would have without. */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { rmSync } from "node:fs"
import { holdLock, makeRoots, openRecords, query } from "./recording.ts"

const { inLogs, root, next } = makeRoots()
const file = () => inLogs("looper.db")

const ids = ["0a0a0a0a", "0b0b0b0b", "auto0c0c0c0c"] as const
const operations = [
  "begin",
  "notify",
  "spawn",
  "leave",
  "identify",
  "running",
  "stopping",
  "stopForgotten",
  "end",
  "endUnstarted"
] as const
const Operation = Schema.Struct({
  name: Schema.Literals(operations),
  id: Schema.Literals(ids),
  isRepeated: Schema.Boolean
})
const Trouble = Schema.Literals(["none", "none", "lock", "release", "restart", "delete"])
const Sequence = Schema.Array(Schema.Struct({ operation: Operation, trouble: Trouble })).check(Schema.isMaxLength(40))

type Opened = Effect.Success<ReturnType<typeof openRecords>>

const perform = ({ records }: Opened, { name, id }: typeof Operation.Type): Effect.Effect<void> => {
  const identity = {
    requestId: id,
    bootId: "b",
    supervisor: { pid: 1, startTicks: 2 },
    codex: { pid: 3, startTicks: 4 },
    workspace: "/w",
    startedAtMillis: 5
  }
  switch (name) {
    case "begin":
      return records.begin({ requestId: id, workspace: "/w", logPath: inLogs(`codex-exec-20260203-040506-${id}.log`) })
    case "notify":
    case "spawn":
      return records.enter(id, name)
    case "leave":
      return records.leave(id, "ok")
    case "identify":
      return records.identify(identity)
    case "running":
      return records.running(id)
    case "stopping":
      return records.stopping([id], "request")
    case "stopForgotten":
      return records.stopForgotten(id)
    case "end":
      return records.end(id, { returnCode: 1, stoppedBy: undefined, durationMillis: 1, logBytes: 2 })
    case "endUnstarted":
      return records.endUnstarted(id, { error: "SpawnFailed" })
  }
}

/** Runs the operations, one a second, in a folder of their own; answers with the rows at the end. */
const rowsAfter = (sequence: typeof Sequence.Type, troubles: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    next()
    let opened = yield* openRecords(root())
    const start = yield* Clock.currentTimeMillis
    let lock: ReturnType<typeof holdLock> | undefined
    const release = () => {
      lock?.release()
      lock = undefined
    }
    const begun = new Set<string>()
    for (const { operation, trouble } of sequence) {
      const isMeant = troubles.includes(trouble)
      if (isMeant && trouble === "lock") lock ??= holdLock(file())
      if (isMeant && trouble === "release") release()
      if (isMeant && trouble === "delete") {
        release()
        for (const suffix of ["", "-wal", "-shm"]) rmSync(file() + suffix, { force: true })
      }
      if (trouble === "restart") {
        release()
        // A deleted file is noticed by its next use; without one only logs would tell the next Looper, of which there are none here.
        yield* opened.database.isUsable
        yield* opened.close
        opened = yield* openRecords(root())
      }
      if (operation.name === "begin") {
        // An id is drawn once: no later Looper begins an earlier one's run.
        if (begun.has(operation.id)) continue
        begun.add(operation.id)
      }
      yield* perform(opened, operation)
      if (operation.isRepeated) yield* perform(opened, operation)
      yield* TestClock.adjust("1 second")
    }
    release()
    assert.isTrue(yield* opened.database.isUsable)
    const unended = (yield* opened.records.unended).map(({ requestId }) => requestId)
    const known = yield* Effect.forEach(ids, (id) => opened.records.find(id))
    const steps = yield* Effect.forEach(ids, (id) => opened.records.steps(id))
    yield* opened.close
    const rows = [
      ...query(file(), "SELECT * FROM runs ORDER BY request_id"),
      ...query(file(), "SELECT * FROM steps ORDER BY request_id, rowid")
    ]
    for (const row of rows) {
      row.started_at = Number(row.started_at) - start
      row.ended_at = row.ended_at === null ? null : Number(row.ended_at) - start
    }
    return {
      rows,
      unended,
      known: known.map((run) => run?.state),
      steps: steps.map((some) => some.map(({ step, result }) => [step, result]))
    }
  })

it.effect.prop(
  "a database that is locked and let go at any time ends with the same rows",
  [Sequence],
  ([sequence]) =>
    Effect.gen(function* () {
      const expected = yield* rowsAfter(sequence, [])
      assert.deepStrictEqual(yield* rowsAfter(sequence, ["lock", "release"]), expected)
    }),
  { arbitrary: { runs: 40 }, timeout: 120_000 }
)

it.effect.prop(
  "a database that is locked, let go and deleted at any time ends with the same rows of the runs that live",
  [Sequence],
  ([sequence]) =>
    Effect.gen(function* () {
      const calm = yield* rowsAfter(sequence, [])
      const troubled = yield* rowsAfter(sequence, ["lock", "release", "delete"])
      assert.deepStrictEqual(troubled.unended, calm.unended)
      const living = ({ rows }: typeof calm) => rows.filter((row) => calm.unended.includes(String(row.request_id)))
      assert.deepStrictEqual(living(troubled), living(calm))
    }),
  { arbitrary: { runs: 40 }, timeout: 120_000 }
)
