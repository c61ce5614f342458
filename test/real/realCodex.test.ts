/** Looper as it runs by default, with the real codex, a stand-in for its model and a loopback Zulip. */
import { assert, describe, it } from "@effect/vitest"
import { ManagedRuntime } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { beforeAll, onTestFailed } from "vitest"
import { ZulipServer, type ZulipServerShape } from "../../src/testing/ZulipServer.ts"
import type { Answer } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { ModelApi, type Rule, writeCodexHome } from "../support/ModelApi.ts"
import { allPids, argvOf, carriers, isAlive, procStat, until } from "../support/processes.ts"
import { cacheFolder, realCodex, requireOwnPidNamespace, requireSandbox } from "../support/realCodex.ts"
import { runOf } from "../support/residentLooper.ts"

const deadlineMillis = 30_000
const absentFolder = "/nonexistent/workspace"
const fetchDeadlineMillis = 600_000

let codex: string
beforeAll(async () => {
  await requireOwnPidNamespace()
  codex = await realCodex()
}, fetchDeadlineMillis)

interface House extends AsyncDisposable {
  readonly looper: LooperProcess
  readonly model: ModelApi
  readonly zulip: ZulipServerShape
  readonly codexHome: string
  /** `POST /run` in the workspace. */
  run(prompt: string, fields?: Readonly<Record<string, unknown>>): Promise<Answer>
  /** The contents of the messages, oldest first. */
  messages(): ReadonlyArray<string>
}

interface HouseOptions {
  readonly networkAccess?: boolean
  readonly token?: string
  /** Whether there is a default workspace for Looper's own runs. */
  readonly hasDefaultWorkspace?: boolean
}

/** What other tests set for themselves is unset here: it stays as the product has it. */
const productDefaults = {
  LOOPER_HOST: undefined,
  LOOPER_NOTIFIER: undefined,
  LOOPER_AUTO_START_WHEN_IDLE: undefined,
  CODEX_EXEC_KILL_SCOPE: undefined,
  CODEX_EXEC_DELAY_SECONDS: undefined,
  CODEX_EXEC_STARTUP_CHECK_SECONDS: undefined
}

const openHouse = async (rules: ReadonlyArray<Rule>, options: HouseOptions = {}): Promise<House> => {
  await using stack = new AsyncDisposableStack()
  const codexHome = mkdtempSync(join(cacheFolder(), "codex-home-"))
  stack.defer(() => rmSync(codexHome, { recursive: true, force: true }))
  const model = stack.use(await ModelApi.start(rules))
  await writeCodexHome(codexHome, { baseUrl: model.baseUrl, networkAccess: options.networkAccess ?? false })
  const kit = stack.adopt(ManagedRuntime.make(ZulipServer.layer()), (runtime) => runtime.dispose())
  const zulip = await kit.runPromise(ZulipServer)
  const env = {
    ...productDefaults,
    CODEX_EXEC_BINARY: codex,
    CODEX_HOME: codexHome,
    ZULIP_SITE: zulip.url,
    ZULIP_BOT_EMAIL: zulip.email,
    ZULIP_BOT_API_KEY: zulip.apiKey,
    LOOPER_API_TOKEN: options.token,
    ...(options.hasDefaultWorkspace === true ? {} : { LOOPER_DEFAULT_WORKSPACE: absentFolder })
  }
  const looper = stack.use(await startLooper({ env }))
  const headers: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  const held = stack.move()
  let serverLog = ""
  onTestFailed(() => console.error(serverLog))
  return {
    looper,
    model,
    zulip,
    codexHome,
    run: (prompt, fields = {}) => {
      const body = { zulip_message: `about to ${prompt}`, codex_prompt: prompt, workspace: looper.workspace, ...fields }
      return looper.request("POST", "/run", { body, headers })
    },
    messages: () => zulip.messages.map(({ content }) => content),
    [Symbol.asyncDispose]: () => {
      serverLog = looper.serverLog()
      return held.disposeAsync()
    }
  }
}

interface Run {
  readonly id: string
  readonly pid: number
  readonly logPath: string
}

const startedBy = (answer: Answer): Run => {
  assert.strictEqual(answer.status, 200, answer.text)
  const { pid, log_path } = runOf(answer)
  return { id: String(answer.body?.["request_id"]), pid, logPath: log_path }
}

