import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"
import { blocks } from "../support/readme.ts"

const execute = promisify(execFile)
const token = "readme-token"

const sh = (script: string, environment: Readonly<Record<string, string>>) =>
  execute("bash", ["-euo", "pipefail", "-c", script], { env: { PATH: process.env.PATH, ...environment } })

/** A JSON file's text once it is written to its end. */
const readWhole = (path: string): string | undefined => {
  const text = existsSync(path) ? readFileSync(path, "utf8") : ""
  return text.trimEnd().endsWith("}") ? text : undefined
}

describe("README", () => {
  it("has commands for callers that work as they stand", async () => {
    await using looper = await startLooper({ env: { LOOPER_API_TOKEN: token } })
    const [calls = ""] = blocks("sh")
    const { stdout } = await sh(calls, { LOOPER_URL: looper.url, LOOPER_API_TOKEN: token })
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    assert.deepStrictEqual(
      answers.map(({ ok }) => ok),
      [true, true, true, true, true]
    )
    assert.strictEqual(answers[2].codex_exec_started, true)
  })

  it("has a command that asks twice and does it once", async () => {
    await using looper = await startLooper({ env: { LOOPER_API_TOKEN: token } })
    const [twice = ""] = blocks("sh key")
    const { stdout } = await sh(twice, { LOOPER_URL: looper.url, LOOPER_API_TOKEN: token })
    const [first, second, ...more] = stdout.trim().split("\n")
    assert.include(first, '"codex_exec_started":true')
    assert.deepStrictEqual([second, more], [first, []])
    assert.lengthOf(looper.runLogs(), 1)
  })

  it("has a command for runs that starts the next run from inside", async () => {
    await using looper = await startLooper({ env: { LOOPER_API_TOKEN: token } })
    const [inside = ""] = blocks("sh inside")
    const environmentFile = join(looper.folder, "environment.json")
    const prompt = codexScript([{ environmentTo: environmentFile }, { hang: true }])
    await looper.request("POST", "/run", {
      headers: { authorization: `Bearer ${token}` },
      body: { zulip_message: "m", codex_prompt: prompt, codex_exec_startup_check_seconds: 0.5 }
    })
    const { LOOPER_URL, LOOPER_RUN_TICKET } = JSON.parse(
      await until(() => readWhole(environmentFile), "the run's environment")
    )
    const { stdout } = await sh(inside, { LOOPER_URL, LOOPER_RUN_TICKET })
    const answer = JSON.parse(stdout)
    assert.strictEqual(answer.codex_exec_started, true, stdout)
    assert.strictEqual(answer.killed_codex_exec_pids.length, 1)
  })
})
