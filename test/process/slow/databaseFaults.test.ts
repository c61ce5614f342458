/** A database that is locked, full, read-only, deleted, cut or another program's: runs go on, and are recorded afterwards. */
import { assert, describe, it } from "@effect/vitest"
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import {
  databaseFolder,
  fillDisk,
  lockDatabase,
  storedRunSeenBy,
  withDatabaseOn
} from "../../support/databaseFaults.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { seenFromOutside, unmount } from "../../support/mountNamespace.ts"
import { isAlive, killHard, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { type StoredRun, storedRun } from "../../support/runRecords.ts"

/** A row; undefined also while the database is made anew and has no tables. */
const rowOf = ({ logDir }: LooperProcess, { requestId }: { readonly requestId: string }): StoredRun | undefined => {
  try {
    return storedRun(logDir, requestId)
  } catch (error) {
    assert.match(String(error), /no such table/)
    return undefined
  }
}

/** A run that is up, and ends with 9 as soon as it is told to. */
const startRun = async (looper: LooperProcess, name: string) => {
  const [up, go] = [`${name}-up`, `${name}-go`].map((file) => join(looper.folder, file)) as [string, string]
  const steps = [{ writeFile: { path: up, text: "" } }, { waitForFile: go }, { print: "last\n" }, { exit: 9 }] as const
  const answer = await looper.run(codexScript(steps))
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(up), "the run is up")
  const { pid, log_path: logPath } = runOf(answer)
  const requestId = String(answer.body?.request_id)
  const end = async () => {
    writeFileSync(go, "")
    await until(() => readRunLog(logPath).code === "9", "the run has ended")
  }
  return { pid, logPath, requestId, end }
}

type Run = Awaited<ReturnType<typeof startRun>>

const ask = (looper: LooperProcess, key: string) =>
  looper.request("POST", "/run", {
    body: { zulip_message: "m", codex_prompt: codexScript([{ hang: true }]) },
    headers: { "idempotency-key": key }
  })

const records = (looper: LooperProcess, event: string) =>
  looper.serverLog().match(new RegExp(` looper server\\.records\\.${event} .*`, "g")) ?? []

const healthy = async (looper: LooperProcess) =>
  assert.strictEqual((await looper.request("GET", "/health")).text, '{"ok":true}\n')

/** What Looper does while its database takes nothing: a key is refused, a run ends, another one starts and is stopped. */
const workWithoutRecords = async (looper: LooperProcess, first: Run): Promise<Run> => {
  const logs = looper.runLogs()
  const refused = await ask(looper, "k")
  assert.deepStrictEqual([refused.status, refused.body?.code], [503, "idempotency_unavailable"], refused.text)
  assert.deepStrictEqual([looper.runLogs(), isAlive(first.pid)], [logs, true])
  await first.end()
  const second = await startRun(looper, "second")
  const kill = await looper.request("POST", "/kill")
  assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, [second.pid]], kill.text)
  assert.strictEqual((await ask(looper, "k")).status, 503)
  await healthy(looper)
  return second
}

