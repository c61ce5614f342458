/** A run outlives its Looper, killed or told to leave it: the next one goes on with it as if nothing had happened. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { isRecord, mirrorOf, readRunLog } from "../../support/logs.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, killHard, procStat, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedFailures, storedRun, storedSteps } from "../../support/runRecords.ts"

const idOf = (logPath: string) => /-((?:auto)?[0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""

/** The server log's lines that are no records: what it mirrors. */
const mirrored = (looper: LooperProcess) =>
  looper
    .serverLog()
    .split("\n")
    .slice(0, -1)
    .filter((line) => !isRecord(line))

const stateFiles = (looper: LooperProcess) =>
  readdirSync(looper.logDir).filter((name) => /\.(state|mirror)$/.test(name))

/** A run that prints numbered lines and beats until the file `go` is there, then prints `last` and exits with 9. */
const startRun = async (looper: LooperProcess) => {
  const go = join(looper.folder, "go")
  const heartbeat = join(looper.folder, "heartbeat")
  const child = { kind: "session", heartbeat, holdsOutput: true, printsEveryMillis: 20 } as const
  const steps = [{ print: "first\n" }, { child }, { waitForFile: go }, { print: "last\n" }, { exit: 9 }] as const
  const { pid, log_path: logPath } = runOf(await looper.run(codexScript(steps)))
  await until(() => existsSync(heartbeat), "the run is up")
  await until(() => mirrored(looper).length > 3, "its output is mirrored")
  return { pid, logPath, heartbeat, go, requestId: idOf(logPath) }
}

/** A run that prints `first`, and at the file `go` `last` and exits with 9. */
const startQuietRun = async (looper: LooperProcess) => {
  const go = join(looper.folder, "go")
  const steps = [{ print: "first\n" }, { waitForFile: go }, { print: "last\n" }, { exit: 9 }] as const
  const { pid, log_path: logPath } = runOf(await looper.run(codexScript(steps)))
  await until(() => mirrored(looper).length === 1, "its output is mirrored")
  return { pid, supervisorPid: procStat(pid)?.sid ?? 0, logPath, go, requestId: idOf(logPath) }
}

/** A record waits in memory while a batch of mirrored lines is written. */
const isAdopted = (looper: LooperProcess, { requestId, pid }: { readonly requestId: string; readonly pid: number }) =>
  until(
    () => new RegExp(` codex\\.exec\\.adopted .*request_id=${requestId} pid=${pid} `).test(looper.serverLog()),
    "the run is adopted"
  )

const killLooper = async (looper: LooperProcess) => {
  killHard(looper.pid)
  assert.strictEqual((await looper.exited).signal, "SIGKILL")
}

const leave: LooperOptions = { env: { LOOPER_ON_SHUTDOWN: "leave" } }

const ways = [
  { way: "was killed with SIGKILL", options: {}, end: killLooper },
  {
    way: "was told to leave it",
    options: leave,
    end: async (looper: LooperProcess) => {
      assert.deepStrictEqual(await looper.stop(), { code: 0, signal: null })
    }
  }
] as const

