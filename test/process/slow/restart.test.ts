/** Looper's start: what it refuses with one line, and what it makes of a predecessor that was killed. */
import { assert, describe, it } from "@effect/vitest"
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperOptions, type LooperProcess, LooperDidNotStart, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, killHard, procStat, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"

/** The lines of a Looper that refuses to start. */
const refusalOf = async (options: LooperOptions): Promise<ReadonlyArray<string>> => {
  try {
    await using looper = await startLooper(options)
    throw new Error(`it listens at ${looper.url}`)
  } catch (error) {
    if (!(error instanceof LooperDidNotStart)) throw error
    assert.deepStrictEqual(error.exit, { code: 1, signal: null }, error.output)
    return error.output.trimEnd().split("\n")
  }
}

describe.concurrent("a start is refused with one line and exit code 1", () => {
  it("beside another Looper on the same log folder, which it names and leaves alone", async () => {
    await using first = await startLooper()
    const heartbeat = join(first.folder, "heartbeat")
    const prompt = codexScript([{ child: { kind: "group", heartbeat } }, { hang: true }])
    const run = runOf(await first.run(prompt))
    await until(() => existsSync(heartbeat), "the run is up")
    const files = readdirSync(first.logDir)
    const lines = await refusalOf({ reuse: first })
    const holder = `pid ${first.pid}, ${first.url}`
    assert.deepStrictEqual(lines, [`looper: log folder ${first.logDir} is in use by another Looper: ${holder}`])
    assert.deepStrictEqual(readdirSync(first.logDir), files)
    assert.isTrue(await beats(heartbeat))
    assert.isTrue(isAlive(run.pid))
    assert.strictEqual((await first.request("GET", "/health")).status, 200)
    assert.strictEqual((await first.request("POST", "/kill")).status, 200)
  })

  it("on a port that is taken, and its folder is free for the next one", async () => {
    await using first = await startLooper()
    const lines = await refusalOf({ env: { LOOPER_PORT: String(first.port) } })
    assert.deepStrictEqual(lines, [
      `looper: cannot listen on 127.0.0.1:${first.port} (LOOPER_HOST, LOOPER_PORT): the port is taken`
    ])
    assert.strictEqual((await first.stop()).code, 0)
    await using second = await startLooper({ reuse: first, env: { LOOPER_PORT: String(first.port) } })
    assert.strictEqual(second.port, first.port)
  })
})

const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""
const trailers = (logPath: string) => readFileSync(logPath, "latin1").match(/\n# codex_exec_return_code=.*\n/g) ?? []
const trailer = (code: string) => `\n# codex_exec_return_code=${code}\n`

interface OldRun {
  readonly pid: number
  readonly supervisorPid: number
  readonly logPath: string
  readonly heartbeat: string
}

/** Starts a run that prints, beats and then does `last`, and kills its Looper. */
const startAndKillLooper = async (
  looper: LooperProcess,
  last: CodexStep,
  over: Readonly<Record<string, unknown>> = {}
): Promise<OldRun> => {
  const heartbeat = join(looper.folder, "heartbeat")
  const child = { kind: "session", heartbeat, holdsOutput: true, printsEveryMillis: 20 } as const
  const prompt = codexScript([{ print: "first\n" }, { child }, last, { print: "last\n" }, { exit: 9 }])
  const answer = await looper.run({ zulip_message: "m", codex_prompt: prompt, ...over })
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(heartbeat), "the run is up")
  killHard(looper.pid)
  assert.strictEqual((await looper.exited).signal, "SIGKILL")
  assert.isTrue(await beats(heartbeat))
  const { pid, log_path: logPath } = runOf(answer)
  return { pid, supervisorPid: procStat(pid)?.sid ?? 0, logPath, heartbeat }
}

const hasSideFiles = (looper: LooperProcess) => readdirSync(looper.logDir).some((name) => name.endsWith(".state"))

