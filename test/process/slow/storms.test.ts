/** Runs that go on forking while they are stopped, and processes that cannot be found. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { type RunWatcher, watchRuns } from "../../support/watchedRun.ts"

let looper: LooperProcess
let runs: RunWatcher
beforeAll(async () => {
  looper = await startLooper()
  runs = watchRuns(looper)
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const storms = [
  { perSecond: 50, sessions: false },
  { perSecond: 50, sessions: true },
  { perSecond: 500, sessions: false },
  { perSecond: 500, sessions: true }
]

describe("a fork storm", () => {
  it.each(storms)("of $perSecond a second ends to the last process, sessions: $sessions", async (forkStorm) => {
    const storm = await runs.start([{ forkStorm }, { hang: true }])
    const { pid } = runOf(storm.answer)
    await until(() => carriers(storm.id).length > forkStorm.perSecond / 3, "the storm blows")
    const answer = await looper.run(codexScript([{ hang: true }]))
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [pid])
    assert.deepStrictEqual(answer.body?.remaining_codex_exec_pids, [])
    assert.deepStrictEqual(carriers(storm.id), [])
    await delay(100)
    assert.deepStrictEqual(carriers(storm.id), [])
    const kill = await looper.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [runOf(answer).pid])
  })
})

describe("a daemon that left session, parent and marker before the search", () => {
  it("is not found: it outlives the kill, which says nothing of it, and the next run starts", async () => {
    const [heartbeat, pidTo] = ["beat", "pid"].map((name) => runs.file(name)) as [string, string]
    const daemon: CodexStep = { child: { kind: "daemon", dropsMarker: true, heartbeat, pidTo } }
    const found = runs.file("found-beat")
    const run = await runs.start([daemon, { child: { kind: "daemon", heartbeat: found } }, { hang: true }])
    await until(() => sizeOf(pidTo) > 0, "the daemon is up")
    await beats(heartbeat)
    await beats(found)
    const plan = await looper.request("POST", "/kill", { body: { dry_run: true } })
    const lost = Number(readFileSync(pidTo, "utf8"))
    assert.notInclude(plan.body?.tree_pids as ReadonlyArray<number>, lost)
    const kill = await looper.request("POST", "/kill")
    assert.deepInclude(kill.body, {
      ok: true,
      killed_codex_exec_pids: [runOf(run.answer).pid],
      remaining_codex_exec_pids: []
    })
    assert.deepStrictEqual(carriers(run.id), [])
    assert.isTrue(isAlive(lost))
    await beats(heartbeat)
    const next = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.strictEqual(next.status, 200, next.text)
  })
})