describe.concurrent.each(ways)("the run of a Looper that $way", ({ options, end }) => {
  it("is adopted: mirrored on, each line once, and its true end recorded", async () => {
    await using first = await startLooper(options)
    const run = await startRun(first)
    await end(first)
    assert.isTrue(await beats(run.heartbeat))
    assert.strictEqual(storedRun(first.logDir, run.requestId)?.state, "running")
    await using second = await startLooper({ ...options, reuse: first })
    await isAdopted(second, run)
    const before = mirrored(second).length
    await until(() => mirrored(second).length > before, "it is mirrored on")
    writeFileSync(run.go, "")
    await until(() => storedRun(second.logDir, run.requestId)?.state === "failed", "its end is recorded")
    const log = readRunLog(run.logPath)
    assert.strictEqual(log.code, "9")
    assert.deepInclude(storedRun(second.logDir, run.requestId), { cause: "exited", return_code: 9, stopped_by: null })
    assert.isAbove(storedRun(second.logDir, run.requestId)?.duration_ms ?? 0, 0)
    assert.deepStrictEqual(mirrored(second), mirrorOf(log.body, run.logPath))
    await until(() => stateFiles(second).length === 0, "its files are gone")
    assert.strictEqual((await second.request("POST", "/kill")).status, 200)
    assert.isTrue(await stopsGrowing(run.heartbeat), "what it left is ended by the next kill")
  })

  it("is replaced, and recorded as stopped by that", async () => {
    await using first = await startLooper(options)
    const run = await startRun(first)
    await end(first)
    await using second = await startLooper({ ...options, reuse: first })
    const answer = await second.run(codexScript([{ hang: true }]))
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [run.pid])
    assert.isTrue(await stopsGrowing(run.heartbeat))
    assert.deepStrictEqual(carriers(run.requestId), [])
    await until(() => storedRun(second.logDir, run.requestId)?.state === "stopped", "its end is recorded")
    assert.deepInclude(storedRun(second.logDir, run.requestId), { cause: "replacement", return_code: 143 })
  })

  it("is stopped by the next Looper's shutdown, once that one stops its runs", async () => {
    await using first = await startLooper(options)
    const run = await startRun(first)
    await end(first)
    await using second = await startLooper({ reuse: first })
    assert.deepStrictEqual(await second.stop(), { code: 0, signal: null })
    assert.isTrue(await stopsGrowing(run.heartbeat))
    assert.strictEqual(readRunLog(run.logPath).code, "143")
    assert.deepInclude(storedRun(second.logDir, run.requestId), { state: "stopped", cause: "shutdown" })
    assert.deepStrictEqual(stateFiles(second), [])
  })

  it("that ended meanwhile is closed: code, rest of the mirror, record", async () => {
    await using first = await startLooper(options)
    const run = await startRun(first)
    const supervisorPid = procStat(run.pid)?.sid ?? 0
    await end(first)
    writeFileSync(run.go, "")
    await until(() => !isAlive(supervisorPid), "the run has ended")
    await using second = await startLooper({ ...options, reuse: first })
    await until(() => stateFiles(second).length === 0, "its end is recorded")
    const log = readRunLog(run.logPath)
    assert.deepInclude(storedRun(second.logDir, run.requestId), {
      state: "failed",
      cause: "exited",
      return_code: 9,
      duration_ms: null
    })
    assert.deepStrictEqual(mirrored(second), mirrorOf(log.body, run.logPath))
    const ended = new RegExp(` codex\\.exec\\.ended .*${run.requestId}.*return_code=9\\b`)
    await until(() => ended.test(second.serverLog()), "its end is logged")
  })
})

describe.concurrent("a Looper that was killed", () => {
  it("while its run's machine was lost: the run is interrupted, and nobody of that pid is touched", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    await killLooper(first)
    const sidePath = run.logPath.replace(/\.log$/, ".state")
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    // The same processes, as another boot would know them.
    const side = readFileSync(sidePath, "utf8")
    writeFileSync(sidePath, side.replace(bootId, "00000000-0000-4000-8000-000000000000"))
    await using second = await startLooper({ reuse: first })
    await until(() => stateFiles(second).length === 0, "its end is recorded")
    assert.deepInclude(storedRun(second.logDir, run.requestId), {
      state: "interrupted",
      cause: "interrupted",
      return_code: "unknown"
    })
    assert.strictEqual(readRunLog(run.logPath).code, "unknown")
    assert.isTrue(await beats(run.heartbeat))
  })

  it("and lost its side file: the record knows the run", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    await killLooper(first)
    unlinkSync(run.logPath.replace(/\.log$/, ".state"))
    await using second = await startLooper({ reuse: first })
    await isAdopted(second, run)
    const answer = await second.request("POST", "/kill")
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [run.pid])
    assert.isTrue(await stopsGrowing(run.heartbeat))
  })

  it("and lost its records: the side file knows the run", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    await killLooper(first)
    writeFileSync(join(first.logDir, "looper.db"), "no database")
    await using second = await startLooper({ reuse: first })
    await isAdopted(second, run)
    assert.strictEqual(storedRun(second.logDir, run.requestId)?.state, "running")
    writeFileSync(run.go, "")
    await until(() => storedRun(second.logDir, run.requestId)?.return_code === 9, "its end is recorded")
  })

  it("leaves its lock to the next one, whatever the age of the file that names the holder", async () => {
    await using first = await startLooper()
    await killLooper(first)
    utimesSync(join(first.logDir, "looper.holder"), new Date(), new Date())
    assert.isTrue(statSync(join(first.logDir, "looper.lock")).isFile())
    await using second = await startLooper({ reuse: first })
    assert.strictEqual((await second.request("GET", "/health")).status, 200)
  })
})

