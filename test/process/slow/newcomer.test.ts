/** The README's first ten minutes, as a newcomer does them: its own commands, one after another, on one Looper. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { checkout, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, until } from "../../support/processes.ts"
import { blocks } from "../../support/readme.ts"
import { runOf } from "../../support/residentLooper.ts"

const execute = promisify(execFile)

let looper: LooperProcess
beforeAll(async () => {
  looper = await startLooper({ env: { LOOPER_API_TOKEN: "newcomer" } })
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const environment = () => ({ PATH: process.env.PATH, LOOPER_URL: looper.url, LOOPER_API_TOKEN: "newcomer" })

/** The commands of a block of the README; with a prompt that the stand-in understands. */
const commands = (info: string, prompt?: string): string => {
  const [block = "", ...more] = blocks(info)
  assert.notStrictEqual(block, "", info)
  assert.lengthOf(more, 0)
  return prompt === undefined ? block : block.replace("Do the next task of NOTES.md", prompt.replaceAll('"', '\\"'))
}
const sh = (script: string) =>
  execute("bash", ["-euo", "pipefail", "-c", script], { cwd: checkout, env: environment() })
const auth = { headers: { authorization: "Bearer newcomer" } }

describe("a newcomer with the README", () => {
  it("finds out why nothing runs", async () => {
    const { stdout } = await sh(commands("sh why"))
    assert.match(stdout, /^Idle: autopoll is off: LOOPER_AUTO_START_WHEN_IDLE/)
  })

  it("starts a run and follows it to its end", async () => {
    const { stdout } = await sh(
      commands("sh follow", codexScript([{ print: "the first line\n" }, { sleep: 300 }, { print: "the last line\n" }]))
    )
    assert.match(stdout, /the first line\nthe last line\n\n# codex_exec_return_code=0\n$/)
  })

  it("stops a run that it follows, and the follower ends with it", async () => {
    const answer = await looper.request("POST", "/run", {
      ...auth,
      body: { zulip_message: "m", codex_prompt: codexScript([{ print: "on and on\n" }, { hang: true }]) }
    })
    const { pid } = runOf(answer)
    const follower = spawn("node", ["looper.js", "logs", "-f"], { cwd: checkout, env: environment() })
    let followed = ""
    follower.stdout.setEncoding("utf8").on("data", (text) => (followed += text))
    await until(() => followed.endsWith("\non and on\n"), "it follows")
    const ended = once(follower, "close")
    await sh(commands("sh stop"))
    assert.isFalse(isAlive(pid))
    await ended
    assert.match(followed, /on and on\n\n# codex_exec_return_code=143\n$/)
    assert.match((await sh(commands("sh why"))).stdout, /^Idle/)
  })

  it("looks at what ran, what failed, and what it said", async () => {
    await looper.request("POST", "/run", {
      ...auth,
      body: { zulip_message: "m", codex_prompt: codexScript([{ print: "it broke\n" }, { exit: 3 }]) }
    })
    await until(async () => {
      const { body } = await looper.request("GET", "/runs?state=failed", auth)
      return (body?.runs as ReadonlyArray<unknown> | undefined)?.length === 1
    }, "it has failed")
    const { stdout } = await sh(commands("sh history"))
    for (const word of ["succeeded", "stopped", "failed", "it broke"]) assert.include(stdout, word)
  })

  it("checks the set-up", async () => {
    const checked = await sh(commands("sh doctor")).catch((error: { stdout: string; code: number }) => error)
    assert.match(checked.stdout, /^(ok|warning|failure) +node +Node 24/m)
    assert.match(checked.stdout, /\d+ ok, \d+ warnings?, \d+ failures?\n$/)
  })
})
