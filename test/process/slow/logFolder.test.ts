/** Log folders that are deleted, read-only or full: clear errors, nothing hangs, and work goes on afterwards. */
import { assert, describe, it } from "@effect/vitest"
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { startCountingZulip } from "../../support/countingZulip.ts"
import { seenRun, seenStatus } from "../../support/history.ts"
import type { Answer } from "../../support/httpClient.ts"
import { isRecord, mirroredIn, readRunLog } from "../../support/logs.ts"
import { LooperDidNotStart, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import {
  inMountNamespace,
  makeReadOnly,
  resizeTmpfs,
  seenFromOutside,
  unmount,
  withReadOnlyLogDir,
  withSmallLogDir,
  withSmallServerLog
} from "../../support/mountNamespace.ts"
import { isAlive, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { watchHealth } from "../../support/steadyHealth.ts"
import { firstDifference } from "../../support/watchedRun.ts"

const lineOf = (n: number) => `line ${n} `.padEnd(99, "x")
const linesOf = (bytes: number) => Array.from({ length: bytes / 100 }, (_, n) => lineOf(n))

/** Starts a run that stays, and waits until it is up. */
const startResident = async (looper: LooperProcess) => {
  const ready = join(looper.folder, "ready")
  rmSync(ready, { force: true })
  const answer = await looper.run(codexScript([{ writeFile: { path: ready, text: "" } }, { hang: true }]))
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(ready), "the run is up")
  return runOf(answer)
}

const isRunFile = (name: string) => name.startsWith("codex-exec-")

/** Writes a file until nothing more goes in. */
const fill = (path: string) => {
  const fd = openSync(path, "w")
  try {
    for (;;) writeSync(fd, Buffer.alloc(4_096))
  } catch (error) {
    assert.strictEqual((error as NodeJS.ErrnoException).code, "ENOSPC")
  } finally {
    closeSync(fd)
  }
}

const assertRefused = (answer: Answer, code: string, error: RegExp) => {
  assert.deepStrictEqual([answer.status, answer.body?.code, answer.body?.step], [500, code, "preflight"], answer.text)
  assert.match(String(answer.body?.error), error)
}

/** `/health`, and `/kill` of the one run. */
const assertWorks = async (looper: LooperProcess, pid: number) => {
  assert.strictEqual((await looper.request("GET", "/health")).status, 200)
  const kill = await looper.request("POST", "/kill")
  assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, [pid]], kill.text)
  assert.isFalse(isAlive(pid))
}

const endsOf = (serverLog: string, path: string): number => {
  const id = /-([0-9a-f]{8})\.log$/.exec(path)?.[1] ?? ""
  return serverLog.split("\n").filter((line) => line.includes(" codex.exec.ended ") && line.includes(id)).length
}

describe("logs that are deleted while a run writes", () => {
  it("cost what stood in them; the run ends as recorded, and records and mirror go on in a new server log", async () => {
    await using looper = await startLooper()
    const [some, go] = ["some", "go"].map((name) => join(looper.folder, name)) as [string, string]
    const answer = await looper.run(
      codexScript([
        { flood: { bytes: 1_000_000 } },
        { writeFile: { path: some, text: "" } },
        { waitForFile: go },
        { print: "after the deletion\n" },
        { exit: 3 }
      ])
    )
    await until(() => existsSync(some), "the run has written")
    rmSync(runOf(answer).log_path)
    rmSync(looper.serverLogPath)
    writeFileSync(go, "")
    await until(
      () => existsSync(looper.serverLogPath) && endsOf(looper.serverLog(), runOf(answer).log_path) === 1,
      "the end is recorded"
    )
    assert.match(looper.serverLog(), /codex\.exec\.ended .*return_code=3\b/)
    assert.include(mirroredIn(looper.serverLog()), "after the deletion")
    assert.isFalse(existsSync(runOf(answer).log_path))
    const next = await startResident(looper)
    await assertWorks(looper, next.pid)
    assert.strictEqual(readRunLog(next.log_path).code, "143")
  })

  it("together with their folder refuse a run by name, and the next one works once the folder is back", async () => {
    await using zulip = await startCountingZulip()
    await using looper = await startLooper({ env: zulip.env })
    const { pid } = await startResident(looper)
    rmSync(looper.logDir, { recursive: true })
    const answer = await looper.run("p")
    if (answer.status !== 200) {
      assertRefused(answer, "run_log_unwritable", /^cannot create run log .*ENOENT/)
      assert.strictEqual(zulip.messages.length, 1)
      await assertWorks(looper, pid)
      mkdirSync(looper.logDir)
    }
    await assertWorks(looper, (await startResident(looper)).pid)
  })
})