const textOf = (path: string): string => readFileSync(path, "utf8")
const trailer = (code: number): string => `\n# codex_exec_return_code=${code}\n`

/** Waits until the log has a trailer, and asserts that it is the only one, the last line, and tells this code. */
const assertEndsIn = async (logPath: string, code: number): Promise<void> => {
  await until(() => textOf(logPath).includes("\n# codex_exec_return_code="), `a trailer in ${logPath}`, deadlineMillis)
  const text = textOf(logPath)
  assert.lengthOf(text.match(/^# codex_exec_return_code=/gm) ?? [], 1, text)
  assert.isTrue(text.endsWith(trailer(code)), text)
}

/** What codex wrote, without header and trailer. */
const outputIn = (logPath: string): string => {
  const text = textOf(logPath)
  return text.slice(text.indexOf("\n\n") + 2, text.lastIndexOf("\n# codex_exec_return_code="))
}

const mirrorIn = (serverLog: string): string => serverLog.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} .*\n/gm, "")

/** The real codexes that run, a Node launcher of theirs not counted. */
const codexPids = (): ReadonlyArray<number> =>
  allPids().filter((pid) => {
    const [program = "", ...args] = argvOf(pid)
    return basename(program) === "codex" && args.includes("exec") && isAlive(pid)
  })

const sleepersOf = (runId: string): ReadonlyArray<number> =>
  carriers(runId).filter((pid) => argvOf(pid).join(" ") === "sleep 300")

