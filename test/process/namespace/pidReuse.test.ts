/** Pids that the kernel gives away again: whoever has the pid of an ended run, or of its supervisor, is spared. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, isAlive, killHard, procStat, sizeOf, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { Outsiders, requireOwnNamespace } from "./outsiders.ts"
import { isPossible } from "../../support/possible.ts"

requireOwnNamespace()

/** The kernel's last pid in this namespace; the next process gets one more (proc_sys_kernel(5)). */
const lastPidFile = "/proc/sys/kernel/ns_last_pid"

const canChoosePids = (() => {
  try {
    accessSync(lastPidFile, constants.W_OK)
    return true
  } catch {
    return false
  }
})()

/** Starts a process that has this pid and leads a session, with a child in it; somebody may take the pid first. */
const startWithPid = async (pid: number, heartbeat: string): Promise<Disposable> => {
  const program = `while :; do printf . >>"$0"; sleep 0.02; done & wait`
  for (let attempt = 0; attempt < 200; attempt++) {
    writeFileSync(lastPidFile, String(pid - 1))
    const child = spawn("sh", ["-c", program, heartbeat], { detached: true, stdio: "ignore" })
    if (child.pid === pid) {
      await until(() => sizeOf(heartbeat) > 0, "the innocent beats")
      return { [Symbol.dispose]: () => process.kill(-pid, "SIGKILL") }
    }
    await end(child)
  }
  throw new Error(`nobody got pid ${pid}`)
}

const end = async (child: ChildProcess) => {
  const exited = once(child, "exit")
  process.kill(-(child.pid ?? 0), "SIGKILL")
  await exited
}

const startRun = async (looper: LooperProcess, steps: ReadonlyArray<CodexStep>) => {
  const { pid, log_path } = runOf(await looper.run(codexScript(steps)))
  return { pid, logPath: log_path, supervisorPid: procStat(pid)?.ppid ?? 0 }
}

/** Kills in each way, and asserts that the innocents beat on. */
const assertSpared = async (looper: LooperProcess, heartbeats: ReadonlyArray<string>) => {
  const plan = await looper.request("POST", "/kill", { body: { dry_run: true } })
  assert.deepStrictEqual([plan.body?.codex_exec_pids, plan.body?.tree_pids], [[], []])
  const kill = await looper.request("POST", "/kill")
  assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, []], kill.text)
  const spawned = await looper.request("POST", "/spawn", { body: { codex_prompt: codexScript([{ hang: true }]) } })
  assert.strictEqual(spawned.status, 200, spawned.text)
  const run = await looper.run(codexScript([{ hang: true }]))
  assert.deepStrictEqual(run.body?.killed_codex_exec_pids, [runOf(spawned).pid])
  for (const heartbeat of heartbeats) await beats(heartbeat)
}

describe.runIf(isPossible(canChoosePids, "the right to write ns_last_pid"))("a pid that is used again", () => {
  it("names no run of a killed Looper: neither codex' pid nor its supervisor's", async () => {
    using outsiders = new Outsiders()
    await using first = await startLooper({ env: { CODEX_EXEC_KILL_SCOPE: "all" } })
    const { pid, logPath, supervisorPid } = await startRun(first, [{ hang: true }])
    for (const each of [first.pid, supervisorPid, pid]) killHard(each)
    await first.exited
    await until(() => [supervisorPid, pid].every((each) => procStat(each) === undefined), "both are reaped")
    assert.isNotEmpty(readdirSync(first.logDir).filter((name) => name.endsWith(".state")))
    const heartbeats = ["codex-beat", "supervisor-beat"].map((name) => `${outsiders.folder}/${name}`)
    const [codexBeat = "", supervisorBeat = ""] = heartbeats
    using _codex = await startWithPid(pid, codexBeat)
    using _supervisor = await startWithPid(supervisorPid, supervisorBeat)
    await using second = await startLooper({ reuse: first, env: { CODEX_EXEC_KILL_SCOPE: "all" } })
    await assertSpared(second, heartbeats)
    assert.match(readFileSync(logPath, "utf8"), /\n# codex_exec_return_code=unknown\n$/)
  })

  it("names no session of a run whose last process has ended", async () => {
    using outsiders = new Outsiders()
    await using looper = await startLooper({ env: { CODEX_EXEC_KILL_SCOPE: "all" } })
    const [left, leftPid, innocent] = ["left", "left-pid", "innocent"].map((name) => `${outsiders.folder}/${name}`) as [
      string,
      string,
      string
    ]
    const leftover: CodexStep = { child: { kind: "group", dropsMarker: true, heartbeat: left, pidTo: leftPid } }
    const { supervisorPid } = await startRun(looper, [leftover, { exit: 0 }])
    await until(() => / codex\.exec\.ended /.test(looper.serverLog()), "the run's end is recorded")
    const leftoverPid = Number(readFileSync(leftPid, "utf8"))
    assert.strictEqual(procStat(leftoverPid)?.sid, supervisorPid)
    await beats(left)
    killHard(leftoverPid)
    await until(() => procStat(leftoverPid) === undefined && !isAlive(supervisorPid), "the session is empty")
    using _innocent = await startWithPid(supervisorPid, innocent)
    await assertSpared(looper, [innocent])
    assert.isTrue(await stopsGrowing(left))
  })
})