describe("a log folder that becomes read-only", () => {
  it("refuses a run before any effect, and stops neither /kill nor the run that writes", async () => {
    await using zulip = await startCountingZulip()
    await using looper = await startLooper({ env: zulip.env, wrapper: inMountNamespace })
    const resident = await startResident(looper)
    const before = looper.runLogs()
    makeReadOnly(looper.pid, looper.logDir)
    for (const path of ["/run", "/run", "/spawn"]) {
      const body = { zulip_message: "m", codex_prompt: "p" }
      const answer = await looper.request("POST", path, { body })
      if (path === "/spawn") assert.strictEqual(answer.body?.code, "run_alive")
      else assertRefused(answer, "run_log_unwritable", /^cannot create run log .*EROFS/)
    }
    assert.strictEqual(zulip.messages.length, 1)
    assert.isTrue(isAlive(resident.pid))
    assert.deepStrictEqual(looper.runLogs(), before)
    await assertWorks(looper, resident.pid)
    assert.strictEqual(readRunLog(resident.log_path).code, "143")
    assertRefused(
      await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } }),
      "run_log_unwritable",
      /EROFS/
    )
    unmount(looper.pid, looper.logDir)
    await assertWorks(looper, (await startResident(looper)).pid)
  })

  it("at start is one line that names it", async () => {
    const failure = await startLooper({ wrapper: withReadOnlyLogDir }).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.instanceOf(failure, LooperDidNotStart)
    assert.deepStrictEqual(failure.exit, { code: 1, signal: null })
    const lines = failure.output
      .trimEnd()
      .split("\n")
      .filter((line) => !isRecord(line))
    assert.strictEqual(lines.length, 1, failure.output)
    assert.match(String(lines[0]), /^looper: log folder .*\/logs \(CODEX_EXEC_LOG_DIR\) .*read-?only/i)
  })
})

describe("a small log folder", () => {
  it("with less than LOOPER_MIN_FREE_BYTES refuses a run before any effect", async () => {
    await using zulip = await startCountingZulip()
    await using looper = await startLooper({ env: zulip.env, wrapper: withSmallLogDir("4m") })
    const answer = await looper.run("p")
    assertRefused(answer, "disk_space_low", /^free space in .* is \d+ bytes, LOOPER_MIN_FREE_BYTES asks for 67108864$/)
    assert.deepStrictEqual(zulip.messages, [])
    assert.deepStrictEqual(readdirSync(seenFromOutside(looper.pid, looper.logDir)).filter(isRunFile), [])
    resizeTmpfs(looper.pid, looper.logDir, "80m")
    await assertWorks(looper, (await startResident(looper)).pid)
  })

  it("that is full refuses a run before any effect, and ends a run that writes as its own end says", async () => {
    await using zulip = await startCountingZulip()
    const env = { ...zulip.env, LOOPER_MIN_FREE_BYTES: "0" }
    await using looper = await startLooper({ env, wrapper: withSmallLogDir("4m") })
    const folder = seenFromOutside(looper.pid, looper.logDir)
    fill(join(folder, "filler"))
    assertRefused(await looper.run("p"), "run_log_unwritable", /^cannot create run log .*ENOSPC/)
    assert.deepStrictEqual([zulip.messages.length, readdirSync(folder).filter(isRunFile)], [0, []])
    rmSync(join(folder, "filler"))

    const answer = await looper.run(codexScript([{ flood: { bytes: 20_000_000 } }]))
    assert.strictEqual(answer.status, 200, answer.text)
    const path = runOf(answer).log_path
    await until(() => endsOf(looper.serverLog(), path) === 1, "the end is recorded")
    assert.match(looper.serverLog(), /codex\.exec\.ended .*return_code=[1-9]\d*\b/)
    assert.match(looper.serverLog(), /codex\.exec\.trailer\.fail .*ENOSPC/)
    const mirrored = mirroredIn(looper.serverLog())
    assert.isAbove(mirrored.length, 30_000)
    assert.strictEqual(firstDifference(mirrored.slice(0, -1), linesOf(20_000_000).slice(0, mirrored.length - 1)), "")

    assertRefused(await looper.run("p"), "run_log_unwritable", /ENOSPC/)
    assert.strictEqual((await looper.request("POST", "/kill")).status, 200)
    rmSync(seenFromOutside(looper.pid, path))
    const next = await startResident(looper)
    await assertWorks(looper, next.pid)
    assert.strictEqual(readRunLog(seenFromOutside(looper.pid, next.log_path)).code, "143")
  })
})

const smallOf = (looper: LooperProcess) => join(looper.folder, "small")
const serverLogOf = (looper: LooperProcess) => seenFromOutside(looper.pid, join(smallOf(looper), "looper-server.log"))

