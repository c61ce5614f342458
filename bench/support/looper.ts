/** The Looper that is measured, started as its users start it. */
import { join, resolve } from "node:path"
import { until } from "../../test/support/processes.ts"
import { type Client, clientOf } from "./client.ts"
import { freePort } from "./freePort.ts"
import type { House } from "./house.ts"
import { type Program, startProgram } from "./program.ts"

/** The checkout. */
export const checkout = resolve(import.meta.dirname, "../..")

export interface Looper extends Program {
  readonly client: Client
  /** `POST /run` with the message `m` and without delays; gives codex' pid, the run's id, its log and the time. */
  run(prompt: string): Promise<Started>
  /** Waits until no run lives as far as Looper knows. */
  settled(): Promise<void>
}

const startDeadlineMillis = 30_000

export interface Started {
  readonly millis: number
  readonly pid: number
  readonly requestId: string
  readonly logPath: string
}

/**
 * Words of a command line; `node` is the Node that runs this, a word that names a file of the checkout its path.
 *
 * **Details** So `node looper.js` is right from any working directory.
 */
export const commandOf = (words: string): ReadonlyArray<string> =>
  words
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      if (word === "node") return process.execPath
      return /\.[cm]?[jt]s$/.test(word) ? resolve(checkout, word) : word
    })

/** The environment of Looper and of its command line: of the caller's own Looper nothing is taken over. */
export const looperEnvironment = (house: House): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  LANG: process.env.LANG,
  TMPDIR: process.env.TMPDIR,
  HOME: join(house.folder, "home"),
  LOOPER_HOST: "127.0.0.1",
  LOOPER_AUTO_START_WHEN_IDLE: "0",
  LOOPER_SERVER_LOG_PATH: house.serverLogPath,
  LOOPER_DEFAULT_WORKSPACE: house.workspace,
  LOOPER_DEFAULT_PROMPT: "end",
  CODEX_EXEC_LOG_DIR: house.logDir,
  CODEX_EXEC_BINARY: house.codexPath,
  CODEX_EXEC_DELAY_SECONDS: "0",
  CODEX_EXEC_STARTUP_CHECK_SECONDS: "0",
  ...house.zulip.env
})

/** Starts `<command> serve` in the checkout. */
export const startLooper = async (options: {
  readonly command: ReadonlyArray<string>
  readonly house: House
  /** It writes what is at least this. */
  readonly logLevel?: "WARNING"
}): Promise<Looper> => {
  const { command, house, logLevel } = options
  // That it listens is below this level.
  const port = logLevel === undefined ? 0 : await freePort()
  const program = await startProgram({
    command: [...command, "serve"],
    cwd: checkout,
    env: { ...looperEnvironment(house), LOOPER_PORT: String(port), LOOPER_LOG_LEVEL: logLevel },
    ...(port !== 0 && { urlIn: () => `http://127.0.0.1:${port}` })
  })
  const client = clientOf(program.url)
  if (port !== 0) await until(() => isUp(client), "Looper answers", startDeadlineMillis)
  const stop = async () => {
    client[Symbol.dispose]()
    await program.stop()
  }
  return {
    ...program,
    client,
    run: async (prompt) => {
      const { text, millis } = await client.post("/run", { zulip_message: "m", codex_prompt: prompt })
      const { pid, request_id: requestId, log_path: logPath } = startedIn(text)
      return { millis, pid, requestId, logPath }
    },
    settled: async () => {
      await until(() => isIdle(client), "no run lives")
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}

const isUp = (client: Client): Promise<boolean> =>
  client.get("/health").then(
    () => true,
    () => false
  )

const isIdle = async (client: Client): Promise<boolean> =>
  (JSON.parse((await client.get("/status")).text) as { readonly run: unknown }).run === null

const startedIn = (text: string) => {
  const { codex_exec_result: result } = JSON.parse(text) as {
    readonly codex_exec_result: { readonly pid: number; readonly request_id: string; readonly log_path: string } | null
  }
  if (result === null) throw new Error(`no run was started: ${text}`)
  return result
}
