/** A database file that is damaged, somebody else's, or gone. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { applicationId, migrations } from "../../../src/services/records/migrations.ts"
import { execute, makeRoots, openRecords, query } from "./recording.ts"

const { inLogs, root } = makeRoots()
const file = () => inLogs("looper.db")
const asides = () => readdirSync(inLogs()).filter((name) => name.includes("set-aside"))

const insert = "INSERT INTO answers (route, key, body_hash, created_at) VALUES ('r', ?, 'h', 0)"
const keys = () => query(file(), "SELECT key FROM answers ORDER BY rowid").map(({ key }) => key)

const page = 4_096
const filler = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 4000)"
/** Some megabytes: more than SQLite keeps in memory. */
const fill = `INSERT INTO answers (route, key, body_hash, created_at) ${filler} SELECT 'f', x, hex(randomblob(500)), 0 FROM n`

/** Writes garbage over pages in the middle, from another process: closing the file here would drop SQLite's locks. */
const scribble = (path: string, from: number, count: number) =>
  execFileSync(
    "dd",
    ["if=/dev/urandom", `of=${path}`, `bs=${page}`, `seek=${from}`, `count=${count}`, "conv=notrunc"],
    {
      stdio: "ignore"
    }
  )

/** A database of Looper's with the keys `a`, and many others where that matters. */
const made = Effect.fnUntraced(function* (isBig = false) {
  const { database, close } = yield* openRecords(root())
  yield* database.write(insert, "a")
  if (isBig) yield* database.write(fill)
  yield* close
})

const damages: ReadonlyArray<{
  readonly name: string
  readonly make: Effect.Effect<void, unknown, Scope.Scope>
  readonly reason: RegExp
}> = [
  {
    name: "is no database",
    make: Effect.sync(() => writeFileSync(file(), "no database at all, but long enough to be one".repeat(100))),
    reason: /^file is not a database$/
  },
  {
    name: "was cut",
    make: made(true).pipe(Effect.andThen(Effect.sync(() => truncateSync(file(), 20 * page)))),
    reason: /malformed/
  },
  {
    name: "was cut inside its header",
    make: made().pipe(Effect.andThen(Effect.sync(() => truncateSync(file(), 60)))),
    reason: /malformed|not a database/
  },
  {
    name: "has garbage in its middle",
    make: made(true).pipe(Effect.andThen(Effect.sync(() => void scribble(file(), 100, 50)))),
    reason: /Tree|page|malformed/i
  },
  {
    name: "is another program's",
    make: Effect.sync(() => execute(file(), "PRAGMA application_id = 7; CREATE TABLE runs (x)")),
    reason: /^it is another program's database$/
  },
  {
    name: "belongs to nobody but has tables",
    make: Effect.sync(() => execute(file(), "CREATE TABLE runs (x)")),
    reason: /^it is another program's database$/
  },
  {
    name: "is a later Looper's",
    make: made().pipe(
      Effect.andThen(Effect.sync(() => execute(file(), `PRAGMA user_version = ${migrations.length + 1}`)))
    ),
    reason: /^its version \d+ is newer than this Looper$/
  },
  {
    name: "has tables of another version than it says",
    make: made().pipe(Effect.andThen(Effect.sync(() => execute(file(), "PRAGMA user_version = 1")))),
    reason: /^table autopoll already exists$/
  }
]

describe("a database that", () => {
  for (const { name, make, reason } of damages) {
    it.live(`${name} is set aside as it is, and a new one made`, () =>
      Effect.gen(function* () {
        yield* make
        const before = readFileSync(file())
        const { database, said } = yield* openRecords(root())
        assert.isTrue(yield* database.isUsable)
        assert.isTrue(yield* database.tryWrite(insert, "b"))
        assert.deepStrictEqual(keys(), ["b"])
        const [aside = ""] = asides()
        assert.match(aside, /^looper\.db\.set-aside-\d{8}-\d{6}$/)
        assert.deepStrictEqual(asides(), [aside])
        assert.isTrue(readFileSync(inLogs(aside)).equals(before))
        assert.deepStrictEqual(
          said.lines.map(({ level, event }) => `${level} ${event}`),
          ["Warn server.records.set_aside"]
        )
        const [line] = said.of("server.records.set_aside")
        assert.strictEqual(line?.path, inLogs(aside))
        assert.match(String(line?.reason), reason)
      })
    )
  }

  it.live("is empty counts as new", () =>
    Effect.gen(function* () {
      writeFileSync(file(), "", { mode: 0o600 })
      const { database } = yield* openRecords(root())
      assert.isTrue(yield* database.tryWrite(insert, "b"))
      assert.deepStrictEqual(asides(), [])
    })
  )

  it.live("is set aside takes its log with it, which another program may still need", () =>
    Effect.gen(function* () {
      yield* made()
      const other = new DatabaseSync(file())
      other.exec(`PRAGMA user_version = ${migrations.length + 1}`)
      const { database } = yield* openRecords(root())
      yield* database.write(insert, "b")
      const [aside = ""] = asides()
      assert.deepStrictEqual(asides(), [aside, `${aside}-shm`, `${aside}-wal`])
      other.close()
      assert.deepStrictEqual(query(inLogs(aside), "SELECT user_version, key FROM pragma_user_version, answers"), [
        { user_version: migrations.length + 1, key: "a" }
      ])
      assert.deepStrictEqual(keys(), ["b"])
    })
  )

  it.live("is set aside in the second of another one gets a name of its own, and nothing is overwritten", () =>
    Effect.gen(function* () {
      for (const text of ["x", "y", "z"]) {
        rmSync(file(), { force: true })
        writeFileSync(file(), text.repeat(5_000))
        yield* (yield* openRecords(root())).close
      }
      assert.deepStrictEqual(
        asides()
          .map((name) => readFileSync(inLogs(name), "utf8")[0])
          .toSorted(),
        ["x", "y", "z"]
      )
    })
  )
})

