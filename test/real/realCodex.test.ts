/** Looper as it runs by default, with the real codex, a stand-in for its model and a loopback Zulip. */
import { assert, describe, it } from "@effect/vitest"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll } from "vitest"
import type { Rule } from "../support/ModelApi.ts"
import { argvOf, carriers, isAlive, procStat, until } from "../support/processes.ts"
import { requireSandbox } from "../support/realCodex.ts"
import {
  assertEndsIn,
  codexPids,
  deadlineMillis,
  fetchDeadlineMillis,
  openHouse,
  outputIn,
  prepareRealCodex,
  startedBy,
  textOf
} from "../support/realHouse.ts"

beforeAll(prepareRealCodex, fetchDeadlineMillis)

const mirrorIn = (serverLog: string): string => serverLog.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} .*\n/gm, "")

const sleepersOf = (runId: string): ReadonlyArray<number> =>
  carriers(runId).filter((pid) => argvOf(pid).join(" ") === "sleep 300")

describe("a run of the real codex", { timeout: 120_000 }, () => {
  it("is announced, completes, and is logged and mirrored whole", async () => {
    await using house = await openHouse([{ when: /^finish the step$/, turns: [{ say: "The step is finished." }] }])
    const answer = await house.run("finish the step")
    const run = startedBy(answer)
    await assertEndsIn(run.logPath, 0)
    const output = outputIn(run.logPath)
    assert.match(output, /^Reading additional input from stdin\.\.\.\nOpenAI Codex v0\.169\.0\n/)
    assert.include(output, `workdir: ${house.looper.workspace}\n`)
    assert.match(output, /^approval: never\nsandbox: workspace-write /m)
    assert.isTrue(output.endsWith("The step is finished.\n"), output)
    await until(
      () => mirrorIn(house.looper.serverLog()).length >= output.length,
      "the mirror is complete",
      deadlineMillis
    )
    assert.strictEqual(mirrorIn(house.looper.serverLog()), output)
    assert.deepStrictEqual(house.messages(), ["about to finish the step"])
    assert.strictEqual(answer.body?.["zulip_output"], "OK message_id=1 type=stream stream=coding topic=verified-cad")
    assert.strictEqual(answer.body?.["codex_exec_binary"], house.codex)
  })

  it("is replaced while it waits on the model", async () => {
    await using house = await openHouse([{ when: /^wait/, turns: ["hang"] }])
    const old = startedBy(await house.run("wait in vain"))
    const [waiting] = await house.model.waitForRequests(1)
    assert.isTrue(waiting?.isOpen)
    const answer = await house.run("wait again")
    const fresh = startedBy(answer)
    await assertEndsIn(old.logPath, 143)
    assert.include(answer.body?.["killed_codex_exec_pids"], old.pid)
    assert.deepStrictEqual(answer.body?.["remaining_codex_exec_pids"], [])
    assert.deepStrictEqual(carriers(old.id), [])
    await house.model.waitForRequests(2)
    assert.isFalse(waiting?.isOpen)
    assert.deepStrictEqual([codexPids().length, isAlive(fresh.pid)], [1, true])
    assert.include(carriers(fresh.id), codexPids()[0])
    assert.deepStrictEqual(house.messages(), ["about to wait in vain", "about to wait again"])
  })

  it("exits early where the workspace is no git work tree, and its own words say so", async () => {
    await using house = await openHouse([])
    const workspace = join(house.looper.folder, "plain folder")
    mkdirSync(workspace)
    const { status, body, text } = await house.run("never start", { workspace, codex_exec_startup_check_seconds: 30 })
    assert.strictEqual(status, 500, text)
    assert.deepInclude(body, { ok: false, code: "exited_early", step: "startup_check" })
    assert.match(String(body?.["error"]), /^codex exec exited early \(rc=1, log_path=.*Not inside a trusted directory/)
    const [logPath = "", ...others] = house.looper.runLogs()
    await assertEndsIn(logPath, 1)
    assert.deepStrictEqual([others, house.model.requests, codexPids()], [[], [], []])
    assert.deepStrictEqual(house.messages(), ["about to never start"])
  })

  it("is started by Looper itself when nothing runs, and replaced by a request", async () => {
    const rules: ReadonlyArray<Rule> = [
      { when: /^finish the step$/, turns: [{ say: "The step is finished." }] },
      { when: /^Continue the current task/, turns: ["hang"] }
    ]
    await using house = await openHouse(rules, { hasDefaultWorkspace: true })
    await house.model.waitForRequests(1)
    const [autoLog = ""] = house.looper.runLogs()
    assert.match(autoLog, /-auto[0-9a-f]{8}\.log$/)
    const answer = await until(
      async () => {
        const answer = await house.run("finish the step")
        return answer.status === 409 ? undefined : answer
      },
      "the tick has released the lock",
      deadlineMillis
    )
    const { logPath } = startedBy(answer)
    await assertEndsIn(autoLog, 143)
    await assertEndsIn(logPath, 0)
    assert.deepStrictEqual(house.messages(), ["about to finish the step"])
  })
})

/** What an agent runs last; busy means that its own start is not answered yet. */
const postNext = `
const { LOOPER_URL, LOOPER_RUN_TICKET } = process.env
const headers = { "content-type": "application/json" }
if (LOOPER_RUN_TICKET) headers.authorization = "Bearer " + LOOPER_RUN_TICKET
const body = JSON.stringify({ zulip_message: "over to the next", codex_prompt: "finish the step", workspace: process.cwd() })
let answer
do answer = await fetch(LOOPER_URL + "/run", { method: "POST", headers, body })
while (answer.status === 409)
console.log("answered", answer.status, await answer.text())
`

describe("a tool of the real codex", { timeout: 120_000 }, () => {
  it("dies with its whole tree when the run is replaced", async () => {
    await using house = await openHouse([
      { when: /^sleep$/, turns: [{ shell: "setsid sleep 300 & sleep 300" }] },
      { when: /^wait$/, turns: ["hang"] }
    ])
    await requireSandbox(house.codex, house.codexHome)
    const old = startedBy(await house.run("sleep"))
    await until(() => sleepersOf(old.id).length === 2, "the tool runs", deadlineMillis)
    const tree = carriers(old.id).map((pid) => ({ pid, startTime: procStat(pid)?.startTime }))
    const fresh = startedBy(await house.run("wait"))
    await assertEndsIn(old.logPath, 143)
    const survivors = tree.filter(({ pid, startTime }) => isAlive(pid) && procStat(pid)?.startTime === startTime)
    assert.deepStrictEqual([survivors, carriers(old.id)], [[], []])
    assert.deepStrictEqual([codexPids().length, isAlive(fresh.pid)], [1, true])
  })

  it.each([
    ["no token is set", undefined],
    ["a token is set, by the run's ticket", "the-token-of-the-operator"]
  ])("starts the next run where %s", async (_, token) => {
    const rules: ReadonlyArray<Rule> = [
      { when: /^call the next$/, turns: [{ shell: "node post-next.mjs" }] },
      { when: /^finish the step$/, turns: [{ say: "The step is finished." }] }
    ]
    await using house = await openHouse(rules, { networkAccess: true, ...(token === undefined ? {} : { token }) })
    await requireSandbox(house.codex, house.codexHome)
    writeFileSync(join(house.looper.workspace, "post-next.mjs"), postNext)
    const first = startedBy(await house.run("call the next"))
    const second = await until(
      () => house.looper.runLogs().find((path) => path !== first.logPath),
      `a second run; the first printed:\n${textOf(first.logPath)}`,
      deadlineMillis
    )
    await assertEndsIn(second, 0)
    await assertEndsIn(first.logPath, 143)
    assert.isTrue(outputIn(second).endsWith("The step is finished.\n"), outputIn(second))
    assert.deepStrictEqual(house.messages(), ["about to call the next", "over to the next"])
    assert.deepStrictEqual([house.looper.runLogs().length, carriers(first.id), codexPids()], [2, [], []])
  })
})
