/** `LOOPER_LOG_FORMAT=json` in a real Looper: its log, its stdout, and runs that outlive it. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { isRecord, readRunLog } from "../../support/logs.ts"
import { LooperDidNotStart, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { killHard, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"

const folder = mkdtempSync(join(tmpdir(), "looper-json-"))
afterAll(() => rmSync(folder, { recursive: true }))
let starts = 0

const token = 'to"ken-0123456789'
const json = { LOOPER_LOG_FORMAT: "json" }

type Parsed = Readonly<Record<string, unknown>>

const parsed = (text: string): ReadonlyArray<Parsed> =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Parsed)

const isOutput = ({ event, time }: Parsed) => event === "codex.exec.output" && time === undefined

/** Starts a Looper whose stdout is a file. */
const start = async (options: { readonly env: Readonly<Record<string, string>>; readonly reuse?: LooperProcess }) => {
  const stdoutPath = join(folder, `stdout-${++starts}`)
  const stdout = openSync(stdoutPath, "w")
  const looper = await startLooper({ ...options, stdout }).finally(() => closeSync(stdout))
  return { looper, stdout: () => readFileSync(stdoutPath, "utf8") }
}

const hasEnded = (looper: LooperProcess) =>
  until(() => /codex\.exec\.ended/.test(looper.serverLog()), "the run's end is in the log")

const killLooper = async (looper: LooperProcess) => {
  killHard(looper.pid)
  assert.strictEqual((await looper.exited).signal, "SIGKILL")
}

describe("a Looper that logs JSON", () => {
  it("writes an object a line, on stdout behind where it listens, whatever is asked of it and printed by its runs", async () => {
    const { looper, stdout } = await start({ env: { ...json, LOOPER_API_TOKEN: token } })
    await using _ = looper
    const headers = { authorization: `Bearer ${token}` }
    await looper.request("GET", `/${encodeURIComponent('a\n{"time":"x"}\u2028"')}`, {
      headers: { ...headers, "user-agent": `x"\\ ${token} {"event":"forged"}` }
    })
    const lines = ['{"time":"2026-01-01T00:00:00.000Z","event":"forged"}', 'a "b" \\ \t', "", "\ufffd é 😀"]
    const output = Buffer.concat([
      Buffer.from(`${lines.slice(0, 3).join("\n")}\r\n`),
      Buffer.from([0xff]),
      Buffer.from(" é 😀\n\u001b[1m")
    ])
    const script = codexScript([{ printBase64: output.toString("base64") }, { exit: 3 }])
    const body = { zulip_message: "m", codex_prompt: script, unknown: 1 }
    const answer = await looper.request("POST", "/run", { body, headers })
    const { pid } = runOf(answer)
    await hasEnded(looper)
    assert.deepStrictEqual(await looper.stop(), { code: 0, signal: null })

    const [listening = {}, ...copied] = parsed(stdout())
    assert.deepStrictEqual(listening, { event: "listening", url: looper.url, pid: looper.pid })
    const all = parsed(looper.serverLog())
    const records = all.filter((record) => !isOutput(record))
    assert.deepStrictEqual(copied, records)
    assert.deepStrictEqual(
      all.filter(isOutput),
      [...lines, "?[1m"].map((line) => ({ event: "codex.exec.output", line }))
    )
    for (const { time, level, logger, event } of records) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.include(["DEBUG", "INFO", "WARNING", "ERROR"], level)
      assert.strictEqual(logger, "looper")
      assert.match(String(event), /^[a-z_]+(\.[a-z_]+)+$/)
    }
    const ended = records.find(({ event }) => event === "codex.exec.ended")
    assert.deepInclude(ended, { request_id: answer.body?.request_id, pid, return_code: 3 })
    assert.strictEqual(records.find(({ event }) => event === "server.listening")?.url, looper.url)
    assert.notInclude(looper.serverLog().replaceAll("\\", ""), token)
  })

  it("says of a start that fails on stdout what it recorded, and on stderr why", async () => {
    const { looper } = await start({ env: json })
    await using _ = looper
    await looper.run(codexScript([{ hang: true }]))
    await killLooper(looper)
    const taken = createServer().listen(0, "127.0.0.1")
    await once(taken, "listening")
    const env = { ...json, LOOPER_PORT: String((taken.address() as AddressInfo).port) }
    const logged = sizeOf(looper.serverLogPath)
    const failure = await start({ env, reuse: looper }).then(
      () => assert.fail("it started"),
      (error: unknown) => error
    )
    taken.close()
    assert.instanceOf(failure, LooperDidNotStart)
    assert.match((failure as LooperDidNotStart).output, /^looper: cannot listen on .*\n$/)
    const stdout = readFileSync(join(folder, `stdout-${starts}`), "utf8")
    assert.include(
      parsed(stdout).map(({ event }) => event),
      "codex.exec.adopted"
    )
    const inLog = readFileSync(looper.serverLogPath).subarray(logged).toString()
    assert.strictEqual(stdout, inLog)
  })
})

describe("a run that outlives its Loopers, killed in the middle of its output and of different forms", () => {
  it("has each of its lines once and in order in the log, and is adopted behind where the next one listens", async () => {
    const gates = [1, 2].map((n) => join(folder, `gate-${n}`))
    const flood = { flood: { bytes: 4_000_050, lineLength: 50 } }
    const { looper: first } = await start({ env: json })
    await using _ = first
    const [one = "", two = ""] = gates
    const steps = [
      flood,
      { waitForFile: one },
      flood,
      { waitForFile: two },
      flood,
      { print: '{"last":"\t"}' },
      { exit: 0 }
    ]
    const { log_path: logPath } = runOf(await first.run(codexScript(steps)))
    const { serverLogPath } = first
    await until(() => sizeOf(serverLogPath) > 1_000_000, "some of the first part is mirrored")
    await killLooper(first)

    const { looper: second } = await start({ env: { LOOPER_LOG_FORMAT: "text" }, reuse: first })
    await using _second = second
    const mirrored = sizeOf(serverLogPath)
    writeFileSync(one, "")
    await until(() => sizeOf(serverLogPath) > mirrored + 1_000_000, "some more is mirrored")
    await killLooper(second)

    const { looper: third, stdout } = await start({ env: json, reuse: first })
    await using _third = third
    writeFileSync(two, "")
    await until(() => /"event":"codex\.exec\.ended"/.test(third.serverLog()), "the run's end is in the log")
    const events = parsed(stdout()).map(({ event }) => event)
    assert.strictEqual(events[0], "listening")
    assert.isBelow(events.indexOf("codex.exec.adopted"), events.indexOf("server.listening"))
    assert.isAbove(events.indexOf("codex.exec.adopted"), 0)

    const expected = readRunLog(logPath).body.toString().split("\n")
    const lines = third
      .serverLog()
      .split("\n")
      .slice(0, -1)
      .filter((line) => !isRecord(line) && !line.startsWith('{"time":'))
    assert.isTrue(lines.some((line) => line.startsWith("line ")) && lines.some((line) => line.startsWith("{")))
    const found = lines.map((line) => (line.startsWith("{") ? String(JSON.parse(line).line) : line))
    assert.isTrue(found.join("\n") === expected.join("\n"), `${found.length} lines of ${expected.length}`)
    assert.isTrue(existsSync(logPath))
  })
})
