import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { command as execute, type CommandOptions } from "../../support/commandLine.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"

let looper: LooperProcess

beforeAll(async () => {
  looper = await startLooper()
})

afterAll(async () => {
  await looper[Symbol.asyncDispose]()
})

/** Calls the file's Looper. */
const command = (args: ReadonlyArray<string>, options: CommandOptions = {}) => execute(args, { looper, ...options })

const run = (steps: ReadonlyArray<CodexStep>, ...flags: ReadonlyArray<string>) =>
  command(["run", "-m", "m", ...flags, codexScript(steps)])

/** The prompt that a run would get. */
const promptOf = async (args: ReadonlyArray<string>, stdin = "") => {
  const plan = await command(["run", "-m", "m", "--dry-run", "--json", ...args], { stdin })
  return JSON.parse(plan.stdout).argv.at(-1)
}

describe("a command", () => {
  it("prints its answer on stdout, for people or as JSON, and ends with 0", async () => {
    const started = await run([{ hang: true }])
    const [, id = "", pid = ""] = /^Started: ([0-9a-f]{8}), pid (\d+)\nLog: \/.+\.log\n$/.exec(started.stdout) ?? []
    assert.deepInclude(started, { code: 0, stderr: "" })

    const status = await command(["status"])
    assert.deepInclude(status, { code: 0, stderr: "" })
    assert.match(
      status.stdout,
      new RegExp(`^Running: ${id} for \\d+s\nPid: ${pid}, \\d+ process(?:es)?\nWorkspace: ${looper.workspace}\n`)
    )
    const json = await command(["status", "--json"])
    assert.strictEqual(JSON.parse(json.stdout).run.request_id, id)
    assert.match(json.stdout, /^\{.*\}\n$/)

    const plan = await command(["kill", "--dry-run"])
    assert.strictEqual(plan.stdout, `Would stop: pid ${pid}\nTheir trees: pid ${pid}\n`)
    assert.strictEqual((await command(["stop"])).stdout, `Stopped: ${id}, pid ${pid}\n`)
    assert.strictEqual((await command(["stop", id])).stdout, `${id} had ended before.\n`)
    const { stdout } = await command(["runs", "--state", "stopped"])
    assert.match(stdout, new RegExp(`^ID .*\n${id}  stopped  request  143 `))
  })

  it("does what its name says", async () => {
    assert.deepInclude(await command(["notify", "hello"]), { code: 0, stdout: "OK notifier=log\n" })
    assert.deepInclude(await command(["kill"]), { code: 0, stdout: "Stopped: nothing, no codex exec runs\n" })
    assert.match((await command(["pause"])).stdout, /^Autopoll is paused/)
    assert.deepInclude(await command(["tick"]), { code: 0, stdout: "Skipped: paused\n" })
    assert.match((await command(["resume"])).stdout, /^Autopoll is not paused/)
    assert.match((await command(["spawn", "hi"])).stdout, /^Started: /)
    assert.match((await command(["tick", "--json"])).stdout, /^\{"ok":true,"outcome":"(started|skipped)"/)
    await command(["kill"])
  })

  it("lists the history in pages, which --all joins", async () => {
    for (let count = 0; count < 3; count++) await run([], "--wait")
    const first = JSON.parse((await command(["runs", "--limit", "2", "--json"])).stdout)
    const second = JSON.parse((await command(["runs", "--cursor", first.next_cursor, "--json"])).stdout)
    const all = JSON.parse((await command(["runs", "--limit", "2", "--all", "--json"])).stdout)
    assert.deepStrictEqual(all, { ok: true, runs: [...first.runs, ...second.runs], next_cursor: null })
    assert.match((await command(["runs", "--limit", "1"])).stdout, /\nOlder ones: looper runs --cursor \S+\n$/)
  })

  it("takes its prompt from an argument, stdin or a file, which may look like flags", async () => {
    const file = join(looper.folder, "prompt.md")
    writeFileSync(file, "from a file é\n")
    assert.strictEqual(await promptOf(["an argument"]), "an argument")
    assert.strictEqual(await promptOf(["-"], "from stdin\n"), "from stdin")
    assert.strictEqual(await promptOf(["--prompt-file", file]), "from a file é")
    assert.strictEqual(await promptOf(["--", "--wait"]), "--wait")
  })
})

describe("run --wait", () => {
  it("ends with the run's code, whatever it is", async () => {
    for (const [steps, code, state] of [
      [[], 0, "succeeded with code 0"],
      [[{ exit: 7 }], 7, "failed with code 7"],
      [[{ kill: "SIGKILL" }], 137, "failed with code 137"]
    ] as const) {
      const end = await run(steps, "--wait")
      assert.strictEqual(end.code, code, end.stderr)
      assert.match(end.stdout, new RegExp(`^[0-9a-f]{8} ${state}`))
      assert.match(
        end.stderr,
        /^(preflight\n|notify\n|kill\n|delay\n|spawn\n|startup_check\n)*[0-9a-f]{8} {2}running\n$/
      )
    }
  })

  it("prints one JSON document, the run as it has ended", async () => {
    const end = await run([{ print: "x\n" }, { exit: 3 }], "--wait", "--json")
    assert.strictEqual(end.code, 3)
    assert.deepInclude(JSON.parse(end.stdout).run, { state: "failed", return_code: 3 })
  })

  it("ends with 125 where Looper fails", async () => {
    const end = await run([], "--wait", "--binary", "/nonexistent/codex")
    assert.deepInclude(end, { code: 125, stdout: "" })
    assert.match(end.stderr, /looper: required tool is missing from PATH: \/nonexistent\/codex\n$/)
  })
})

describe("an exit code", () => {
  it("of 1 is a failed operation", async () => {
    const failed = await command(["spawn", "--binary", "/nonexistent/codex", "hi"])
    assert.deepInclude(failed, { code: 1, stdout: "" })
    assert.strictEqual(failed.stderr, "looper: required tool is missing from PATH: /nonexistent/codex\n")
    const json = await command(["spawn", "--binary", "/nonexistent/codex", "hi", "--json"])
    assert.deepInclude(json, { code: 1, stderr: "" })
    assert.deepInclude(JSON.parse(json.stdout), { ok: false, code: "tool_missing", step: "preflight" })
    assert.deepInclude(await command(["stop"]), { code: 1, stderr: "looper: nothing to stop: no run lives\n" })
    assert.strictEqual((await command(["logs", "12345678"])).code, 1)
  })

  it.each([
    [["status", "--nope"], "Unrecognized flag: --nope in command looper status", "looper status"],
    [["nope"], 'Unknown subcommand "nope" for "looper"', "looper"],
    [["statsu"], 'Unknown subcommand "statsu" for "looper"; did you mean status?', "looper"],
    [["run", "hi"], "Missing required flag: --message", "looper run"],
    [["notify"], "Missing required argument: message", "looper notify"],
    [["stop", "a", "b"], 'Unexpected positional argument: "b"', "looper stop"]
  ])("of 2 is a mistake in the command line: %j", async (args, sentence, path) => {
    const end = await command(args)
    assert.deepInclude(end, { code: 2, stdout: "", stderr: `looper: ${sentence}\nTry '${path} --help'.\n` })
  })

  it("of 2 is a value that Looper would refuse, with the flag that said it", async () => {
    for (const [args, sentence] of [
      [["runs", "--limit", "501"], "--limit must be a whole number from 1 to 500"],
      [["logs", "-n", "x"], "--lines must be a whole number from 0 to 1000000"],
      [["run", "-m", "m", "--delay", "soon"], "--delay must be a number"],
      [["run", "-m", " "], "missing the message"],
      [["run", "-m", "m", "--prompt-file", "/nonexistent"], /^--prompt-file cannot be read: ENOENT/],
      [["run", "-m", "m", "--prompt-file", "/dev/null", "hi"], "a prompt and --prompt-file cannot both be given"]
    ] as const) {
      const end = await command(args)
      assert.deepInclude(end, { code: 2, stdout: "" })
      const told = end.stderr.replace(/^looper: (.*)\n$/, "$1")
      if (typeof sentence === "string") assert.strictEqual(told, sentence)
      else assert.match(told, sentence)
    }
    const url = await command(["status"], { env: { LOOPER_URL: "localhost" } })
    assert.deepInclude(url, { code: 2, stdout: "" })
    assert.match(url.stderr, /^looper: LOOPER_URL is "localhost": allowed is an http or https address/)
  })

  it("of 3 is a run in the way", async () => {
    await run([{ hang: true }])
    assert.deepInclude(await command(["spawn", "hi"]), { code: 3, stderr: "looper: busy: a codex exec is running\n" })
    const json = await command(["spawn", "hi", "--json"])
    assert.deepInclude(json, { code: 3, stderr: "" })
    assert.strictEqual(JSON.parse(json.stdout).code, "run_alive")
    await command(["kill"])
  })

  it("of 4 is a Looper that does not answer, with its address and how to start one", async () => {
    const end = await command(["status"], { env: { LOOPER_URL: "http://127.0.0.1:1" } })
    assert.deepInclude(end, { code: 4, stdout: "" })
    const sentence = "no answer from http://127.0.0.1:1: nothing listens there (ECONNREFUSED)"
    assert.strictEqual(end.stderr, `looper: ${sentence}; start one with 'looper serve', or set LOOPER_URL\n`)
  })

  it("of 5 is a token that is missing or wrong", async () => {
    await using guarded = await startLooper({ env: { LOOPER_API_TOKEN: "right" } })
    const told = "looper: unauthorized: LOOPER_API_TOKEN is missing here or is not the one of that Looper\n"
    assert.deepInclude(await execute(["status"], { looper: guarded }), { code: 5, stdout: "", stderr: told })
    const withToken = (token: string) => execute(["status"], { looper: guarded, env: { LOOPER_API_TOKEN: token } })
    assert.deepInclude(await withToken("wrong"), { code: 5, stderr: told })
    assert.strictEqual((await withToken("right")).code, 0)
  })

  it("of 1 is an address where something else answers", async () => {
    const server = createServer((_, response) => void response.end("<html>hello")).listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const end = await command(["status"], { env: { LOOPER_URL: url } })
    server.close()
    assert.deepInclude(end, { code: 1, stdout: "" })
    assert.include(end.stderr, `looper: what answers at ${url} with status 200 is not Looper`)
  })
})

describe("a command inside of a run", () => {
  it("is let in by the run's ticket where that is good, and only there", async () => {
    await using guarded = await startLooper({ env: { LOOPER_API_TOKEN: "right" } })
    const file = join(guarded.folder, "environment.json")
    const prompt = codexScript([{ environmentTo: file }, { print: "ready\n" }, { hang: true }])
    const headers = { authorization: "Bearer right" }
    await guarded.request("POST", "/run", { headers, body: { zulip_message: "m", codex_prompt: prompt } })
    await until(() => guarded.serverLog().includes("\nready\n"), "the run is ready")
    const { LOOPER_URL, LOOPER_RUN_TICKET } = JSON.parse(readFileSync(file, "utf8"))
    const env = { LOOPER_URL, LOOPER_RUN_TICKET }
    assert.strictEqual((await execute(["status"], { env })).code, 5)
    assert.match((await execute(["run", "-m", "next", "hi"], { env })).stdout, /^Started: /)
  })
})

describe("help, version and completions", () => {
  it("are on stdout with 0, without any Looper", async () => {
    const nowhere = { env: { LOOPER_URL: "nonsense" } }
    const help = await command(["--help"], nowhere)
    assert.deepStrictEqual(await command([], nowhere), help)
    assert.deepInclude(help, { code: 0, stderr: "" })
    for (const name of ["serve", "run", "doctor", "invoke"]) assert.match(help.stdout, new RegExp(`^  ${name} `, "m"))
    assert.match((await command(["run", "--help"], nowhere)).stdout, /\n\nEXAMPLES\n/)
    assert.match((await command(["--version"], nowhere)).stdout, /^looper \d+\.\d+\.\d+\n$/)
    for (const shell of ["bash", "zsh", "fish"]) {
      const script = await command(["--completions", shell], nowhere)
      assert.deepInclude(script, { code: 0, stderr: "" })
      assert.include(script.stdout, "looper")
    }
  })
})