describe("a run of the real codex", { timeout: 120_000 }, () => {
  it("is announced, completes, and is logged and mirrored whole", async () => {
    await using house = await openHouse([{ when: /^finish the step$/, turns: [{ say: "The step is finished." }] }])
    const answer = await house.run("finish the step")
    const run = startedBy(answer)
    await assertEndsIn(run.logPath, 0)
    const output = outputIn(run.logPath)
    assert.match(output, /^Reading additional input from stdin\.\.\.\nOpenAI Codex v0\.169\.0\n/)
    assert.include(output, `workdir: ${house.looper.workspace}\n`)
    assert.match(output, /^approval: never\nsandbox: workspace-write /m)
    assert.isTrue(output.endsWith("The step is finished.\n"), output)
    await until(
      () => mirrorIn(house.looper.serverLog()).length >= output.length,
      "the mirror is complete",
      deadlineMillis
    )
    assert.strictEqual(mirrorIn(house.looper.serverLog()), output)
    assert.deepStrictEqual(house.messages(), ["about to finish the step"])
    assert.strictEqual(answer.body?.["zulip_output"], "OK message_id=1 type=stream stream=coding topic=verified-cad")
    assert.strictEqual(answer.body?.["codex_exec_binary"], codex)
  })

  it("is replaced while it waits on the model", async () => {
    await using house = await openHouse([{ when: /^wait/, turns: ["hang"] }])
    const old = startedBy(await house.run("wait in vain"))
    const [waiting] = await house.model.waitForRequests(1)
    assert.isTrue(waiting?.isOpen)
    const answer = await house.run("wait again")
    const fresh = startedBy(answer)
    await assertEndsIn(old.logPath, 143)
    assert.include(answer.body?.["killed_codex_exec_pids"], old.pid)
    assert.deepStrictEqual(answer.body?.["remaining_codex_exec_pids"], [])
    assert.deepStrictEqual(carriers(old.id), [])
    await house.model.waitForRequests(2)
    assert.isFalse(waiting?.isOpen)
    assert.deepStrictEqual([codexPids().length, isAlive(fresh.pid)], [1, true])
    assert.include(carriers(fresh.id), codexPids()[0])
    assert.deepStrictEqual(house.messages(), ["about to wait in vain", "about to wait again"])
  })

  it("exits early where the workspace is no git work tree, and its own words say so", async () => {
    await using house = await openHouse([])
    const workspace = join(house.looper.folder, "plain folder")
    mkdirSync(workspace)
    const { status, body, text } = await house.run("never start", { workspace })
    assert.strictEqual(status, 500, text)
    assert.deepInclude(body, { ok: false, code: "exited_early", step: "startup_check" })
    assert.match(String(body?.["error"]), /^codex exec exited early \(rc=1, log_path=.*Not inside a trusted directory/)
    const [logPath = "", ...others] = house.looper.runLogs()
    await assertEndsIn(logPath, 1)
    assert.deepStrictEqual([others, house.model.requests, codexPids()], [[], [], []])
    assert.deepStrictEqual(house.messages(), ["about to never start"])
  })

  it("is started by Looper itself when nothing runs, and replaced by a request", async () => {
    const rules: ReadonlyArray<Rule> = [
      { when: /^finish the step$/, turns: [{ say: "The step is finished." }] },
      { when: /^Continue the current task/, turns: ["hang"] }
    ]
    await using house = await openHouse(rules, { hasDefaultWorkspace: true })
    await house.model.waitForRequests(1)
    const [autoLog = ""] = house.looper.runLogs()
    assert.match(autoLog, /-auto[0-9a-f]{8}\.log$/)
    const answer = await until(
      async () => {
        const answer = await house.run("finish the step")
        return answer.status === 409 ? undefined : answer
      },
      "the tick has released the lock",
      deadlineMillis
    )
    const { logPath } = startedBy(answer)
    await assertEndsIn(autoLog, 143)
    await assertEndsIn(logPath, 0)
    assert.deepStrictEqual(house.messages(), ["about to finish the step"])
  })
})

/** What an agent runs last; busy means that its own start is not answered yet. */
const postNext = `
const { LOOPER_URL, LOOPER_RUN_TICKET } = process.env
const headers = { "content-type": "application/json" }
if (LOOPER_RUN_TICKET) headers.authorization = "Bearer " + LOOPER_RUN_TICKET
const body = JSON.stringify({ zulip_message: "over to the next", codex_prompt: "finish the step", workspace: process.cwd() })
let answer
do answer = await fetch(LOOPER_URL + "/run", { method: "POST", headers, body })
while (answer.status === 409)
console.log("answered", answer.status, await answer.text())
`

describe("a tool of the real codex", { timeout: 120_000 }, () => {
  it("dies with its whole tree when the run is replaced", async () => {
    await using house = await openHouse([
      { when: /^sleep$/, turns: [{ shell: "setsid sleep 300 & sleep 300" }] },
      { when: /^wait$/, turns: ["hang"] }
    ])
    await requireSandbox(codex, house.codexHome)
    const old = startedBy(await house.run("sleep"))
    await until(() => sleepersOf(old.id).length === 2, "the tool runs", deadlineMillis)
    const tree = carriers(old.id).map((pid) => ({ pid, startTime: procStat(pid)?.startTime }))
    const fresh = startedBy(await house.run("wait"))
    await assertEndsIn(old.logPath, 143)
    const survivors = tree.filter(({ pid, startTime }) => isAlive(pid) && procStat(pid)?.startTime === startTime)
    assert.deepStrictEqual([survivors, carriers(old.id)], [[], []])
    assert.deepStrictEqual([codexPids().length, isAlive(fresh.pid)], [1, true])
  })

  it.each([
    ["no token is set", undefined],
    ["a token is set, by the run's ticket", "the-token-of-the-operator"]
  ])("starts the next run where %s", async (_, token) => {
    const rules: ReadonlyArray<Rule> = [
      { when: /^call the next$/, turns: [{ shell: "node post-next.mjs" }] },
      { when: /^finish the step$/, turns: [{ say: "The step is finished." }] }
    ]
    await using house = await openHouse(rules, { networkAccess: true, ...(token === undefined ? {} : { token }) })
    await requireSandbox(codex, house.codexHome)
    writeFileSync(join(house.looper.workspace, "post-next.mjs"), postNext)
    const first = startedBy(await house.run("call the next"))
    const second = await until(
      () => house.looper.runLogs().find((path) => path !== first.logPath),
      `a second run; the first printed:\n${textOf(first.logPath)}`,
      deadlineMillis
    )
    await assertEndsIn(second, 0)
    await assertEndsIn(first.logPath, 143)
    assert.isTrue(outputIn(second).endsWith("The step is finished.\n"), outputIn(second))
    assert.deepStrictEqual(house.messages(), ["about to call the next", "over to the next"])
    assert.deepStrictEqual([house.looper.runLogs().length, carriers(first.id), codexPids()], [2, [], []])
  })
})
