/** Many processes: two thousand of somebody else's, and a storm that ignores SIGTERM. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { allPids, carriers, isAlive, killHard, procStat, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { watchRuns } from "../../support/watchedRun.ts"

const crowdSize = 2_000

/** Sleepers of one shell, ended with it. */
const startCrowd = async () => {
  const program = `i=0; while [ $i -lt ${crowdSize} ]; do sleep 1000000 & i=$((i + 1)); done; echo ready; wait`
  const shell = spawn("sh", ["-c", program], { stdio: ["ignore", "pipe", "inherit"] })
  await once(shell.stdout, "data")
  const pids = allPids().filter((pid) => procStat(pid)?.ppid === shell.pid)
  return {
    pids,
    [Symbol.dispose]: () => {
      shell.kill("SIGKILL")
      for (const pid of pids) killHard(pid)
    }
  }
}

/** Asks /health again and again until `work` is done; gives its answer and the longest wait, in milliseconds. */
const whileAsking = async <A>(looper: LooperProcess, work: Promise<A>) => {
  let isDone = false
  const done = work.finally(() => (isDone = true))
  let longest = 0
  let answers = 0
  while (!isDone) {
    const startedAt = performance.now()
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    longest = Math.max(longest, performance.now() - startedAt)
    answers += 1
  }
  return { answer: await done, longest, answers }
}

describe("a crowd", () => {
  it(`of ${crowdSize} other processes neither stops a run from being replaced nor /health from answering`, async () => {
    using crowd = await startCrowd()
    assert.isAtLeast(crowd.pids.length, crowdSize)
    await using looper = await startLooper()
    const first = await looper.run(
      codexScript([{ ignore: ["SIGTERM"] }, { child: { kind: "session" } }, { hang: true }])
    )
    const { answer, longest, answers } = await whileAsking(looper, looper.run(codexScript([{ hang: true }])))
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [runOf(first).pid])
    assert.deepStrictEqual(carriers(String(first.body?.request_id)), [])
    assert.isBelow(longest, 1_000)
    assert.isAtLeast(answers, 10)
    const kill = await looper.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [runOf(answer).pid])
    assert.isTrue(crowd.pids.every(isAlive))
  })
})

describe("a fork storm that ignores SIGTERM", () => {
  it.each([50, 500])("at %i a second ends to the last process after the grace", async (perSecond) => {
    await using looper = await startLooper()
    const storm: CodexStep = { forkStorm: { perSecond, ignoresTerm: true, sessions: true } }
    const run = await watchRuns(looper).start([{ ignore: ["SIGTERM"] }, storm, { hang: true }])
    await until(() => carriers(run.id).length > 10, "the storm blows")
    const startedAt = performance.now()
    const { answer, longest } = await whileAsking(looper, looper.request("POST", "/kill"))
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [runOf(run.answer).pid])
    assert.isAtLeast(performance.now() - startedAt, 5_000)
    assert.isBelow(longest, 1_000)
    assert.deepStrictEqual(carriers(run.id), [])
  })
})
