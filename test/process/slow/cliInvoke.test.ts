import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { command } from "../../support/commandLine.ts"
import { invokeEnvironment } from "../../support/invokeEnvironment.ts"
import { startLooper } from "../../support/looperProcess.ts"
import { isAlive, until } from "../../support/processes.ts"

describe("looper invoke", () => {
  it("is refused while a Looper holds the log folder, with its pid and address", async () => {
    await using looper = await startLooper()
    const env = invokeEnvironment(looper)
    const end = await command(["invoke", "status"], { env })
    assert.deepInclude(end, { code: 3, stdout: "" })
    const holder = `pid ${looper.pid}, ${looper.url}`
    assert.strictEqual(end.stderr, `looper: log folder ${looper.logDir} is in use by another Looper: ${holder}\n`)
  })

  it("starts a run that lives on, which other calls see and the next Looper adopts", async () => {
    await using looper = await startLooper()
    await looper.stop()
    const env = invokeEnvironment(looper)
    const request = { zulip_message: "m", codex_prompt: codexScript([{ print: "here\n" }, { hang: true }]) }
    const started = await command(["invoke", "run", "-"], { env, stdin: JSON.stringify(request) })
    assert.deepInclude(started, { code: 0, stderr: "" })
    const { codex_exec_result: run } = JSON.parse(started.stdout)
    assert.isTrue(isAlive(run.pid))

    const status = JSON.parse((await command(["invoke", "status"], { env })).stdout)
    assert.strictEqual(status.run.request_id, run.request_id)
    const alive = await command(["invoke", "spawn", '{"codex_prompt":"hi"}'], { env })
    assert.deepInclude(alive, { code: 3, stdout: "", stderr: "looper: busy: a codex exec is running\n" })
    const log = await command(["invoke", "runLog", JSON.stringify({ id: run.request_id })], { env })
    assert.deepInclude(log, { code: 0, stdout: readFileSync(run.log_path, "utf8") })
    assert.isTrue(isAlive(run.pid))

    await using next = await startLooper({ reuse: looper })
    await until(() => next.serverLog().includes("here\n"), "the adopted run is mirrored")
    assert.match((await command(["status"], { looper: next })).stdout, new RegExp(`^Running: ${run.request_id} `))
    assert.match((await command(["stop"], { looper: next })).stdout, /^Stopped: /)
  })

  it("waits for the startup check, and tells an early exit as HTTP does", async () => {
    await using looper = await startLooper()
    await looper.stop()
    const env = invokeEnvironment(looper)
    const input = JSON.stringify({ codex_prompt: codexScript([{ exit: 7 }]) })
    const end = await command(["invoke", "spawn", input, "--json"], { env })
    assert.deepInclude(end, { code: 1, stderr: "" })
    assert.deepInclude(JSON.parse(end.stdout), { ok: false, code: "exited_early", return_code: 7 })
    assert.match((await command(["invoke", "spawn", input], { env })).stderr, /^looper: codex exec exited early \(rc=7/)
  })

  it("tells a wrong input or name with 2 before anything is locked", async () => {
    for (const [args, sentence] of [
      [["run", "{}"], "missing 'zulip_message'"],
      [["run", "[]"], "the input must be a JSON object"],
      [["run", "{"], "the input is not JSON"],
      [["runs", '{"limit":0}'], "'limit' must be a whole number from 1 to 500"],
      [["nope"], /^no handler is called "nope"; there are health, run, /]
    ] as const) {
      const end = await command(["invoke", ...args])
      assert.deepInclude(end, { code: 2, stdout: "" })
      const told = end.stderr.replace(/^looper: (.*)\n$/, "$1")
      if (typeof sentence === "string") assert.strictEqual(told, sentence)
      else assert.match(told, sentence)
    }
  })
})
