import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { doctor } from "../../../src/doctor/doctor.ts"
import type { DoctorReport } from "../../../src/doctor/DoctorReport.ts"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { lineOf } from "../../support/doctorHouse.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, killHard, until } from "../../support/processes.ts"

/** Looks at the same set-up as this Looper's. */
const look = (looper: LooperProcess, over: Readonly<Record<string, string>> = {}): Promise<DoctorReport> =>
  Effect.runPromise(
    doctor({
      root: looper.folder,
      environment: {
        PATH: process.env.PATH,
        HOME: join(looper.folder, "home"),
        LOOPER_HOST: "127.0.0.1",
        LOOPER_PORT: String(looper.port),
        LOOPER_NOTIFIER: "log",
        LOOPER_SERVER_LOG_PATH: looper.serverLogPath,
        LOOPER_DEFAULT_WORKSPACE: looper.workspace,
        CODEX_EXEC_LOG_DIR: looper.logDir,
        CODEX_EXEC_BINARY: looper.codexPath,
        CODEX_EXEC_KILL_SCOPE: "own",
        ...over
      }
    })
  )

const line = async (looper: LooperProcess, name: string, over?: Readonly<Record<string, string>>) => {
  const { checks } = await look(looper, over)
  return lineOf(checks.find((check) => check.name === name) ?? { name, outcome: "failure", found: "no such check" })
}

/** Starts a run that goes on, and answers with codex' pid. */
const startRun = async (looper: LooperProcess): Promise<number> => {
  const { status, body } = await looper.run(codexScript([{ print: "on\n" }, { hang: true }]))
  assert.strictEqual(status, 200)
  return (body as { codex_exec_result: { pid: number } }).codex_exec_result.pid
}

/** All that a Looper could notice of what was done beside it. */
const traces = (looper: LooperProcess) => ({
  log: looper.serverLog(),
  names: readdirSync(looper.logDir).toSorted(),
  holder: readFileSync(join(looper.logDir, "looper.holder"), "utf8")
})

describe("doctor beside a live Looper", () => {
  it("names it and is content with its run, and nothing of it is noticed", async () => {
    await using looper = await startLooper()
    const pid = await startRun(looper)
    await until(() => looper.serverLog().includes("\non\n"), "the run's output is mirrored")
    const before = traces(looper)
    const who = `Looper ${looper.pid} at ${looper.url}`
    assert.strictEqual(await line(looper, "processes"), `ok: no stale processes; ${who}`)
    assert.strictEqual(await line(looper, "port"), `ok: 127.0.0.1:${looper.port} is held by ${who}`)
    assert.deepStrictEqual(traces(looper), before)
    assert.isTrue(isAlive(pid))
    assert.deepInclude(await looper.request("GET", "/health"), { status: 200 })
  })

  it("leaves the folder's lock alone: a second Looper is refused afterwards", async () => {
    await using looper = await startLooper()
    await look(looper)
    const second = await startLooper({ env: { CODEX_EXEC_LOG_DIR: looper.logDir } }).catch((error: unknown) => error)
    assert.include(String(second), `is in use by another Looper: pid ${looper.pid}`)
  })

  it("names what an ended run left, and signals it not", async () => {
    await using looper = await startLooper()
    const pidFile = join(looper.folder, "left")
    await looper.run(codexScript([{ child: { kind: "daemon", pidTo: pidFile } }, { exit: 0 }]))
    await until(() => !readdirSync(looper.logDir).some((name) => name.endsWith(".state")), "the run's end is recorded")
    const pid = Number(readFileSync(pidFile, "utf8"))
    const expected = new RegExp(
      `^warning: left by codex exec that ended or that Looper did not start: ${pid} \\(Looper ${looper.pid} at .*\\) → end them, `
    )
    assert.match(await line(looper, "processes"), expected)
    assert.isTrue(isAlive(pid))
  })

  it("names a codex exec that Looper did not start, and another one that it would not stop, not", async () => {
    await using looper = await startLooper()
    const pidFile = join(looper.folder, "stranger")
    const prompt = codexScript([{ appendPid: pidFile }, { hang: true }])
    const stranger = spawn(looper.codexPath, ["exec", "-C", looper.workspace, prompt], { stdio: "ignore" })
    try {
      await until(() => existsSync(pidFile), "codex runs")
      assert.match(await line(looper, "processes"), /^ok: /)
      const found = await line(looper, "processes", { CODEX_EXEC_KILL_SCOPE: "workspace" })
      assert.match(
        found,
        new RegExp(`^warning: codex exec that Looper did not start: ${stranger.pid} \\(.* → end them, or spare`)
      )
      assert.isTrue(isAlive(stranger.pid ?? 0))
    } finally {
      stranger.kill("SIGKILL")
    }
  })
})

describe("doctor after a crash of Looper", () => {
  it("names the run that goes on without it, until the next Looper takes it over", async () => {
    await using looper = await startLooper()
    const pid = await startRun(looper)
    killHard(looper.pid)
    await looper.exited
    assert.strictEqual(
      await line(looper, "processes"),
      `warning: runs without a Looper: codex ${pid} (no Looper runs) → start Looper, which takes them over`
    )
    assert.strictEqual(await line(looper, "port"), `ok: 127.0.0.1:${looper.port} is free`)
    await using next = await startLooper({ reuse: looper })
    assert.match(await line(next, "processes"), /^ok: no stale processes; Looper \d+ at /)
    assert.isTrue(isAlive(pid))
  })
})