describe.concurrent("a run that was adopted", () => {
  it("survives a start that is refused", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    await killLooper(first)
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as AddressInfo
    const refused = await startLooper({ reuse: first, env: { LOOPER_PORT: String(port) } }).then(
      () => "it started",
      (error: Error) => error.message
    )
    other.close()
    assert.match(refused, /the port is taken/)
    assert.isTrue(await beats(run.heartbeat))
    await using second = await startLooper({ reuse: first })
    await isAdopted(second, run)
  })

  it.each(["lives", "has ended"])(
    "and whose side file is gone is mirrored once, with its true code: it %s",
    async (how) => {
      await using first = await startLooper()
      const run = await startQuietRun(first)
      await killLooper(first)
      unlinkSync(run.logPath.replace(/\.log$/, ".state"))
      const end = async () => {
        writeFileSync(run.go, "")
        await until(() => !isAlive(run.supervisorPid), "the run has ended")
      }
      if (how === "has ended") await end()
      await using second = await startLooper({ reuse: first })
      if (how === "lives") await end()
      await until(() => storedRun(second.logDir, run.requestId)?.state === "failed", "its end is recorded")
      await until(() => stateFiles(second).length === 0, "its files are gone")
      assert.deepInclude(storedRun(second.logDir, run.requestId), { cause: "exited", return_code: 9 })
      assert.deepStrictEqual(mirrored(second), ["first", "last"])
      assert.deepStrictEqual(readFileSync(run.logPath, "utf8").match(/return_code=\S+/g), ["return_code=9"])
    }
  )

  it("and ended by itself right before a shutdown is not recorded as stopped by it", async () => {
    await using first = await startLooper()
    const run = await startQuietRun(first)
    await killLooper(first)
    await using second = await startLooper({ reuse: first })
    await isAdopted(second, run)
    writeFileSync(run.go, "")
    await until(() => !isAlive(run.supervisorPid), "the run has ended")
    assert.deepStrictEqual(await second.stop(), { code: 0, signal: null })
    assert.deepInclude(storedRun(second.logDir, run.requestId), { state: "failed", cause: "exited", return_code: 9 })
  })
})

describe.concurrent("autopoll", () => {
  it("counts a run that exits within its startup check once, and again not after a crash behind the count", async () => {
    const env = { LOOPER_DEFAULT_PROMPT: codexScript([{ exit: 3 }]), CODEX_EXEC_STARTUP_CHECK_SECONDS: "5" }
    await using first = await startLooper({ env })
    assert.strictEqual((await first.request("POST", "/autopoll/tick")).body?.code, "exited_early")
    await until(() => storedFailures(first.logDir) === 1, "it is counted")
    await until(() => stateFiles(first).length === 0, "its end is recorded")
    await killLooper(first)
    const [logPath = ""] = first.runLogs()
    // As it is between the count and the removal of the side file.
    writeFileSync(logPath.replace(/\.log$/, ".state"), "starting\n3\ndone\n")
    await using second = await startLooper({ reuse: first, env })
    await until(() => stateFiles(second).length === 0, "its end is recorded again")
    assert.strictEqual(storedFailures(second.logDir), 1)
  })
})

it("the steps of a sequence that fails have their results", async () => {
  await using looper = await startLooper({
    env: { LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: "http://127.0.0.1:9/" }
  })
  const answer = await looper.run("p")
  assert.strictEqual(answer.body?.code, "notify_failed", answer.text)
  const requestId = String(answer.body?.request_id)
  assert.deepStrictEqual(storedSteps(looper.logDir, requestId), [
    ["preflight", "ok"],
    ["notify", "NotifyFailed"]
  ])
  assert.deepInclude(storedRun(looper.logDir, requestId), { state: "failed", cause: "not_started", return_code: null })
})
