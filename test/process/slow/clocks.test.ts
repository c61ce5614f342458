/** The wall clock set by a day, and a Looper that was suspended: no run is stopped early or late, and none is started twice. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { argvOf, sizeOf, until, withEnvironment } from "../../support/processes.ts"
import { storedRun } from "../../support/runRecords.ts"
import { dayMillis, makeWallClock } from "../../support/wallClock.ts"

const folder = mkdtempSync(join(tmpdir(), "looper-clocks-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** Ticks start nothing before the prompt is there. */
const autopoll = (name: string) => ({
  LOOPER_AUTO_START_WHEN_IDLE: "1",
  LOOPER_IDLE_POLL_SECONDS: "0.05",
  LOOPER_DEFAULT_PROMPT_FILE: join(folder, name)
})
const setPrompt = (name: string, steps: ReadonlyArray<CodexStep>) =>
  writeFileSync(join(folder, name), codexScript(steps))

const recordsOf = (looper: LooperProcess, event: string) =>
  looper.serverLog().match(new RegExp(` looper codex\\.exec\\.${event} .*`, "g")) ?? []

/** Waits for six more ticks. */
const ticksOn = (looper: LooperProcess) => {
  const before = recordsOf(looper, "autopoll\\.skipped").length
  return until(() => recordsOf(looper, "autopoll\\.skipped").length > before + 5, "autopoll ticks on")
}

/** Living codex; one that has not replaced its shell yet is none. */
const livingCodex = (looper: LooperProcess) =>
  withEnvironment("TEST_FOLDER", looper.folder).filter((pid) => argvOf(pid)[1] === looper.codexPath)

/** A run that writes and beats all the time, until it is told to end with 4. */
const writing = (place: string): ReadonlyArray<CodexStep> => [
  { child: { kind: "group", heartbeat: join(place, "heartbeat"), holdsOutput: true, printsEveryMillis: 20 } },
  { waitForFile: join(place, "go") },
  { exit: 4 }
]

/** Waits until a run has gone on for about `beats` times 20 ms. */
const beatsOn = (place: string, beats: number) => {
  const heartbeat = join(place, "heartbeat")
  const size = sizeOf(heartbeat)
  return until(() => sizeOf(heartbeat) > size + beats, "the run goes on", 60_000)
}

/** The run that a tick started, once it beats. */
const firstRun = async (looper: LooperProcess) => {
  const requestId = await until(
    () => /request_id=(auto\w+)/.exec(recordsOf(looper, "autopoll\\.started")[0] ?? "")?.[1],
    "a tick has started a run"
  )
  const logPath = looper.runLogs().find((path) => path.includes(requestId)) ?? ""
  return { requestId, logPath }
}

describe.concurrent("a wall clock that is set", () => {
  it("a day ahead and back stops no run and starts none; how long it lasted is true", async () => {
    using clock = makeWallClock()
    const limits = { CODEX_EXEC_MAX_SECONDS: "3600", CODEX_EXEC_MAX_SILENT_SECONDS: "3600" }
    const env = { ...clock.env, ...limits, ...autopoll("day") }
    await using looper = await startLooper({ env, wrapper: clock.wrapper })
    setPrompt("day", writing(looper.folder))
    const { requestId } = await firstRun(looper)
    for (const offset of [dayMillis, -dayMillis]) {
      clock.set(offset)
      await beatsOn(looper.folder, 40)
      await ticksOn(looper)
      assert.strictEqual(storedRun(looper.logDir, requestId)?.state, "running")
      assert.lengthOf(livingCodex(looper), 1)
    }
    assert.deepStrictEqual([recordsOf(looper, "limit"), recordsOf(looper, "spawned").length], [[], 1])
    assert.strictEqual((await looper.request("POST", "/autopoll/pause")).status, 200)
    writeFileSync(join(looper.folder, "go"), "")
    await until(() => storedRun(looper.logDir, requestId)?.state === "failed", "its end is recorded")
    const { duration_ms } = storedRun(looper.logDir, requestId) ?? {}
    assert.isTrue(Number(duration_ms) > 0 && Number(duration_ms) < 3_600_000, `${duration_ms} ms`)
  })

  it.each([
    { variable: "CODEX_EXEC_MAX_SECONDS", cause: "max_seconds", isSilent: false },
    { variable: "CODEX_EXEC_MAX_SILENT_SECONDS", cause: "max_silent_seconds", isSilent: true }
  ])("a day back does not put $variable off", async ({ variable, cause, isSilent }) => {
    using clock = makeWallClock()
    await using looper = await startLooper({ env: { ...clock.env, [variable]: "2" }, wrapper: clock.wrapper })
    const steps = isSilent ? [{ hang: true } as const] : writing(looper.folder)
    const requestId = String((await looper.run(codexScript(steps))).body?.request_id)
    clock.set(-dayMillis)
    await until(() => storedRun(looper.logDir, requestId)?.state === "stopped", "it is stopped", 30_000)
    const record = storedRun(looper.logDir, requestId)
    assert.deepInclude(record, { cause, return_code: 143 })
    assert.isAtLeast(Number(record?.duration_ms), 2_000)
    assert.isBelow(Number(record?.duration_ms), dayMillis / 2)
  })

  it("more than a day ahead or back forgets no Idempotency-Key: its repeat starts nothing", async () => {
    using clock = makeWallClock()
    await using looper = await startLooper({ env: clock.env, wrapper: clock.wrapper })
    const body = { zulip_message: "m", codex_prompt: codexScript([{ hang: true }]) }
    const ask = () => looper.request("POST", "/run", { body, headers: { "idempotency-key": "k" } })
    const first = await ask()
    assert.strictEqual(first.status, 200, first.text)
    for (const offset of [-2 * dayMillis, 2 * dayMillis]) {
      clock.set(offset)
      const again = await ask()
      assert.deepStrictEqual([again.text, again.headers["idempotency-replayed"]], [first.text, "true"])
    }
    assert.lengthOf(looper.runLogs(), 1)
  })

  it("a day back does not hold autopoll up by a log that seems to be of tomorrow", async () => {
    using clock = makeWallClock()
    const env = { ...clock.env, ...autopoll("tomorrow"), LOOPER_IDLE_LOG_STALE_SECONDS: "3600" }
    await using looper = await startLooper({ env, wrapper: clock.wrapper })
    assert.strictEqual((await looper.run("p")).status, 200)
    await until(() => recordsOf(looper, "ended").length === 1, "a run has ended")
    setPrompt("tomorrow", [{ hang: true }])
    await until(() => /reason=recent_log_activity/.test(looper.serverLog()), "its log is recent")
    clock.set(-dayMillis)
    await firstRun(looper)
  })
})

