import { execFile } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { command as execute, commandEnd, commandEnvironment, startCommand } from "../../support/commandLine.ts"
import { checkout, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"

let looper: LooperProcess

beforeAll(async () => {
  looper = await startLooper()
})

afterAll(async () => {
  await looper[Symbol.asyncDispose]()
})

const command = (...args: ReadonlyArray<string>) => execute(args, { looper })

/** Starts a run and gives its id and the path of its log. */
const started = async (steps: ReadonlyArray<CodexStep>) => {
  const { text } = await looper.run(codexScript(steps))
  const { request_id: id, log_path: path } = JSON.parse(text).codex_exec_result
  return { id, path } as { readonly id: string; readonly path: string }
}

const ended = (path: string) =>
  until(() => /\n# codex_exec_return_code=/.test(readFileSync(path, "latin1")), "the trailer")

/** Every byte, escapes and what is not UTF-8 among them. */
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** What a command writes while it runs. */
const watched = (args: ReadonlyArray<string>) => {
  const child = startCommand(args, { looper })
  let text = ""
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1")
  })
  return { child, text: () => text, end: commandEnd(child) }
}

describe("looper logs", () => {
  it("writes the file byte for byte, with and without -f", async () => {
    const { id, path } = await started([{ printBase64: everyByte.toString("base64") }, { flood: { bytes: 300_000 } }])
    await ended(path)
    for (const args of [["logs"], ["logs", id], ["logs", "-f"], ["logs", "-f", id]]) {
      const child = startCommand(args, { looper })
      const [chunks, [code]] = await Promise.all([child.stdout?.toArray() ?? [], once(child, "close")])
      assert.strictEqual(code, 0)
      assert.isTrue(Buffer.concat(chunks).equals(readFileSync(path)), args.join(" "))
    }
  })

  it("begins with the last lines that -n asks for", async () => {
    const { path } = await started([{ print: "one\ntwo\nthree\n" }])
    await ended(path)
    assert.strictEqual((await command("logs", "-n", "4")).stdout, "two\nthree\n\n# codex_exec_return_code=0\n")
    assert.strictEqual((await command("logs", "-n", "0")).stdout, "")
    assert.match((await command("logs", "-f", "-n", "2")).stdout, /^\n# codex_exec_return_code=0\n$/)
  })

  it("-f shows what comes as it comes, and ends with the run", async () => {
    const gate = join(looper.folder, "gate")
    const { path } = await started([{ print: "before\n" }, { waitForFile: gate }, { print: "behind\n" }])
    const follower = watched(["logs", "-f"])
    await until(() => follower.text().includes("before\n"), "what is there is shown")
    assert.notInclude(follower.text(), "behind\n")
    writeFileSync(gate, "")
    assert.deepInclude(await follower.end, { code: 0, stderr: "" })
    assert.strictEqual(follower.text(), readFileSync(path, "latin1"))
  })

  it("-f ends at once on Ctrl-C with 130, and the run goes on", async () => {
    const { id } = await started([{ print: "here\n" }, { hang: true }])
    const follower = watched(["logs", "-f"])
    await until(() => follower.text().includes("here\n"), "the log is followed")
    follower.child.kill("SIGINT")
    assert.deepInclude(await follower.end, { code: 130, stderr: "" })
    assert.strictEqual((await command("stop", id)).code, 0)
  })

  it("ends quietly with a reader that has enough", async () => {
    const { path } = await started([{ flood: { bytes: 3_000_000 } }])
    await ended(path)
    const line = `'${process.execPath}' '${join(checkout, "looper.js")}'`
    for (const flags of ["", "-f"]) {
      const script = `set -o pipefail; ${line} logs ${flags} | head -n 1`
      const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script], {
        env: commandEnvironment({ looper })
      })
      assert.strictEqual(stdout.split("\n").length, 2)
      assert.strictEqual(stderr, "")
    }
  })

  it("-f goes on over a restart of Looper without a gap or a repeat", async () => {
    await using first = await startLooper({ env: { LOOPER_ON_SHUTDOWN: "leave" } })
    const gate = join(first.folder, "gate")
    const steps: ReadonlyArray<CodexStep> = [{ print: "before\n" }, { waitForFile: gate }, { print: "behind\n" }]
    await first.run(codexScript(steps))
    const child = startCommand(["logs", "-f"], { looper: first })
    let text = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString()
    })
    const end = once(child, "close")
    await until(() => text.includes("before\n"), "the log is followed")
    await first.stop()
    writeFileSync(gate, "")
    await using _second = await startLooper({ reuse: first, env: { LOOPER_PORT: String(first.port) } })
    assert.deepStrictEqual(await end, [0, null])
    assert.strictEqual(text, readFileSync(first.runLogs()[0] ?? "", "utf8"))
  })
})

describe("run --wait that is interrupted", () => {
  it("ends with 130, says that the run goes on and how to see it, and stops nothing", async () => {
    const child = startCommand(["run", "-m", "m", "--wait", codexScript([{ hang: true }])], { looper })
    let stderr = ""
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const end = once(child, "close")
    const id = await until(() => /^([0-9a-f]{8}) {2}running$/m.exec(stderr)?.[1], "the run is waited for")
    child.kill("SIGINT")
    assert.deepStrictEqual(await end, [130, null])
    assert.include(stderr, `looper: not waiting any more; run ${id} goes on, see 'looper logs -f ${id}'\n`)
    assert.match((await command("status")).stdout, new RegExp(`^Running: ${id} `))
    await command("stop")
  })
})
