/** 500 MB under a Looper that is killed again and again: a complete log, a true record, each line once, a stoppable run. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { bytesFrom, firstDifference, floodedText, mirroredFrom } from "../../support/floodedText.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { carriers, isAlive, killHard, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"
import { watchHealth } from "../../support/steadyHealth.ts"

const million = 1_000_000
const patienceMillis = 120_000

/** Starts floods; each but the first waits for a file of its number. */
const startFloods = async (looper: LooperProcess, floods: ReadonlyArray<number>, last: ReadonlyArray<CodexStep>) => {
  const gate = (n: number) => join(looper.folder, `go-${n}`)
  const steps = floods.flatMap(
    (bytes, n): ReadonlyArray<CodexStep> => [...(n === 0 ? [] : [{ waitForFile: gate(n) }]), { flood: { bytes } }]
  )
  const mirrorStart = sizeOf(looper.serverLogPath)
  const answer = await looper.run(codexScript([...steps, ...last]))
  assert.strictEqual(answer.status, 200, answer.text)
  const { pid, log_path: logPath } = runOf(answer)
  const header = await bytesFrom(logPath, 0)[Symbol.asyncIterator]().next()
  return {
    pid,
    logPath,
    requestId: String(answer.body?.request_id),
    headerBytes: (header.value as Buffer).indexOf("\n\n") + 2,
    mirrorStart,
    open: (n: number) => writeFileSync(gate(n), ""),
    /** Waits until so much is in the server log. */
    mirrored: (bytes: number) =>
      until(() => sizeOf(looper.serverLogPath) > mirrorStart + bytes, `${bytes} bytes are mirrored`, patienceMillis)
  }
}

type Floods = Awaited<ReturnType<typeof startFloods>>

/** Kills a Looper in the middle of its mirror, starts the next one and waits until that has the run. */
const killAndRestart = async (looper: LooperProcess, run: Floods): Promise<LooperProcess> => {
  killHard(looper.pid)
  assert.strictEqual((await looper.exited).signal, "SIGKILL")
  assert.isTrue(isAlive(run.pid))
  return startLooper({ reuse: looper })
}

/** Asserts that log and mirror have these floods, whole and once, and the log its one trailer. */
const assertComplete = async (
  looper: LooperProcess,
  run: Floods,
  outcome: { readonly floods: ReadonlyArray<number>; readonly code: number }
) => {
  const log = bytesFrom(run.logPath, run.headerBytes)
  const trailer = `\n# codex_exec_return_code=${outcome.code}\n`
  assert.strictEqual(await firstDifference(log, floodedText(outcome.floods, trailer)), "", "the log")
  const isCutLine = (outcome.floods.at(-1) ?? 0) % 100 > 0
  const mirror = mirroredFrom(looper.serverLogPath, run.mirrorStart)
  assert.strictEqual(
    await firstDifference(mirror, floodedText(outcome.floods, isCutLine ? "\n" : "")),
    "",
    "the mirror"
  )
}

describe("a Looper that is killed with SIGKILL in the middle of 500 MB, three times", () => {
  it("leaves a complete log, each line once, and the true end in the record; the next one answers meanwhile", async () => {
    await using first = await startLooper()
    const floods = [200 * million, 300 * million]
    const end = join(first.folder, "end")
    const run = await startFloods(first, floods, [{ waitForFile: end }, { exit: 7 }])
    await run.mirrored(60 * million)
    await using second = await killAndRestart(first, run)
    await run.mirrored(130 * million)
    await using third = await killAndRestart(second, run)
    run.open(1)
    await run.mirrored(300 * million)
    await using last = await killAndRestart(third, run)
    assert.isBelow(sizeOf(last.serverLogPath), run.mirrorStart + 500 * million, "the mirror is not complete")
    const health = watchHealth(last)
    assert.strictEqual(storedRun(last.logDir, run.requestId)?.state, "running")
    await run.mirrored(500 * million)
    writeFileSync(end, "")
    await until(() => storedRun(last.logDir, run.requestId)?.state === "failed", "its end is recorded")
    const { answers, bad } = await health.stop()
    assert.deepStrictEqual(bad, [])
    assert.isAbove(answers, 5)
    await assertComplete(last, run, { floods, code: 7 })
    const record = storedRun(last.logDir, run.requestId)
    assert.deepInclude(record, { cause: "exited", return_code: 7, stopped_by: null, log_bytes: sizeOf(run.logPath) })
    assert.isAbove(record?.duration_ms ?? 0, 0)
    assert.isFalse(existsSync(run.logPath.replace(/\.log$/, ".state")))
  })
})

describe("a Looper that was killed in the middle of 500 MB", () => {
  it("is followed by one that stops the run while it writes: all that it wrote is there, and who stopped it", async () => {
    await using first = await startLooper()
    const run = await startFloods(first, [100 * million, 400 * million], [{ hang: true }])
    await run.mirrored(40 * million)
    await using second = await killAndRestart(first, run)
    run.open(1)
    await until(() => sizeOf(run.logPath) > 120 * million, "the run writes on", patienceMillis)
    const answer = await second.request("POST", "/kill")
    assert.deepStrictEqual([answer.status, answer.body?.killed_codex_exec_pids], [200, [run.pid]], answer.text)
    assert.deepStrictEqual(carriers(run.requestId), [])
    await until(
      () => storedRun(second.logDir, run.requestId)?.state === "stopped",
      "its end is recorded",
      patienceMillis
    )
    const record = storedRun(second.logDir, run.requestId)
    const log_bytes = sizeOf(run.logPath)
    assert.deepInclude(record, { cause: "request", return_code: 143, stopped_by: "request", log_bytes })
    const written = log_bytes - run.headerBytes - "\n# codex_exec_return_code=143\n".length
    await assertComplete(second, run, { floods: [100 * million, written - 100 * million], code: 143 })
    assert.strictEqual((await second.run("p")).status, 200)
  })
})