describe.concurrent("a Looper that was suspended", () => {
  it("counts that time as no silence, whoever was suspended with it", async () => {
    await using looper = await startLooper({ env: { CODEX_EXEC_MAX_SILENT_SECONDS: "5" } })
    const [heartbeat, pidFile] = [join(looper.folder, "heartbeat"), join(looper.folder, "pid")]
    const prompt = codexScript([
      { child: { kind: "group", holdsOutput: true, printsEveryMillis: 20, pidTo: pidFile } },
      { child: { kind: "group", heartbeat } },
      { hang: true }
    ])
    const requestId = String((await looper.run(prompt)).body?.request_id)
    await until(() => sizeOf(heartbeat) > 0, "the run is up")
    const writer = Number(readFileSync(pidFile, "utf8"))
    process.kill(writer, "SIGSTOP")
    await beatsOn(looper.folder, 20)
    process.kill(looper.pid, "SIGSTOP")
    await beatsOn(looper.folder, 260)
    process.kill(looper.pid, "SIGCONT")
    await beatsOn(looper.folder, 10)
    process.kill(writer, "SIGCONT")
    await beatsOn(looper.folder, 25)
    assert.strictEqual(storedRun(looper.logDir, requestId)?.state, "running")
    assert.lengthOf(recordsOf(looper, "limit"), 0)
  })

  it("longer than limit and poll interval stops no run that writes, starts none beside it, and one when it has ended", async () => {
    const env = { ...autopoll("suspended"), CODEX_EXEC_MAX_SILENT_SECONDS: "3" }
    await using looper = await startLooper({ env })
    setPrompt("suspended", writing(looper.folder))
    const { requestId, logPath } = await firstRun(looper)
    await beatsOn(looper.folder, 1)
    process.kill(looper.pid, "SIGSTOP")
    await beatsOn(looper.folder, 170)
    process.kill(looper.pid, "SIGCONT")
    await ticksOn(looper)
    await beatsOn(looper.folder, 40)
    assert.strictEqual(storedRun(looper.logDir, requestId)?.state, "running")
    assert.lengthOf(livingCodex(looper), 1)
    assert.lengthOf(recordsOf(looper, "spawned"), 1)

    process.kill(looper.pid, "SIGSTOP")
    setPrompt("suspended", [{ child: { kind: "group", holdsOutput: true, printsEveryMillis: 20 } }, { hang: true }])
    writeFileSync(join(looper.folder, "go"), "")
    await until(() => readRunLog(logPath).code === "4", "the run has ended")
    await beatsOn(looper.folder, 40)
    process.kill(looper.pid, "SIGCONT")
    await until(() => recordsOf(looper, "spawned").length === 2, "the next run")
    await ticksOn(looper)
    assert.lengthOf(livingCodex(looper), 1)
    assert.lengthOf(recordsOf(looper, "spawned"), 2)
    assert.deepInclude(storedRun(looper.logDir, requestId), { state: "failed", cause: "exited", return_code: 4 })
    assert.lengthOf(recordsOf(looper, "limit"), 0)
  })
})
