/** The caller disconnects in the middle of its sequence, in any step. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import { readRunLog } from "../support/logs.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { argvOf, beats, isAlive, killHard, sizeOf, stopsGrowing, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { watchRuns } from "../support/watchedRun.ts"

interface House extends AsyncDisposable {
  readonly looper: LooperProcess
  readonly zulip: GatedZulip
  readonly file: (name: string) => string
}

const startHouse = async (env: LooperOptions["env"] = {}): Promise<House> => {
  const zulip = await startGatedZulip()
  const looper = await startLooper({ env: { ...zulip.env, ...env } })
  return {
    looper,
    zulip,
    file: watchRuns(looper).file,
    [Symbol.asyncDispose]: async () => {
      await looper[Symbol.asyncDispose]()
      await zulip[Symbol.asyncDispose]()
    }
  }
}

/** Sends a request and leaves as soon as its sequence is in the step; the server has noticed when this returns. */
const abandonIn = async (looper: LooperProcess, step: string, body: Readonly<Record<string, unknown>>) => {
  const offset = sizeOf(looper.serverLogPath)
  const headers = { "content-type": "application/json" }
  const client = httpRequest(`${looper.url}/run`, { method: "POST", headers, agent: false })
  client.on("error", () => undefined)
  client.end(JSON.stringify(body))
  const records = () => readFileSync(looper.serverLogPath).subarray(offset).toString("utf8")
  await until(() => records().includes(`action=${step}`), `the sequence is in ${step}`)
  const closed = new Promise((resolve) => client.once("close", resolve))
  client.destroy()
  await closed
  assert.strictEqual((await looper.request("GET", "/health")).status, 200)
  return records
}

describe.concurrent("a client that disconnects", () => {
  const cases = [
    ["notify", {}],
    ["kill", {}],
    ["delay", { codex_exec_delay_seconds: 3 }],
    ["startup_check", { codex_exec_startup_check_seconds: 600 }]
  ] as const

  it.each(cases)("in the step %s changes nothing: the sequence completes", async (step, seconds) => {
    await using house = await startHouse()
    const { looper, zulip } = house
    const [old, fresh, go] = [house.file("old"), house.file("fresh"), house.file("go")]
    const steps: ReadonlyArray<CodexStep> = [
      ...(step === "kill" ? [{ ignore: ["SIGTERM"] } as const] : []),
      { child: { kind: "session", heartbeat: old } },
      { hang: true }
    ]
    const before = runOf(await looper.run({ zulip_message: "before", codex_prompt: codexScript(steps) }))
    await beats(old)
    await until(() => looper.serverLog().includes(" run.success "), "the first sequence is logged")
    if (step === "notify") zulip.shut()
    const prompt = codexScript([{ child: { kind: "group", heartbeat: fresh } }, { waitForFile: go }, { exit: 0 }])
    const records = await abandonIn(looper, step, { zulip_message: "after", codex_prompt: prompt, ...seconds })
    assert.notInclude(records(), " run.success ")
    if (step === "notify" || step === "kill") assert.isTrue(isAlive(before.pid), "the client left in time")
    // What ends the step; only the delay ends by itself.
    zulip.open()
    if (step === "kill") killHard(before.pid)
    if (step === "startup_check") writeFileSync(go, "")
    await until(() => / run\.success .*\n/.test(records()), "the sequence has completed")

    assert.deepStrictEqual(zulip.messages, ["before", "after"])
    assert.isTrue(await beats(fresh))
    assert.isTrue(await stopsGrowing(old))
    assert.isFalse(isAlive(before.pid))
    assert.strictEqual(readRunLog(before.log_path).code, step === "kill" ? "137" : "143")
    const pid = Number(/ run\.success .*\bpid=(\d+)/.exec(records())?.[1])
    if (step === "startup_check") {
      const logs = looper.runLogs().filter((path) => path !== before.log_path)
      assert.deepStrictEqual(
        logs.map((path) => readRunLog(path).code),
        ["0"]
      )
    } else {
      assert.isTrue(isAlive(pid))
      assert.include(argvOf(pid), prompt)
    }
    assert.lengthOf(looper.runLogs(), 2)
    assert.strictEqual((await looper.request("POST", "/kill")).status, 200)
  })
})