describe("a database that is damaged while it is in use", () => {
  it.live("is set aside, rebuilt, and takes what is written next", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      yield* database.write(fill)
      yield* database.read("PRAGMA wal_checkpoint(TRUNCATE)")
      const rebuilt = yield* Deferred.make<void>()
      yield* database.onCreated(Effect.asVoid(Deferred.succeed(rebuilt, undefined)))
      scribble(file(), 1, statSync(file()).size / page - 1)
      assert.deepStrictEqual(yield* database.read("SELECT * FROM answers"), [])
      yield* Deferred.await(rebuilt)
      yield* database.write(insert, "b")
      assert.deepStrictEqual(keys(), ["b"])
      assert.deepStrictEqual(
        said.lines.map(({ event }) => event),
        ["server.records.set_aside", "server.records.rebuilt"]
      )
    })
  )

  it.live("is set aside three times, then left alone, and what is written waits", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      for (let count = 0; count < 5; count++) {
        rmSync(file(), { force: true })
        for (const suffix of ["-wal", "-shm"]) rmSync(file() + suffix, { force: true })
        writeFileSync(file(), `${count}`.repeat(5_000))
        yield* database.write(insert, `${count}`)
      }
      assert.isFalse(yield* database.isUsable)
      assert.strictEqual(asides().length, 3)
      assert.deepStrictEqual(
        said.lines.map(({ event }) => event).filter((event) => event !== "server.records.rebuilt"),
        [...Array<string>(3).fill("server.records.set_aside"), "server.records.unwritable"]
      )
      rmSync(file())
      assert.isTrue(yield* database.isUsable)
      assert.deepStrictEqual(keys(), ["3", "4"])
    })
  )
})

describe("a database that is deleted under a live Looper", () => {
  const deletions: ReadonlyArray<readonly [string, () => void]> = [
    ["alone", () => rmSync(file())],
    ["with its log", () => ["", "-wal", "-shm"].forEach((suffix) => rmSync(file() + suffix))],
    ["with its folder", () => rmSync(inLogs(), { recursive: true })]
  ]
  for (const [how, remove] of deletions) {
    it.live(`${how} is made anew and rebuilt`, () =>
      Effect.gen(function* () {
        const { database, said } = yield* openRecords(root())
        yield* database.write(insert, "a")
        const rebuilt = yield* Deferred.make<void>()
        yield* database.onCreated(
          Effect.andThen(database.write(insert, "rebuilt"), Deferred.succeed(rebuilt, undefined)).pipe(Effect.asVoid)
        )
        remove()
        yield* database.write(insert, "b")
        yield* Deferred.await(rebuilt)
        assert.deepStrictEqual(keys(), ["b", "rebuilt"])
        assert.strictEqual(query(file(), "PRAGMA application_id")[0]?.application_id, applicationId)
        assert.strictEqual(statSync(file()).mode & 0o777, 0o600)
        assert.deepStrictEqual(
          said.lines.map(({ event }) => event),
          ["server.records.rebuilt"]
        )
      })
    )
  }

  it.live("again while it is rebuilt is rebuilt again", () =>
    Effect.gen(function* () {
      const { database } = yield* openRecords(root())
      const done = yield* Deferred.make<void>()
      let count = 0
      yield* database.onCreated(
        Effect.gen(function* () {
          count += 1
          if (count === 1) {
            rmSync(file())
            yield* database.write(insert, "b")
          } else yield* Deferred.succeed(done, undefined)
        })
      )
      rmSync(file())
      yield* database.write(insert, "a")
      yield* Deferred.await(done)
      assert.strictEqual(count, 2)
    })
  )

  it.live("is used however a rebuild fails", () =>
    Effect.gen(function* () {
      const { database, said } = yield* openRecords(root())
      yield* database.onCreated(Effect.die(new Error("bug")))
      rmSync(file())
      yield* database.write(insert, "a")
      yield* said.seen("server.records.rebuild.fail")
      yield* database.write(insert, "b")
      yield* Effect.yieldNow
      assert.deepStrictEqual(keys(), ["a", "b"])
      assert.strictEqual(said.of("server.records.rebuild.fail").length, 1)
    })
  )
})