/** Starts Looper and a run whose mirror is more than the disk holds; waits until that is full and the run has gone on. */
const startFull = async (env: Readonly<Record<string, string>> = {}) => {
  const looper = await startLooper({ env, wrapper: withSmallServerLog("2m") })
  const [written, go] = ["written", "go"].map((name) => join(looper.folder, name)) as [string, string]
  const answer = await looper.run(
    codexScript([
      { flood: { bytes: 5_000_000 } },
      { writeFile: { path: written, text: "" } },
      { waitForFile: go },
      { print: "last\n" }
    ])
  )
  await until(() => existsSync(written), "the run has written")
  await until(() => sizeOf(serverLogOf(looper)) >= 2 * 1_048_576, "the disk is full")
  return { looper, go, path: runOf(answer).log_path }
}

describe("a server log on a disk that is full", () => {
  it("stops no run and no request; mirror and records go on once there is space, whole and in order", async () => {
    const { looper, go, path } = await startFull()
    await using _ = looper
    const health = watchHealth(looper)
    writeFileSync(go, "")
    await until(() => readRunLog(path).code, "the run has ended")
    const resident = await startResident(looper)
    await assertWorks(looper, resident.pid)
    const { bad } = await health.stop()
    assert.deepStrictEqual(bad, [])
    const asked: Array<string> = []
    for (let n = 0; n < 20; n++) {
      asked.push(String((await looper.request("GET", "/health")).headers["x-request-id"]))
    }
    assert.isFalse(asked.some((id) => readFileSync(serverLogOf(looper), "utf8").includes(id)))

    resizeTmpfs(looper.pid, smallOf(looper), "80m")
    const text = await until(() => {
      const now = readFileSync(serverLogOf(looper), "utf8")
      return endsOf(now, path) === 1 && endsOf(now, resident.log_path) === 1 && now
    }, "both ends are recorded")
    assert.strictEqual(firstDifference(mirroredIn(text), [...linesOf(5_000_000), "last"]), "")
    const records = text.split("\n").filter(isRecord)
    const times = records.map((line) => line.slice(0, 23))
    assert.deepStrictEqual(times, times.toSorted())
    const seen = records.flatMap((line) => / http\.end .*request_id=([0-9a-f]{8})/.exec(line)?.[1] ?? [])
    assert.deepStrictEqual(seen.slice(-asked.length), asked)
    await assertWorks(looper, (await startResident(looper)).pid)
  })

  it("is no part of how long a run took: its record tells when codex ended", async () => {
    const { looper, go, path } = await startFull()
    await using _ = looper
    writeFileSync(go, "")
    await until(async () => (await seenStatus(looper)).run === null, "Looper knows that codex has ended")
    const endedBy = Date.now()
    resizeTmpfs(looper.pid, smallOf(looper), "80m")
    const id = /-([0-9a-f]{8})\.log$/.exec(path)?.[1] ?? ""
    const { started_at, ended_at, duration_ms } = await until(async () => {
      const run = await seenRun(looper, id)
      return run.ended_at !== null && run
    }, "its end is recorded")
    assert.isAtMost(Date.parse(String(ended_at)), endedBy)
    // Its start is known before codex', to a millisecond.
    assert.isAtMost(Number(duration_ms), endedBy - Date.parse(started_at) + 1)
    assert.isAbove(Number(duration_ms), 0)
  })

  it("keeps the newest MiB of records, and says how many were dropped", async () => {
    const { looper } = await startFull()
    await using _ = looper
    const ids: Array<string> = []
    for (let n = 0; n < 60; n++) {
      const path = `/${"x".repeat(2_000)}`
      const answers = await Promise.all(Array.from({ length: 20 }, () => looper.request("GET", path)))
      ids.push(...answers.map(({ headers }) => String(headers["x-request-id"])))
    }
    resizeTmpfs(looper.pid, smallOf(looper), "80m")
    const last = String((await looper.request("GET", "/health")).headers["x-request-id"])
    const text = await until(() => {
      const now = readFileSync(serverLogOf(looper), "utf8")
      return now.includes(last) && now
    }, "the records are written")
    const dropped = Number(/^# (\d+) records were dropped: no space$/m.exec(text)?.[1])
    const kept = ids.filter((id) => text.includes(id))
    assert.isAbove(kept.length, 100)
    assert.isAbove(dropped, 100)
    assert.isAtMost(Math.abs(2 * (ids.length - kept.length) - dropped), 20)
  })

  it("does not hold a shutdown up: it ends in time and names what is not written", async () => {
    const { looper, path } = await startFull({ LOOPER_SHUTDOWN_GRACE_SECONDS: "3" })
    await using _ = looper
    const begin = performance.now()
    looper.signal("SIGTERM")
    assert.deepStrictEqual(await looper.exited, { code: 1, signal: null })
    assert.isBelow(performance.now() - begin, 5_000)
    const id = /-([0-9a-f]{8})\.log$/.exec(path)?.[1]
    assert.match(looper.output(), new RegExp(`^looper: not stopped in time: .*${id}`, "m"))
    assert.strictEqual(readRunLog(path).code, "143")
  })
})
