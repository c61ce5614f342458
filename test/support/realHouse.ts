/** Looper as it runs by default, with the real codex, a stand-in for its model and a loopback Zulip; and its runs. */
import { assert } from "@effect/vitest"
import { ManagedRuntime } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import { onTestFailed } from "vitest"
import { ZulipServer, type ZulipServerShape } from "../../src/testing/ZulipServer.ts"
import type { Answer } from "./httpClient.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "./looperProcess.ts"
import { ModelApi, type Rule, writeCodexHome } from "./ModelApi.ts"
import { allPids, argvOf, carriers, isAlive, until } from "./processes.ts"
import { cacheFolder, realCodex, requireOwnPidNamespace } from "./realCodex.ts"
import { runOf } from "./residentLooper.ts"

export const deadlineMillis = 30_000
/** Of a hook that may have to fetch codex. */
export const fetchDeadlineMillis = 600_000
/** A tick that can start nothing holds the lock for a moment too. */
const withoutOwnRuns = { LOOPER_AUTO_START_WHEN_IDLE: "0", LOOPER_DEFAULT_WORKSPACE: "/nonexistent/workspace" }

/** Before the first test of a file: codex is there, and may be let loose. */
export const prepareRealCodex = async (): Promise<void> => {
  await requireOwnPidNamespace()
  await realCodex()
}

export interface House extends AsyncDisposable {
  readonly looper: LooperProcess
  readonly model: ModelApi
  readonly zulip: ZulipServerShape
  readonly codex: string
  readonly codexHome: string
  /** `POST /run` in the workspace. */
  run(prompt: string, fields?: Readonly<Record<string, unknown>>): Promise<Answer>
  /** The contents of the messages, oldest first. */
  messages(): ReadonlyArray<string>
}

export interface HouseOptions {
  readonly networkAccess?: boolean
  readonly token?: string
  /** Whether there is a default workspace for Looper's own runs. */
  readonly hasDefaultWorkspace?: boolean
  /** Looper's environment, over all else. */
  readonly env?: LooperOptions["env"]
  /** More of codex' configuration. */
  readonly codexConfig?: string
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

/** A start without waits. */
export const atOnce = { CODEX_EXEC_DELAY_SECONDS: "0", CODEX_EXEC_STARTUP_CHECK_SECONDS: "0" }

/** Makes codex run its tools without its sandbox; a second `--sandbox` would be a usage error. */
export const withoutSandbox = { CODEX_EXEC_EXTRA_ARGS: "--dangerously-bypass-approvals-and-sandbox" }

export const openHouse = async (rules: ReadonlyArray<Rule>, options: HouseOptions = {}): Promise<House> => {
  await using stack = new AsyncDisposableStack()
  const codex = await realCodex()
  const codexHome = mkdtempSync(join(cacheFolder(), "codex-home-"))
  stack.defer(() => rmSync(codexHome, { recursive: true, force: true }))
  const model = stack.use(await ModelApi.start(rules))
  const { networkAccess = false, codexConfig: extra = "" } = options
  await writeCodexHome(codexHome, { baseUrl: model.baseUrl, networkAccess, extra })
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
    ...(options.hasDefaultWorkspace === true ? {} : withoutOwnRuns),
    ...options.env
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
    codex,
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

export interface RealRun {
  readonly id: string
  readonly pid: number
  readonly logPath: string
}

export const startedBy = (answer: Answer): RealRun => {
  assert.strictEqual(answer.status, 200, answer.text)
  const { pid, log_path } = runOf(answer)
  return { id: String(answer.body?.["request_id"]), pid, logPath: log_path }
}

export const textOf = (path: string): string => readFileSync(path, "utf8")
const trailer = (code: number): string => `\n# codex_exec_return_code=${code}\n`

/** Waits until the log has a trailer, and asserts that it is the only one, the last line, and tells this code. */
export const assertEndsIn = async (logPath: string, code: number): Promise<void> => {
  await until(() => textOf(logPath).includes("\n# codex_exec_return_code="), `a trailer in ${logPath}`, deadlineMillis)
  const text = textOf(logPath)
  assert.lengthOf(text.match(/^# codex_exec_return_code=/gm) ?? [], 1, text)
  assert.isTrue(text.endsWith(trailer(code)), text)
}

/** What codex wrote, without header and trailer. */
export const outputIn = (logPath: string): string => {
  const text = textOf(logPath)
  const end = text.lastIndexOf("\n# codex_exec_return_code=")
  return text.slice(text.indexOf("\n\n") + 2, end < 0 ? undefined : end)
}

/** The real codexes that run, a Node launcher of theirs not counted. */
export const codexPids = (): ReadonlyArray<number> =>
  allPids().filter((pid) => {
    const [program = "", ...args] = argvOf(pid)
    return basename(program) === "codex" && (args.includes("exec") || args.includes("e")) && isAlive(pid)
  })

/** Asserts that the run lives and, but for forks of a moment, no other codex does. */
export const assertOnlyRun = async (run: RealRun): Promise<void> => {
  assert.isTrue(isAlive(run.pid), "the run lives")
  const others = () => codexPids().filter((pid) => !carriers(run.id).includes(pid))
  await until(() => others().length === 0, "no other codex lives")
}

/** The targets that a request stopped. */
export const killedBy = ({ body, text }: Answer): ReadonlyArray<number> => {
  const killed = body?.["killed_codex_exec_pids"]
  assert.isArray(killed, text)
  return killed as ReadonlyArray<number>
}
