/** Many callers at once: one run, and everybody else is told who is in the way. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import type { Answer } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { isAlive, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { watchRuns } from "../support/watchedRun.ts"

let zulip: GatedZulip
let looper: LooperProcess
beforeAll(async () => {
  zulip = await startGatedZulip()
  looper = await startLooper({ env: zulip.env })
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  await zulip?.[Symbol.asyncDispose]()
})

const callers = 50
const tick = () => looper.request("POST", "/autopoll/tick")
const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Who is in the way, as a refusal says; empty where it does not. */
const holderIn = (body: Answer["body"]) => (body?.holder ?? {}) as Readonly<Record<string, unknown>>

/** Fifty at once, and the one that wins is held until the others have their answers. */
const race = async (prompt: string) => {
  const before = zulip.messages.length
  zulip.shut()
  const all = Array.from({ length: callers }, () => looper.run(prompt))
  let refused = 0
  for (const one of all) void one.then(({ status }) => (refused += status === 409 ? 1 : 0))
  await until(() => refused === callers - 1, "all but one are refused", 30_000)
  await until(() => zulip.messages.length > before, "the one that wins sends")
  const [ticked, killed, spawned, health] = await Promise.all([
    tick(),
    looper.request("POST", "/kill"),
    looper.request("POST", "/spawn", { body: { codex_prompt: "p" } }),
    looper.request("GET", "/health")
  ])
  assert.strictEqual(zulip.messages.length, before + 1)
  zulip.open()
  const answers = await Promise.all(all)
  const won = answers.filter(({ status }) => status === 200)
  const lost = answers.filter(({ status }) => status === 409)
  return { won, lost: [...lost, killed, spawned], late: killed, ticked, health }
}

describe("fifty POST /run at once", () => {
  it("give one 200, and the others 409 with the holder; a tick skips and /health answers", async () => {
    const ready = watchRuns(looper).file("ready")
    const prompt = codexScript([{ writeFile: { path: ready, text: "" } }, { hang: true }])
    const first = await race(prompt)
    assert.lengthOf(first.won, 1)
    assert.lengthOf(first.lost, callers + 1)
    for (const { body } of first.lost) {
      assert.include(body, { ok: false, code: "run_busy", error: "busy: another run is in progress" })
      const { request_id, step, since } = holderIn(body)
      assert.strictEqual(request_id, first.won[0]?.headers["x-request-id"])
      assert.include(["preflight", "notify"], step)
      assert.match(String(since), isIso)
    }
    assert.strictEqual(holderIn(first.late.body).step, "notify")
    assert.deepInclude(first.ticked.body, { outcome: "skipped", reason: "run_lock_busy" })
    assert.deepStrictEqual([first.health.status, first.health.text], [200, '{"ok":true}\n'])
    await until(() => existsSync(ready), "the run is up")
    assert.deepInclude((await tick()).body, { outcome: "skipped", reason: "alive_tasks" })
    assert.lengthOf(looper.runLogs(), 1)

    const second = await race(prompt)
    assert.lengthOf(second.won, 1)
    const [old, fresh] = [first, second].map(({ won }) => runOf(won[0] as (typeof won)[0]).pid)
    assert.deepStrictEqual(second.won[0]?.body?.killed_codex_exec_pids, [old])
    assert.deepStrictEqual([isAlive(old ?? 0), isAlive(fresh ?? 0)], [false, true])
    assert.lengthOf(looper.runLogs(), 2)
    assert.notInclude(looper.serverLog(), "http.defect")
  })

  it("are refused with the step that the holder is in, and /health answers throughout", async () => {
    const answer = looper.run({
      zulip_message: "m",
      codex_prompt: codexScript([{ hang: true }]),
      codex_exec_delay_seconds: 1,
      codex_exec_startup_check_seconds: 1
    })
    const steps = new Set<string>()
    let isOver = false
    void answer.then(() => (isOver = true))
    while (!isOver) {
      const [health, ticked] = await Promise.all([looper.request("GET", "/health"), tick()])
      assert.strictEqual(health.status, 200)
      assert.include(["run_lock_busy", "alive_tasks"], ticked.body?.reason)
      const refusal = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
      assert.strictEqual(refusal.status, 409, `${refusal.text}\n${looper.serverLog().slice(-8_000)}`)
      steps.add(String(holderIn(refusal.body).step))
    }
    assert.strictEqual((await answer).status, 200)
    assert.includeMembers([...steps], ["delay", "startup_check"])
    assert.deepInclude((await tick()).body, { outcome: "skipped", reason: "alive_tasks" })
  })
})
