/** The database file: what it is, where it stays away for a while, and its older versions. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { applicationId, migrate, migrations } from "../../../src/services/records/migrations.ts"
import { isPossible } from "../../support/possible.ts"
import { execute, holdLock, killed, makeRoots, openRecords, query, startBeside } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")

const insert = "INSERT INTO answers (route, key, body_hash, created_at) VALUES ('r', ?, 'h', 0)"
const keys = () => query(file(), "SELECT key FROM answers ORDER BY rowid").map(({ key }) => key)
const version = () => query(file(), "PRAGMA user_version")[0]?.user_version

describe("the database", () => {
  it.live("is private, and says whose it is and of which version", () =>
    Effect.gen(function* () {
      const { database } = yield* openRecords(root())
      yield* database.write(insert, "a")
      for (const suffix of ["", "-wal", "-shm"]) assert.strictEqual(statSync(file() + suffix).mode & 0o777, 0o600)
      assert.strictEqual(version(), migrations.length)
      assert.strictEqual(query(file(), "PRAGMA application_id")[0]?.application_id, applicationId)
      assert.strictEqual(query(file(), "PRAGMA journal_mode")[0]?.journal_mode, "wal")
    })
  )

  it.live("keeps what was written over its closing, and leaves no other file", () =>
    Effect.gen(function* () {
      const first = yield* openRecords(root())
      yield* first.database.write(insert, "a")
      yield* first.close
      assert.isFalse(existsSync(`${file()}-wal`))
      const { database, said } = yield* openRecords(root())
      assert.deepStrictEqual(yield* database.read("SELECT key FROM answers"), [
        Object.assign(Object.create(null), { key: "a" })
      ])
      assert.deepStrictEqual(said.lines, [])
    })
  )

  it.live("takes nothing any more once it is closed, and does not fail", () =>
    Effect.gen(function* () {
      const { database, close } = yield* openRecords(root())
      yield* close
      yield* database.write(insert, "a")
      assert.isFalse(yield* database.tryWrite(insert, "b"))
      assert.isUndefined(yield* database.read("SELECT 1"))
      assert.isFalse(yield* database.isUsable)
      assert.deepStrictEqual(keys(), [])
    })
  )

  it.live("refuses a wrong statement alone, and says so", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      yield* database.write("INSERT INTO nowhere VALUES (1)")
      yield* database.write(insert, "a")
      yield* database.write(insert, "a")
      assert.isFalse(yield* database.tryWrite("nonsense"))
      assert.isUndefined(yield* database.read("SELECT nothing"))
      yield* database.write(insert, undefined as never)
      assert.isTrue(yield* database.isUsable)
      assert.deepStrictEqual(keys(), ["a"])
      assert.deepStrictEqual(
        said.lines.map(({ level, event }) => `${level} ${event}`),
        Array<string>(5).fill("Error server.records.rejected")
      )
    })
  )

  it.live("answers false, without a word, where a row is there already", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      assert.isTrue(yield* database.tryWrite(insert, "a"))
      assert.isFalse(yield* database.tryWrite(insert, "a"))
      assert.deepStrictEqual(said.lines, [])
    })
  )
})

describe("a database of an older version", () => {
  const older = migrations.map((_, index) => index)
  it.live.each(older)("%i is brought to the newest, with what is in it", (from) =>
    Effect.gen(function* () {
      const old = new DatabaseSync(file())
      old.exec("PRAGMA journal_mode = WAL")
      migrate(old, 0, migrations.slice(0, from))
      if (from >= 1) {
        old.exec(`INSERT INTO runs
          (request_id, state, cause, return_code, started_at, ended_at, duration_ms, workspace, log_name, log_bytes)
          VALUES ('0a0a0a0a', 'failed', 'exited', 3, 1, 2, 0.5, '/w', 'x.log', 9);
          INSERT INTO steps (request_id, step, started_at, ended_at, result) VALUES ('0a0a0a0a', 'kill', 1, 2, 'ok')`)
      }
      old.close()
      const { database, records, said } = yield* openRecords(root())
      assert.strictEqual(version(), migrations.length)
      assert.deepStrictEqual(said.lines, [])
      if (from >= 1) {
        assert.deepInclude(yield* records.find("0a0a0a0a"), { state: "failed", returnCode: 3, logBytes: 9 })
        const step = { step: "kill", startedAtMillis: 1, endedAtMillis: 2, result: "ok", detail: undefined } as const
        assert.deepStrictEqual(yield* records.steps("0a0a0a0a"), [step])
      }
      assert.isTrue(yield* database.tryWrite(insert, "a"))
    })
  )

  it.live("is of the old or the new one after a kill in the middle of a step", () =>
    Effect.gen(function* () {
      const old = new DatabaseSync(file())
      old.exec("PRAGMA journal_mode = WAL")
      migrate(old, 0, migrations.slice(0, 1))
      old.exec("INSERT INTO steps VALUES ('0a0a0a0a', 'kill', 1, 2, 'ok')")
      old.close()
      const program = `
        import { writeSync } from "node:fs"
        import { DatabaseSync } from "node:sqlite"
        import { migrate, migrations } from "./src/services/records/migrations.ts"
        const database = new DatabaseSync(process.env.FILE)
        // A small cache writes pages of the transaction into the log before it ends.
        database.exec("PRAGMA cache_size = 1")
        database.function("wait", () => {
          writeSync(1, "in the middle")
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        })
        const fill = "CREATE TABLE filler AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9999) SELECT x FROM n;"
        migrate(database, 1, [migrations[0], fill + migrations[1] + "; DELETE FROM steps; SELECT wait()"])`
      const child = yield* startBeside(program, { FILE: file() })
      yield* killed(child)
      assert.strictEqual(version(), 1)
      assert.deepStrictEqual(query(file(), "SELECT name FROM sqlite_schema WHERE name IN ('filler', 'answers')"), [])
      const { records, said } = yield* openRecords(root())
      assert.strictEqual(version(), migrations.length)
      assert.strictEqual((yield* records.steps("0a0a0a0a")).length, 1)
      assert.deepStrictEqual(said.lines, [])
    })
  )

  it.live("counts as new where a Looper died before its first table", () =>
    Effect.gen(function* () {
      execute(file(), "PRAGMA journal_mode = WAL")
      const { database, said } = yield* openRecords(root())
      assert.isTrue(yield* database.tryWrite(insert, "a"))
      assert.deepStrictEqual(said.lines, [])
    })
  )
})

const outage = ["Warn server.records.unwritable", "Info server.records.writable"]
const spoken = (lines: ReadonlyArray<{ readonly level: string; readonly event: string }>) =>
  lines.map(({ level, event }) => `${level} ${event}`)

describe("a database that cannot be written", () => {
  it.live("keeps what is written in order, and writes it when another process lets go", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      const program = `
        import { DatabaseSync } from "node:sqlite"
        new DatabaseSync(process.env.FILE).exec("BEGIN IMMEDIATE")
        process.stdout.write("held")
        process.stdin.resume()`
      const holder = yield* startBeside(program, { FILE: file() })
      yield* database.write(insert, "a")
      assert.isFalse(yield* database.isUsable)
      yield* database.write("UPDATE answers SET key = 'b' WHERE key = 'a'")
      yield* database.write(insert, "a")
      assert.isFalse(yield* database.tryWrite(insert, "never"))
      assert.deepStrictEqual(keys(), [])
      yield* killed(holder)
      assert.isTrue(yield* database.isUsable)
      assert.deepStrictEqual(keys(), ["b", "a"])
      assert.deepStrictEqual(spoken(said.lines), outage)
      assert.deepStrictEqual(said.of("server.records.unwritable"), [{ path: file(), reason: "database is locked" }])
      assert.deepStrictEqual(said.of("server.records.writable"), [{ path: file(), written: 3, dropped: 0 }])
    })
  )

  it.live(
    "answers from what was written before while another only writes, from nothing while it keeps readers out",
    () =>
      Effect.gen(function* () {
        const { database } = yield* openRecords(root())
        yield* database.write(insert, "a")
        const writer = holdLock(file())
        yield* database.write(insert, "b")
        assert.deepStrictEqual((yield* database.read("SELECT key FROM answers"))?.length, 1)
        writer.release()
        assert.deepStrictEqual((yield* database.read("SELECT key FROM answers"))?.length, 2)
      })
  )

  it.effect("is tried again each second", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      const lock = holdLock(file())
      yield* database.write(insert, "a")
      yield* TestClock.adjust("5 seconds")
      lock.release()
      assert.deepStrictEqual(keys(), [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(keys(), ["a"])
      assert.deepStrictEqual(spoken(said.lines), outage)
    })
  )

  it.live("is tried again with the next write", () =>
    Effect.gen(function* () {
      const { database } = yield* openRecords(root())
      const lock = holdLock(file())
      yield* database.write(insert, "a")
      lock.release()
      yield* database.write(insert, "b")
      assert.deepStrictEqual(keys(), ["a", "b"])
    })
  )

  it.live("drops a rejected statement among those that waited, and no other", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      const lock = holdLock(file())
      for (const key of ["a", "a", "b"]) yield* database.write(insert, key)
      lock.release()
      assert.isTrue(yield* database.isUsable)
      assert.deepStrictEqual(keys(), ["a", "b"])
      assert.strictEqual(said.of("server.records.rejected").length, 1)
    })
  )

  it.live("keeps 10,000 statements, the newest", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      const lock = holdLock(file())
      for (let count = 0; count < 10_003; count++) yield* database.write(insert, `${count}`)
      lock.release()
      assert.isTrue(yield* database.isUsable)
      assert.strictEqual(keys().length, 10_000)
      assert.strictEqual(keys()[0], "3")
      assert.deepStrictEqual(spoken(said.lines), [outage[0], "Warn server.records.dropped", outage[1]])
      assert.deepStrictEqual(said.of("server.records.writable"), [{ path: file(), written: 10_000, dropped: 3 }])
    })
  )

  it.live("is written a last time at the end, or what is lost is counted", () =>
    Effect.gen(function* () {
      for (const isReleased of [true, false]) {
        const { database, said, close } = yield* openRecords(root())
        const lock = holdLock(file())
        yield* database.write(insert, `${isReleased}`)
        if (isReleased) lock.release()
        yield* close
        if (!isReleased) lock.release()
        assert.deepStrictEqual(said.of("server.records.dropped"), isReleased ? [] : [{ path: file(), count: 1 }])
      }
      assert.deepStrictEqual(keys(), ["true"])
    })
  )

  it.live("does not keep Looper from starting: not locked, not as a folder, not without its own folder", () =>
    Effect.gen(function* () {
      mkdirSync(file())
      const first = yield* openRecords(root())
      yield* first.database.write(insert, "a")
      assert.isUndefined(yield* first.database.read("SELECT 1"))
      rmSync(file(), { recursive: true })
      assert.isTrue(yield* first.database.isUsable)
      assert.deepStrictEqual(keys(), ["a"])
      yield* first.close

      const holder = new DatabaseSync(file())
      holder.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
      const second = yield* openRecords(root())
      yield* second.database.write(insert, "b")
      assert.isUndefined(yield* second.database.read("SELECT 1"))
      assert.isFalse(yield* second.database.isUsable)
      holder.close()
      assert.isTrue(yield* second.database.isUsable)
      assert.deepStrictEqual(keys(), ["a", "b"])
      assert.deepStrictEqual(spoken(second.said.lines), outage)

      renameSync(inLogs(), `${inLogs()}x`)
      writeFileSync(inLogs(), "no folder")
      yield* second.database.write(insert, "c")
      assert.isFalse(yield* second.database.isUsable)
      rmSync(inLogs())
      renameSync(`${inLogs()}x`, inLogs())
      assert.isTrue(yield* second.database.isUsable)
      assert.deepStrictEqual(keys(), ["a", "b", "c"])
    })
  )

  it.live.runIf(isPossible(process.geteuid?.() !== 0, "another user than root"))("may be read-only", () =>
    Effect.gen(function* () {
      yield* (yield* openRecords(root())).close
      chmodSync(file(), 0o400)
      const { database, said } = yield* openRecords(root())
      yield* database.write(insert, "a")
      assert.isFalse(yield* database.isUsable)
      chmodSync(file(), 0o600)
      assert.isTrue(yield* database.isUsable)
      assert.deepStrictEqual(keys(), ["a"])
      assert.deepStrictEqual(spoken(said.lines), outage)
    })
  )
})
