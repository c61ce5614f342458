/** LOOPER_ON_SHUTDOWN=leave: Looper is replaced twice under a run that writes, in its startup check, and in its delay. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { startCountingZulip } from "../../support/countingZulip.ts"
import { isRecord, mirrorOf, readRunLog } from "../../support/logs.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"
import { firstDifference } from "../../support/watchedRun.ts"

const leave: LooperOptions = { env: { LOOPER_ON_SHUTDOWN: "leave" } }

/** Ends a Looper as an upgrade does, and starts the next one. */
const upgrade = async (looper: LooperProcess): Promise<LooperProcess> => {
  assert.deepStrictEqual(await looper.stop(), { code: 0, signal: null }, looper.output())
  return startLooper({ ...leave, reuse: looper })
}

const mirrored = (looper: LooperProcess) =>
  looper
    .serverLog()
    .split("\n")
    .slice(0, -1)
    .filter((line) => !isRecord(line))

const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""

const stateFiles = (looper: LooperProcess) =>
  readdirSync(looper.logDir).filter((name) => /\.(state|mirror)$/.test(name))

/** Steps of a run that prints, copies what it prints and beats until `go` is there, and then ends with 5. */
const writingSteps = (looper: LooperProcess) => {
  const [heartbeat, copy, go] = ["heartbeat", "copy", "go"].map((name) => join(looper.folder, name)) as [
    string,
    string,
    string
  ]
  const child = { kind: "group", heartbeat, holdsOutput: true, printsEveryMillis: 1 } as const
  const script = codexScript([
    { copyTo: copy },
    { flood: { bytes: 2_000_000 } },
    { child },
    { waitForFile: go },
    { print: "last\n" },
    { exit: 5 }
  ])
  return { script, heartbeat, copy, go }
}

/** Asserts that a run ended with 5 and that its log and its mirror have what it wrote, once. */
const assertWhole = async (looper: LooperProcess, logPath: string, copy: string) => {
  await until(() => storedRun(looper.logDir, idOf(logPath))?.state === "failed", "its end is recorded")
  assert.deepInclude(storedRun(looper.logDir, idOf(logPath)), { cause: "exited", return_code: 5, stopped_by: null })
  // Read first: what the run left writes on.
  const copied = readFileSync(copy, "latin1").split("\n").slice(0, -1)
  const log = readRunLog(logPath)
  assert.strictEqual(log.code, "5")
  const logged = new Set(Buffer.concat([log.body, log.rest]).toString("latin1").split("\n"))
  assert.deepStrictEqual(
    copied.filter((line) => !logged.has(line)),
    []
  )
  assert.strictEqual(log.body.toString("latin1").match(/^line \d+ x+$/gm)?.length, 20_000)
  assert.strictEqual(firstDifference(mirrored(looper), mirrorOf(log.body, logPath)), "")
  await until(() => stateFiles(looper).length === 0, "its files are gone")
}

describe.concurrent("an upgrade", () => {
  it("and another one under a run that writes cost nothing: output, mirror, code and record", async () => {
    await using first = await startLooper(leave)
    const { script, heartbeat, copy, go } = writingSteps(first)
    const { log_path: logPath, pid } = runOf(await first.run(script))
    await until(() => existsSync(heartbeat), "the run is up")
    await using second = await upgrade(first)
    assert.isTrue(await beats(heartbeat))
    await using third = await upgrade(second)
    assert.isTrue(await beats(heartbeat))
    assert.isTrue(isAlive(pid))
    assert.strictEqual(storedRun(third.logDir, idOf(logPath))?.state, "running")
    assert.lengthOf(third.serverLog().match(new RegExp(` codex\\.exec\\.adopted .*pid=${pid} `, "g")) ?? [], 2)
    writeFileSync(go, "")
    await assertWhole(third, logPath, copy)
  })

  it("in the middle of a startup check ends the request with 503, not the run, which the next Looper goes on with", async () => {
    await using first = await startLooper(leave)
    const { script, heartbeat, copy, go } = writingSteps(first)
    const asked = first.run({ zulip_message: "m", codex_prompt: script, codex_exec_startup_check_seconds: 3_600 })
    await until(() => existsSync(heartbeat), "the run is up")
    await using second = await upgrade(first)
    const answer = await asked
    assert.deepStrictEqual([answer.status, answer.body?.code], [503, "shutting_down"], answer.text)
    assert.isTrue(await beats(heartbeat))
    const [logPath = ""] = second.runLogs()
    assert.strictEqual(storedRun(second.logDir, idOf(logPath))?.state, "running")
    writeFileSync(go, "")
    await assertWhole(second, logPath, copy)
  })

  it("in the middle of a delay ends the request with 503: nothing is started, then or later, and nothing is left", async () => {
    await using zulip = await startCountingZulip()
    const options = { env: { ...leave.env, ...zulip.env } }
    await using first = await startLooper(options)
    const { script, heartbeat } = writingSteps(first)
    const old = runOf(await first.run(script))
    await until(() => existsSync(heartbeat), "the first run is up")
    const asked = first.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 3_600 })
    await until(() => storedRun(first.logDir, idOf(old.log_path))?.state === "stopped", "the first run is stopped")
    const logPath = await until(() => first.runLogs().find((path) => path !== old.log_path), "the second run's log")
    await until(() => / run\.step .*action=delay\b/.test(first.serverLog()), "the delay")
    assert.deepStrictEqual(await first.stop(), { code: 0, signal: null }, first.output())
    const answer = await asked
    assert.deepStrictEqual([answer.status, answer.body?.code], [503, "shutting_down"], answer.text)
    assert.deepStrictEqual([first.runLogs(), stateFiles(first)], [[old.log_path], []])
    await using second = await startLooper({ ...options, reuse: first })
    assert.deepStrictEqual([second.runLogs(), stateFiles(second)], [[old.log_path], []])
    assert.deepInclude(storedRun(second.logDir, idOf(logPath)), {
      state: "stopped",
      cause: "shutdown",
      return_code: null
    })
    assert.deepInclude(storedRun(second.logDir, idOf(old.log_path)), { cause: "replacement", return_code: 143 })
    assert.deepStrictEqual([...carriers(idOf(logPath)), ...carriers(idOf(old.log_path))], [])
    assert.strictEqual(zulip.messages.length, 2)
    const kill = await second.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [])
    assert.isTrue(await stopsGrowing(heartbeat))
  })
})
