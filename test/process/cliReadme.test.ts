import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { commandEnvironment } from "../support/commandLine.ts"
import { checkout, startLooper } from "../support/looperProcess.ts"
import { blocks } from "../support/readme.ts"

describe("README", () => {
  it("has commands that start, follow, explain, stop and list runs as they stand", async () => {
    await using looper = await startLooper()
    const run = async (tag: string) => {
      const [script = assert.fail(`no block ${tag}`)] = blocks(tag)
      const options = { cwd: checkout, env: commandEnvironment({ looper }), timeout: 30_000 }
      return (await promisify(execFile)("bash", ["-ec", script], options)).stdout
    }
    assert.match(await run("sh why"), /^Idle: autopoll is off/)
    assert.match(await run("sh follow"), /^Started: [0-9a-f]{8}, pid \d+[^]*\n# codex_exec_return_code=0\n$/)
    await looper.run(codexScript([{ hang: true }]))
    assert.match(await run("sh why"), /^Running: /)
    assert.match(await run("sh stop"), /^Stopped: /)
    assert.match(
      await run("sh history"),
      /^ID .*\n.* stopped .*\n.* succeeded [^]*\nNo runs\.\n[^]*# codex_exec_return_code=143\n$/
    )
  })
})
