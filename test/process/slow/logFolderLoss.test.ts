/** A log folder that is full or deleted while a run lives and Looper comes and goes: what is recorded, and what is left. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { fillDisk, inNamespaceOf, storedRunSeenBy } from "../../support/databaseFaults.ts"
import { mirroredIn, readRunLog } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { seenFromOutside, withSmallLogDir } from "../../support/mountNamespace.ts"
import { beats, isAlive, killHard, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"

/** A run that beats, prints `before` at once and `after` when it is told to, and then waits to be ended. */
const startRun = async (looper: LooperProcess, name = "run") => {
  const [heartbeat, go, said] = ["heartbeat", "go", "said"].map((file) => join(looper.folder, `${name}-${file}`)) as [
    string,
    string,
    string
  ]
  const answer = await looper.run(
    codexScript([
      { child: { kind: "group", heartbeat } },
      { print: "before\n" },
      { waitForFile: go },
      { print: "after\n" },
      { writeFile: { path: said, text: "" } },
      { hang: true }
    ])
  )
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(heartbeat), "the run is up")
  const sayMore = async () => {
    writeFileSync(go, "")
    await until(() => existsSync(said), "the run has gone on")
  }
  const { pid, log_path: logPath } = runOf(answer)
  return { pid, logPath, heartbeat, sayMore, requestId: String(answer.body?.request_id) }
}

const health = async (looper: LooperProcess) => (await looper.request("GET", "/health")).text

describe.concurrent("a log folder", () => {
  it("that is full when Looper is killed and started again: the run is adopted and stopped; all is recorded once there is space", async () => {
    const env = { LOOPER_MIN_FREE_BYTES: "0" }
    await using first = await startLooper({ env, wrapper: withSmallLogDir("4m") })
    const run = await startRun(first)
    const filler = join(seenFromOutside(run.pid, first.logDir), "filler")
    fillDisk(filler)
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ env, wrapper: inNamespaceOf(run.pid), reuse: first })
    assert.strictEqual(await health(second), '{"ok":true}\n')
    await until(() => / codex\.exec\.adopted /.test(second.serverLog()), "the run is adopted")
    assert.isTrue(await beats(run.heartbeat))
    const refused = await second.run("p")
    assert.deepStrictEqual([refused.status, refused.body?.code], [500, "run_log_unwritable"], refused.text)
    assert.isTrue(isAlive(run.pid))
    const key = { "idempotency-key": "k" }
    const body = { zulip_message: "m" }
    assert.strictEqual((await second.request("POST", "/run", { body, headers: key })).status, 503)
    const kill = await second.request("POST", "/kill")
    assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, [run.pid]], kill.text)
    const sidePath = seenFromOutside(second.pid, run.logPath.replace(/\.log$/, ".state"))
    await until(() => !existsSync(sidePath), "Looper has nothing more to write but the record")
    rmSync(seenFromOutside(second.pid, join(second.logDir, "filler")))
    const stored = () => storedRunSeenBy(second.pid, second.logDir, run.requestId)
    await until(() => stored()?.state === "stopped", "its end is recorded")
    assert.deepInclude(stored(), { cause: "request", stopped_by: "request", return_code: 143 })
    assert.strictEqual(readRunLog(seenFromOutside(second.pid, run.logPath)).code, "143")
    assert.deepStrictEqual(mirroredIn(second.serverLog()), ["before"])
    assert.lengthOf(second.serverLog().match(/ server\.records\.unwritable /g) ?? [], 1)
    assert.strictEqual((await second.run("p")).status, 200)
  })

  it("that is deleted under a live run costs its log: output is mirrored, the run recorded, and the next Looper goes on", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    await until(() => mirroredIn(first.serverLog()).length === 1, "its output is mirrored")
    rmSync(first.logDir, { recursive: true })
    assert.strictEqual(await health(first), '{"ok":true}\n')
    await run.sayMore()
    await until(() => mirroredIn(first.serverLog()).includes("after"), "what it says then is mirrored")
    const kill = await first.request("POST", "/kill")
    assert.deepStrictEqual([kill.status, kill.body?.killed_codex_exec_pids], [200, [run.pid]], kill.text)
    await until(() => existsSync(join(first.logDir, "looper.db")), "there is a database again")
    await until(() => storedRun(first.logDir, run.requestId)?.state === "stopped", "its end is recorded")
    assert.deepInclude(storedRun(first.logDir, run.requestId), { cause: "request", return_code: 143, log_bytes: null })
    const next = await startRun(first, "next")
    await next.sayMore()
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ reuse: first })
    await until(() => / codex\.exec\.adopted /.test(second.serverLog()), "the next run is adopted")
    assert.strictEqual((await second.request("POST", "/kill")).status, 200)
    await until(() => storedRun(second.logDir, next.requestId)?.state === "stopped", "its end is recorded")
    assert.strictEqual(storedRun(second.logDir, run.requestId)?.state, "stopped")
    assert.deepStrictEqual(second.runLogs(), [next.logPath])
    assert.deepStrictEqual(
      readdirSync(second.logDir).filter((name) => /\.(state|mirror)$/.test(name)),
      []
    )
    assert.deepStrictEqual(mirroredIn(second.serverLog()), ["before", "after", "before", "after"])
  })
})
