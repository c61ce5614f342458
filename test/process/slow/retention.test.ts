/** Retention of run logs: never the log of a live run, however old and long it is; records stay, also over a restart. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync } from "node:fs"
import { basename, join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { makeReadOnly, inMountNamespace, unmount } from "../../support/mountNamespace.ts"
import { beats, killHard, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"
import { dayMillis, makeWallClock } from "../../support/wallClock.ts"

/** A run lives beside those of another workspace. */
const common = { CODEX_EXEC_KILL_SCOPE: "workspace", CODEX_EXEC_STARTUP_CHECK_SECONDS: "30" }

/** A run that goes on writing, longer than all others, in a workspace of its own. */
const startLive = async (looper: LooperProcess) => {
  const workspace = join(looper.folder, "other")
  mkdirSync(workspace)
  const heartbeat = join(looper.folder, "heartbeat")
  const child = { kind: "group", heartbeat, holdsOutput: true, printsEveryMillis: 20 } as const
  const answer = await looper.run({
    zulip_message: "m",
    codex_prompt: codexScript([{ flood: { bytes: 100_000 } }, { child }, { hang: true }]),
    workspace,
    codex_exec_startup_check_seconds: 0
  })
  assert.strictEqual(answer.status, 200, answer.text)
  return {
    requestId: String(answer.body?.request_id),
    logPath: runOf(answer).log_path,
    pid: runOf(answer).pid,
    heartbeat
  }
}

/** Runs of 10,000 bytes each that end by themselves, one after the other. */
const makeRuns = async (looper: LooperProcess, count: number, over: { readonly workspace?: string } = {}) => {
  const logs: Array<string> = []
  for (let n = 0; n < count; n++) {
    const prompt = codexScript([{ flood: { bytes: 10_000 } }])
    const answer = await looper.run({ zulip_message: "m", codex_prompt: prompt, ...over })
    assert.strictEqual(answer.status, 200, answer.text)
    logs.push(runOf(answer).log_path)
    await isRecorded(looper, logs.at(-1) ?? "")
  }
  return logs
}

const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""
const isRecorded = (looper: LooperProcess, logPath: string) =>
  until(() => storedRun(looper.logDir, idOf(logPath))?.state === "succeeded", `${basename(logPath)} is recorded`)

const keeps = (looper: LooperProcess, logs: ReadonlyArray<string>) =>
  until(() => looper.runLogs().join() === logs.toSorted().join(), `${logs.length} logs are left`)

const cases = [
  { bound: "LOOPER_LOG_RETENTION_RUNS", first: "2", later: "1" },
  { bound: "LOOPER_LOG_RETENTION_BYTES", first: "25000", later: "15000" },
  { bound: "LOOPER_LOG_RETENTION_DAYS", first: "4", later: "2" }
]

describe.concurrent("retention", () => {
  it("in a folder that is read-only says so, holds nothing up, and is done once the folder is not", async () => {
    const env = { ...common, LOOPER_LOG_RETENTION_RUNS: "1" }
    await using looper = await startLooper({ env, wrapper: inMountNamespace })
    const [old = ""] = await makeRuns(looper, 1)
    const live = await startLive(looper)
    makeReadOnly(looper.pid, looper.logDir)
    killHard(live.pid)
    await until(() => storedRun(looper.logDir, live.requestId)?.state === "failed", "its end is recorded")
    const failed = await until(() => /server\.retention\.fail .*/.exec(looper.serverLog())?.[0], "it is said")
    assert.include(failed, basename(old))
    assert.match(failed, /EROFS/)
    assert.isTrue(existsSync(old))
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    unmount(looper.pid, looper.logDir)
    const young = await makeRuns(looper, 1)
    // Its side file could not be removed: until the next start it may live.
    await keeps(looper, [live.logPath, ...young])
    killHard(looper.pid)
    await looper.exited
    await using next = await startLooper({ env, reuse: looper })
    await keeps(next, young)
    assert.deepInclude(storedRun(next.logDir, idOf(old)), { state: "succeeded", return_code: 0 })
    assert.deepInclude(storedRun(next.logDir, live.requestId), { state: "failed", return_code: 137 })
  })

  it.each(cases)("by $bound removes the oldest ended runs' logs, not a live one's; records stay", async (one) => {
    using clock = makeWallClock(-3 * dayMillis)
    const options = (bound: string) => ({
      env: { ...common, ...clock.env, [one.bound]: bound },
      wrapper: clock.wrapper
    })
    await using first = await startLooper(options(one.first))
    const live = await startLive(first)
    const old = await makeRuns(first, 3)
    const isByAge = one.bound.endsWith("DAYS")
    await keeps(first, [live.logPath, ...(isByAge ? old : old.slice(1))])
    clock.set(0)
    const young = await makeRuns(first, 1)
    await keeps(first, [live.logPath, ...(isByAge ? old : old.slice(2)), ...young])
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ ...options(one.later), reuse: first })
    await keeps(second, [live.logPath, ...young])
    assert.isTrue(await beats(live.heartbeat))
    for (const log of [...old, ...young]) {
      assert.deepInclude(storedRun(second.logDir, idOf(log)), { state: "succeeded", cause: "exited", return_code: 0 })
    }
    assert.strictEqual(storedRun(second.logDir, live.requestId)?.state, "running")
    const last = await makeRuns(second, 1, { workspace: join(second.folder, "other") })
    await keeps(second, [...(isByAge ? [live.logPath, ...young] : []), ...last])
    assert.deepInclude(storedRun(second.logDir, live.requestId), { cause: "replacement", return_code: 143 })
  })
})