describe.concurrent("a Looper that was killed with SIGKILL", () => {
  it("leaves its run alive, and the next one's /run replaces that run", async () => {
    await using first = await startLooper()
    // Known by its record only: this is no name of codex.
    const binary = join(first.folder, "bin", "worker")
    copyFileSync(first.codexPath, binary)
    const run = await startAndKillLooper(first, { hang: true }, { codex_exec_binary: binary })
    await using second = await startLooper({ reuse: first })
    assert.isTrue(await beats(run.heartbeat))
    assert.deepStrictEqual(trailers(run.logPath), [])
    const spawn = await second.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([spawn.status, spawn.body?.pids], [409, [run.pid]])
    assert.deepInclude((await second.request("POST", "/autopoll/tick")).body, { reason: "alive_tasks" })
    const answer = await second.run(codexScript([{ hang: true }]))
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [run.pid])
    assert.isTrue(await stopsGrowing(run.heartbeat))
    assert.deepStrictEqual(carriers(idOf(run.logPath)), [])
    assert.deepStrictEqual(trailers(run.logPath), [trailer("143")])
    assert.strictEqual((await second.stop()).code, 0)
    assert.isFalse(hasSideFiles(second))
  })

  it("costs its run nothing: the log ends in the true code, once, whoever comes later", async () => {
    await using first = await startLooper()
    const go = join(first.folder, "go")
    const run = await startAndKillLooper(first, { waitForFile: go })
    writeFileSync(go, "")
    await until(() => !isAlive(run.supervisorPid), "the run has ended")
    await until(() => readRunLog(run.logPath).rest.length > 0, "what the run left prints after the trailer")
    await using second = await startLooper({ reuse: first })
    assert.strictEqual((await second.run("p")).status, 200)
    assert.isTrue(await stopsGrowing(run.heartbeat), "what the run left is ended by the next kill")
    assert.strictEqual((await second.stop()).code, 0)
    await using third = await startLooper({ reuse: first })
    assert.deepStrictEqual(trailers(run.logPath), [trailer("9")])
    const log = readRunLog(run.logPath)
    assert.match(log.body.toString(), /^first\n(child \d+ \d+\n)*last\n(child \d+ \d+\n)*$/)
    assert.match(log.rest.toString(), /^(child \d+ \d+\n)+$/, "what the run left went on printing")
    assert.match(third.serverLog(), new RegExp(` codex\\.exec\\.ended .*${idOf(run.logPath)}.*return_code=9\\b`))
    assert.isFalse(hasSideFiles(third))
  })

  it("and whose run lost supervisor and codex: the next one writes that the code is unknown", async () => {
    await using first = await startLooper()
    const run = await startAndKillLooper(first, { hang: true })
    killHard(run.supervisorPid)
    killHard(run.pid)
    await until(() => !isAlive(run.supervisorPid) && !isAlive(run.pid), "both are gone")
    await using second = await startLooper({ reuse: first })
    assert.deepStrictEqual(trailers(run.logPath), [trailer("unknown")])
    await until(() => !hasSideFiles(second), "its end is recorded")
    assert.deepInclude((await second.request("POST", "/kill")).body, { killed_codex_exec_pids: [] })
    assert.isTrue(await stopsGrowing(run.heartbeat), "what the run left is ended by the next kill")
    assert.deepStrictEqual(trailers(run.logPath), [trailer("unknown")])
  })

  it("and whose run lost its supervisor: the next one knows it, ends it and writes that the code is unknown", async () => {
    await using first = await startLooper()
    const run = await startAndKillLooper(first, { hang: true })
    killHard(run.supervisorPid)
    await until(() => !isAlive(run.supervisorPid), "the supervisor is gone")
    await using second = await startLooper({ reuse: first })
    assert.deepStrictEqual(trailers(run.logPath), [])
    const kill = await second.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [run.pid])
    assert.isTrue(await stopsGrowing(run.heartbeat))
    assert.deepStrictEqual(trailers(run.logPath), [trailer("unknown")])
    assert.isFalse(hasSideFiles(second))
  })
})
