/** How a run ends: its trailer, the startup check, and what Looper's own death costs. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { chmodSync, existsSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../support/logs.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { killHard, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { type RunWatcher, watchRuns } from "../support/watchedRun.ts"

let looper: LooperProcess
let runs: RunWatcher
beforeAll(async () => {
  looper = await startLooper()
  runs = watchRuns(looper)
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")

describe("trailer", () => {
  it.each<readonly [string, CodexStep, string]>([
    ["exit 0", { exit: 0 }, "0"],
    ["exit 1", { exit: 1 }, "1"],
    ["exit 255", { exit: 255 }, "255"],
    ["SIGTERM", { kill: "SIGTERM" }, "143"],
    ["SIGKILL", { kill: "SIGKILL" }, "137"],
    ["SIGSEGV", { kill: "SIGSEGV" }, "139"]
  ])("of %s", async (_, step, code) => {
    const { log, ended, mirrored } = await runs.run([{ print: "last words" }, step])
    assert.strictEqual(log.code, code)
    assert.strictEqual(log.body.toString(), "last words")
    assert.match(ended, new RegExp(`=${code}\\b`))
    assert.deepStrictEqual(mirrored, ["last words"])
  })

  it("of a run that /kill ends", async () => {
    const ready = runs.file("ready")
    const steps: ReadonlyArray<CodexStep> = [
      { print: "begun\n" },
      { writeFile: { path: ready, text: "" } },
      { hang: true }
    ]
    const { answer, end } = await runs.start(steps)
    await until(() => existsSync(ready), "the run is up")
    const kill = await looper.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [runOf(answer).pid])
    const { log } = await end()
    assert.deepStrictEqual([log.code, log.body.toString(), log.rest.length], ["143", "begun\n", 0])
  })

  it.each([
    "begun\n\n# codex_exec_return_code=0\n",
    "begun\n\n# codex_exec_return_code=7\n",
    "begun\n\n# codex_exec_return_code=7\nand on\n",
    "begun\n\n# codex_exec_return_code=7\n\n# codex_exec_return_code=7\n",
    "begun\n\n# codex_exec_return_code=7",
    "begun\n\n# codex_exec_ret",
    "begun\n\n#",
    "\n\n\n"
  ])("is not mistaken for the text of a run that prints %j", async (text) => {
    const { log, ended, mirrored, expected } = await runs.run([{ print: text }, { exit: 7 }])
    assert.deepStrictEqual([log.code, log.body.toString(), log.rest.length], ["7", text, 0])
    assert.match(ended, /=7\b/)
    assert.deepStrictEqual(mirrored, expected)
  })

  it("is not mistaken for the text of a run that prints one and lives on", async () => {
    const go = runs.file("go")
    const fake = "\n# codex_exec_return_code=0\n"
    const { answer, id, end } = await runs.start([
      { print: fake },
      { waitForFile: go },
      { print: "later\n" },
      { kill: "SIGKILL" }
    ])
    const spawn = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([spawn.status, spawn.body?.pids], [409, [runOf(answer).pid]])
    assert.notMatch(looper.serverLog(), new RegExp(` codex\\.exec\\.ended .*${id}`))
    writeFileSync(go, "")
    const { log, mirrored } = await end()
    assert.deepStrictEqual([log.code, log.body.toString()], ["137", `${fake}later\n`])
    assert.deepStrictEqual(mirrored, ["", "# codex_exec_return_code=0", "later"])
  })

  it.each([
    ["a script whose interpreter is a script without one", () => nestedScript()],
    ["a program without its loader", () => withoutLoader()],
    ["a program that is cut off", () => executable(Buffer.from("\x7fELF\x02\x01\x01", "latin1"))]
  ])("of %s is 126 or 127, and the answer an early exit", async (_, make) => {
    const { answer, log, path } = await runs.run("p", { codex_exec_binary: make() })
    assert.match(String(log.code), /^12[67]$/)
    assert.strictEqual(answer.status, 500)
    assert.strictEqual(answer.body?.code, "exited_early")
    assert.include(String(answer.body?.error), `codex exec exited early (rc=${log.code}, log_path=${path}, tail=`)
  })

  it("is not written where the interpreter is missing from the start: nothing is launched", async () => {
    const before = looper.runLogs()
    const body = {
      zulip_message: "m",
      codex_prompt: "p",
      codex_exec_binary: executable(Buffer.from("#!/no/such/node\n"))
    }
    const answer = await looper.run(body)
    assert.strictEqual(answer.status, 500, answer.text)
    assert.include(answer.body, { error: "required tool is missing from PATH: /no/such/node", step: "preflight" })
    assert.deepStrictEqual(looper.runLogs(), before)
  })
})

describe("startup check", () => {
  const check = { codex_exec_startup_check_seconds: 5 }

  it("answers an early exit with the code and the log's tail, controls escaped", async () => {
    const { answer, path } = await runs.run(
      [{ print: `${"x".repeat(3_000)}\n\x1b[31mwrong\0\r\n` }, { exit: 7 }],
      check
    )
    assert.strictEqual(answer.status, 500)
    assert.include(answer.body, { ok: false, code: "exited_early", step: "startup_check" })
    const error = String(answer.body?.error)
    assert.isTrue(error.startsWith(`codex exec exited early (rc=7, log_path=${path}, tail=`), error)
    assert.include(error, "wrong")
    assert.notMatch(error, /\p{Cc}/u)
    assert.isBelow(error.length, 1_200 + 300)
    assert.include(error, "x".repeat(1_000))
  })

  it("gives 128 + n for signal n", async () => {
    const { answer } = await runs.run([{ kill: "SIGTERM" }], check)
    assert.include(String(answer.body?.error), "codex exec exited early (rc=143, ")
  })

  it("answers exit 0 with success", async () => {
    const { answer } = await runs.run([{ print: "done\n" }], check)
    assert.strictEqual(answer.status, 200)
    assert.deepInclude(answer.body?.codex_exec_result, { startup_return_code: 0 })
  })

  it("answers success for a run that outlives it", async () => {
    const go = runs.file("go")
    const { answer, end } = await runs.start([{ waitForFile: go }, { exit: 3 }], {
      codex_exec_startup_check_seconds: 0.1
    })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepInclude(answer.body?.codex_exec_result, { startup_return_code: null })
    writeFileSync(go, "")
    assert.strictEqual((await end()).log.code, "3")
  })
})

describe("Looper's own troubles", () => {
  it("a blocked and then closed stdout stops nothing, and a killed Looper costs no byte", async () => {
    await using first = await startLooper()
    const answers = async () => {
      const path = `/${"x".repeat(1_000)}`
      for (let count = 0; count < 20; count++) {
        const several = await Promise.all(Array.from({ length: 10 }, () => first.request("GET", path)))
        assert.isTrue(several.every(({ status }) => status === 404))
      }
      assert.strictEqual((await first.run("p")).status, 200)
    }
    first.child.stdout?.pause()
    await answers()
    assert.isAbove(first.serverLog().length, 4 * 65_536)
    first.child.stdout?.destroy()
    await answers()

    const [copy, ready, go] = ["copy", "ready", "go"].map((name) => join(first.folder, name)) as [
      string,
      string,
      string
    ]
    const answer = await first.run(
      codexScript([
        { copyTo: copy },
        { print: "before\n" },
        { writeFile: { path: ready, text: "" } },
        { waitForFile: go },
        { flood: { bytes: 1_000_001 } },
        { exit: 9 }
      ])
    )
    await until(() => existsSync(ready), "the run is up")
    killHard(first.pid)
    await first.exited
    writeFileSync(go, "")
    const path = runOf(answer).log_path
    await until(() => readRunLog(path).code, "the supervisor has written the trailer")
    const log = readRunLog(path)
    assert.strictEqual(log.code, "9")
    assert.strictEqual(sha256(log.body), sha256(readFileSync(copy)))

    const bytes = readFileSync(path)
    await using second = await startLooper({ reuse: first })
    assert.strictEqual((await second.run("p")).status, 200)
    assert.strictEqual(sha256(readFileSync(path)), sha256(bytes))

    renameSync(second.serverLogPath, `${second.serverLogPath}.1`)
    second.signal("SIGHUP")
    await until(() => existsSync(second.serverLogPath), "SIGHUP reopens the server log")
    const { headers } = await second.request("GET", "/health")
    await until(() => second.serverLog().includes(String(headers["x-request-id"])), "the new file has the records")
    assert.strictEqual(statSync(second.serverLogPath).mode & 0o777, 0o600)
  })
})

const executable = (bytes: Buffer): string => {
  const path = runs.file("program")
  writeFileSync(path, bytes)
  chmodSync(path, 0o755)
  return path
}

const nestedScript = () => executable(Buffer.from(`#!${executable(Buffer.from("#!/no/such/interpreter\n"))}\n`))

/** The shell, naming a loader that is not there. */
const withoutLoader = () => {
  const program = readFileSync(realpathSync("/bin/sh")).toString("latin1")
  const loader = /\/lib[^\0]*\/ld[^\0]*\.so[^\0]*/.exec(program)?.[0] ?? ""
  return executable(Buffer.from(program.replace(loader, `${loader.slice(0, -1)}_`), "latin1"))
}