/** What is true once the database takes everything again; one warning of each Looper that met the fault. */
const assertRecorded = async (
  looper: LooperProcess,
  runs: { readonly first: Run; readonly second: Run },
  storedOf: (requestId: string) => StoredRun | undefined,
  loopers = 1
) => {
  const { first, second } = runs
  await until(() => storedOf(first.requestId)?.state === "failed", "the first run's end is recorded")
  assert.deepInclude(storedOf(first.requestId), { cause: "exited", return_code: 9, stopped_by: null })
  await until(() => storedOf(second.requestId)?.state === "stopped", "the second run's end is recorded")
  assert.deepInclude(storedOf(second.requestId), { cause: "request", return_code: 143, stopped_by: "request" })
  await until(() => records(looper, "writable").length === 1, "it is said that the database is back")
  assert.lengthOf(records(looper, "unwritable"), loopers)
  const answer = await until(async () => {
    const given = await ask(looper, "k")
    return given.status === 200 && given
  }, "a key is taken")
  const again = await ask(looper, "k")
  assert.deepStrictEqual([again.text, again.headers["idempotency-replayed"]], [answer.text, "true"])
  for (const kind of ["set_aside", "dropped", "rejected"]) assert.lengthOf(records(looper, kind), 0)
  for (const { logPath } of [first, second]) {
    assert.lengthOf(readFileSync(logPath, "latin1").match(/^# codex_exec_return_code=/gm) ?? [], 1)
  }
}

describe.concurrent("a database that another process has locked", () => {
  it("holds up no run: ends and stops are recorded once it is let go; a key is refused meanwhile", async () => {
    await using looper = await startLooper()
    const first = await startRun(looper, "first")
    const lock = await lockDatabase(join(looper.logDir, "looper.db"))
    const second = await workWithoutRecords(looper, first)
    assert.strictEqual(storedRun(looper.logDir, first.requestId)?.state, "running")
    await lock.release()
    await assertRecorded(looper, { first, second }, (id) => storedRun(looper.logDir, id))
  })

  it("holds up no start: a run that ended and one that lives are known to the Looper after the one that was killed", async () => {
    await using killed = await startLooper()
    const first = await startRun(killed, "first")
    const lock = await lockDatabase(join(killed.logDir, "looper.db"))
    await first.end()
    await until(() => !existsSync(first.logPath.replace(/\.log$/, ".state")), "Looper has forgotten the run")
    const second = await startRun(killed, "second")
    killHard(killed.pid)
    await killed.exited
    await using looper = await startLooper({ reuse: killed })
    await healthy(looper)
    const spawn = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([spawn.status, spawn.body?.pids], [409, [second.pid]], spawn.text)
    const kill = await looper.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [second.pid])
    await lock.release()
    await assertRecorded(looper, { first, second }, (id) => storedRun(looper.logDir, id), 2)
  })
})

describe.concurrent("a database on a disk of its own", () => {
  it("that is full holds up no run; everything is recorded once there is space", async () => {
    await using looper = await startLooper({ wrapper: withDatabaseOn("tmpfs") })
    const first = await startRun(looper, "first")
    const filler = join(seenFromOutside(looper.pid, databaseFolder(looper)), "filler")
    fillDisk(filler)
    const second = await workWithoutRecords(looper, first)
    const storedOf = (id: string) => storedRunSeenBy(looper.pid, looper.logDir, id)
    assert.strictEqual(storedOf(first.requestId)?.state, "running")
    rmSync(filler)
    await assertRecorded(looper, { first, second }, storedOf)
  })

  it("that is read-only at start holds up neither the start nor a run; everything is recorded once it is not", async () => {
    await using killed = await startLooper({ wrapper: withDatabaseOn("plain") })
    const first = await startRun(killed, "first")
    killHard(killed.pid)
    await killed.exited
    await using looper = await startLooper({ wrapper: withDatabaseOn("readOnly"), reuse: killed })
    const second = await workWithoutRecords(looper, first)
    assert.strictEqual(storedRun(looper.logDir, first.requestId)?.state, "running")
    unmount(looper.pid, databaseFolder(looper))
    await assertRecorded(looper, { first, second }, (id) => storedRun(looper.logDir, id))
  })
})

const files = (looper: LooperProcess) =>
  readdirSync(looper.logDir)
    .filter((name) => /^looper\.db(?:-wal|-shm)?$/.test(name))
    .map((name) => join(looper.logDir, name))

const losses = [
  {
    what: "deleted",
    lose: (looper: LooperProcess) => files(looper).forEach((file) => rmSync(file)),
    said: { set_aside: 0, rebuilt: 1 }
  },
  {
    what: "emptied, its log not,",
    lose: (looper: LooperProcess) => truncateSync(join(looper.logDir, "looper.db"), 0),
    said: { set_aside: 0, rebuilt: 0 }
  },
  {
    what: "cut in the middle",
    lose: (looper: LooperProcess) => {
      const file = join(looper.logDir, "looper.db")
      new DatabaseSync(file).exec("PRAGMA wal_checkpoint(TRUNCATE)")
      truncateSync(file, statSync(file).size / 2)
    },
    said: { set_aside: 1, rebuilt: 1 }
  }
] as const

describe.concurrent("a database under a live Looper", () => {
  it.each(losses)("that is $what is whole again, once; the live run ends as recorded", async ({ lose, said }) => {
    await using first = await startLooper()
    const old = await startRun(first, "old")
    await old.end()
    await until(() => storedRun(first.logDir, old.requestId)?.state === "failed", "the first run is recorded")
    const live = await startRun(first, "live")
    lose(first)
    await healthy(first)
    await live.end()
    // Who reads an emptied database beside Looper makes SQLite delete its log.
    await until(() => !existsSync(live.logPath.replace(/\.log$/, ".state")), "Looper has recorded the end")
    const assertTrue = async (looper: LooperProcess) => {
      for (const run of [old, live]) {
        const row = await until(() => {
          const now = rowOf(looper, run)
          return now?.return_code === 9 && now
        }, "the end is recorded")
        assert.deepInclude(row, { state: "failed", cause: "exited", stopped_by: null })
      }
    }
    await assertTrue(first)
    assert.strictEqual((await ask(first, "k")).status, 200)
    assert.strictEqual((await ask(first, "k")).headers["idempotency-replayed"], "true")
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ reuse: first })
    await assertTrue(second)
    for (const [event, count] of Object.entries(said)) assert.lengthOf(records(second, event), count, event)
    assert.strictEqual((await ask(second, "k")).headers["idempotency-replayed"], "true")
  })
})

describe.concurrent("a database that is another program's at the next start", () => {
  it("is set aside as it is, with one warning; the live run is adopted and ends as recorded", async () => {
    await using first = await startLooper()
    const run = await startRun(first, "run")
    killHard(first.pid)
    await first.exited
    for (const file of files(first)) rmSync(file)
    const foreign = join(first.folder, "foreign.db")
    const database = new DatabaseSync(foreign)
    database.exec("CREATE TABLE mine (text TEXT); INSERT INTO mine VALUES ('precious')")
    database.close()
    copyFileSync(foreign, join(first.logDir, "looper.db"))
    await using second = await startLooper({ reuse: first })
    assert.strictEqual(storedRun(second.logDir, run.requestId)?.state, "running")
    await run.end()
    await until(() => storedRun(second.logDir, run.requestId)?.return_code === 9, "its end is recorded")
    assert.lengthOf(records(second, "set_aside"), 1)
    const aside = readdirSync(second.logDir).filter((name) => name.includes("set-aside"))
    assert.lengthOf(aside, 1)
    assert.isTrue(readFileSync(join(second.logDir, aside.join())).equals(readFileSync(foreign)))
    assert.match(String(records(second, "set_aside")[0]), /another program's database/)
  })
})
