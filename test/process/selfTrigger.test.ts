/** The caller goes away in the middle: killed by its own request, or disconnected in any step. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import { readRunLog } from "../support/logs.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { argvOf, beats, carriers, isAlive, sizeOf, stopsGrowing, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { watchRuns } from "../support/watchedRun.ts"

const token = "correct-horse-battery-staple"
const withToken = { authorization: `Bearer ${token}` }
const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""
const trailers = (logPath: string) => readFileSync(logPath, "latin1").split("# codex_exec_return_code=").length - 1
const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n")

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

describe.concurrent("a run that asks for its own successor through a client below it", () => {
  /** Each generation says that it lives and asks for the next; the last one stays. */
  const generation = (files: Files, number: number, last: number): string => {
    const begin: ReadonlyArray<CodexStep> = [
      { print: `generation ${number}\n` },
      { appendPid: files.pids },
      { child: { kind: "session", heartbeat: `${files.heartbeat}-${number}` } }
    ]
    if (number === last) return codexScript([...begin, { writeFile: { path: files.ready, text: "" } }, { hang: true }])
    const body = {
      zulip_message: `generation ${number + 1}`,
      codex_prompt: generation(files, number + 1, last),
      codex_exec_delay_seconds: 0.05,
      codex_exec_startup_check_seconds: 0.05
    }
    return codexScript([
      ...begin,
      { post: { path: "/run", body, viaChild: true, answerTo: files.answers } },
      { hang: true }
    ])
  }

  it("is replaced, five generations long: one lives, every log is complete, every message is sent once", async () => {
    await using house = await startHouse({ LOOPER_API_TOKEN: token })
    const { looper, zulip } = house
    const files: Files = {
      pids: house.file("pids"),
      heartbeat: house.file("heartbeat"),
      ready: house.file("ready"),
      answers: house.file("answers")
    }
    const body = { zulip_message: "generation 1", codex_prompt: generation(files, 1, 5) }
    const first = await looper.request("POST", "/run", { body, headers: withToken })
    assert.strictEqual(first.status, 200, first.text)
    await until(() => existsSync(files.ready), "the fifth generation is up", 30_000)
    await until(() => looper.serverLog().split(" run.success ").length === 6, "every sequence has ended")

    assert.deepStrictEqual(
      zulip.messages,
      [1, 2, 3, 4, 5].map((number) => `generation ${number}`)
    )
    assert.deepStrictEqual(
      linesOf(files.pids).map((pid) => isAlive(Number(pid))),
      [false, false, false, false, true]
    )
    assert.isFalse(existsSync(files.answers), "no caller lives to see its answer")
    assert.isTrue(await beats(`${files.heartbeat}-5`))
    const dead = await Promise.all([1, 2, 3, 4].map((number) => stopsGrowing(`${files.heartbeat}-${number}`)))
    assert.deepStrictEqual(dead, [true, true, true, true])

    const logs = looper.runLogs()
    assert.lengthOf(logs, 5)
    const byBody = logs.map((path) => ({ path, log: readRunLog(path) }))
    byBody.sort((a, b) => a.log.body.compare(b.log.body))
    assert.deepStrictEqual(
      byBody.map(({ log }) => log.body.toString()),
      [1, 2, 3, 4, 5].map((number) => `generation ${number}\n`)
    )
    assert.deepStrictEqual(
      byBody.map(({ log }) => log.code),
      ["143", "143", "143", "143", undefined]
    )
    assert.deepStrictEqual(
      byBody.map(({ path }) => trailers(path)),
      [1, 1, 1, 1, 0]
    )
    const living = byBody.map(({ path }) => carriers(idOf(path)).length > 0)
    assert.deepStrictEqual(living, [false, false, false, false, true])

    const kill = await looper.request("POST", "/kill", { headers: withToken })
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [Number(linesOf(files.pids)[4])])
    assert.strictEqual(readRunLog(byBody[4]?.path ?? "").code, "143")
  })
})

interface Files {
  readonly pids: string
  readonly heartbeat: string
  readonly ready: string
  readonly answers: string
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
    ["delay", { codex_exec_delay_seconds: 0.5 }],
    ["startup_check", { codex_exec_startup_check_seconds: 0.5 }]
  ] as const

  it.each(cases)("in the step %s changes nothing: the sequence completes", async (step, seconds) => {
    await using house = await startHouse()
    const { looper, zulip } = house
    const [old, fresh] = [house.file("old"), house.file("fresh")]
    const steps: ReadonlyArray<CodexStep> = [
      ...(step === "kill" ? [{ ignore: ["SIGTERM"] } as const] : []),
      { child: { kind: "session", heartbeat: old } },
      { hang: true }
    ]
    const before = runOf(await looper.run({ zulip_message: "before", codex_prompt: codexScript(steps) }))
    await until(() => existsSync(old), "the old run is up")
    if (step === "notify") zulip.shut()
    const prompt = codexScript([{ child: { kind: "group", heartbeat: fresh } }, { hang: true }])
    const records = await abandonIn(looper, step, { zulip_message: "after", codex_prompt: prompt, ...seconds })
    assert.notInclude(records(), " run.success ")
    if (step === "notify" || step === "kill") assert.isTrue(isAlive(before.pid), "the client left in time")
    zulip.open()
    await until(() => / run\.success .*\n/.test(records()), "the sequence has completed")

    assert.deepStrictEqual(zulip.messages, ["before", "after"])
    assert.isTrue(await beats(fresh))
    assert.isTrue(await stopsGrowing(old))
    assert.isFalse(isAlive(before.pid))
    assert.strictEqual(readRunLog(before.log_path).code, step === "kill" ? "137" : "143")
    const pid = Number(/ run\.success .*\bpid=(\d+)/.exec(records())?.[1])
    assert.isTrue(isAlive(pid))
    assert.include(argvOf(pid), prompt)
    assert.lengthOf(looper.runLogs(), 2)
    assert.strictEqual((await looper.request("POST", "/kill")).status, 200)
  })
})
