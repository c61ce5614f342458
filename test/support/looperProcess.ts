/** Runs the real product as a child process in a temporary folder. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { type Answer, type RequestOptions, sendRequest } from "./httpClient.ts"
import { textFrom } from "./logs.ts"
import { carriers, killHard, procStat, sizeOf, until, withEnvironment } from "./processes.ts"

/** The checkout. */
export const checkout = resolve(import.meta.dirname, "../..")

const startDeadlineMillis = 30_000
const stopDeadlineMillis = 15_000

/** Names the temporary folder in the environment of all that Looper starts, also where a run's marker is dropped. */
const folderVariable = "TEST_FOLDER"

export interface LooperOptions {
  /** Over the defaults; an undefined value unsets. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** `npm` starts `npm start` as leader of its own group. */
  readonly command?: "node" | "npm"
  /** Words before node's command line; they end in executing it. */
  readonly wrapper?: ReadonlyArray<string>
  /** A descriptor instead of the pipe that is read here; that Looper listens is then read in the server log. */
  readonly stdout?: number
  /** The folder whose `looper.js` is started, instead of this checkout's `src/main.ts`. */
  readonly installed?: string
  /** Takes over the folders of an earlier one. */
  readonly reuse?: LooperProcess
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Looper ended, or said nothing of listening, before its deadline. */
export class LooperDidNotStart extends Error {
  readonly output: string
  readonly exit: Exit | undefined
  constructor(output: string, exit: Exit | undefined) {
    super(`Looper did not start (${exit === undefined ? "deadline" : JSON.stringify(exit)}); it printed:\n${output}`)
    this.output = output
    this.exit = exit
  }
}

interface Folders {
  readonly folder: string
  readonly logDir: string
  readonly serverLogPath: string
  readonly workspace: string
  readonly codexPath: string
}

export interface LooperProcess extends Folders, AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Looper's own pid, also under npm. */
  readonly pid: number
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  /** Both streams so far. */
  output(): string
  serverLog(): string
  /** Paths of the run logs, sorted. */
  runLogs(): ReadonlyArray<string>
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** `POST /run` with a prompt and the message `m`, or with a body of its own. */
  run(promptOrBody: string | Readonly<Record<string, unknown>>): Promise<Answer>
  /** To the child: npm's pid under npm. */
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL after 15 s. */
  stop(): Promise<Exit>
}

/** Starts Looper and waits until it says that it listens. */
export const startLooper = async (options: LooperOptions = {}): Promise<LooperProcess> => {
  const folders = options.reuse ?? makeFolders()
  const viaNpm = options.command === "npm"
  const { installed } = options
  const main = installed === undefined ? join(checkout, "src/main.ts") : join(installed, "looper.js")
  const node = [...(options.wrapper ?? []), process.execPath, main, "serve"]
  const [program = "", ...words] = viaNpm ? ["npm", "start"] : node
  const logged = sizeOf(folders.serverLogPath)
  const child = spawn(program, words, {
    cwd: checkout,
    detached: viaNpm,
    env: environmentOf(folders, options.env ?? {}),
    stdio: ["ignore", options.stdout ?? "pipe", "pipe"]
  })
  const exited = exitOf(child)
  const output = collect(child)
  const listening = await Promise.race([
    options.stdout === undefined ? output.listening : listeningIn(folders.serverLogPath, logged),
    exited.then((exit) => new LooperDidNotStart(output.text(), exit)),
    delay(startDeadlineMillis, undefined, { ref: false }).then(() => new LooperDidNotStart(output.text(), undefined))
  ])
  if (listening instanceof Error) {
    if (child.pid !== undefined && listening.exit === undefined)
      process.kill(viaNpm ? -child.pid : child.pid, "SIGKILL")
    if (options.reuse === undefined) await removeAll(folders)
    throw listening
  }
  const { url, pid } = listening
  const startTime = procStat(pid)?.startTime
  const request = (method: string, path: string, requestOptions: RequestOptions = {}) =>
    sendRequest(url, method, path, requestOptions)
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM")
    const forced = setTimeout(() => killHard(pid), stopDeadlineMillis)
    const exit = await exited
    clearTimeout(forced)
    if (procStat(pid)?.startTime === startTime) killHard(pid)
    return exit
  }
  return {
    folder: folders.folder,
    logDir: folders.logDir,
    serverLogPath: folders.serverLogPath,
    workspace: folders.workspace,
    codexPath: folders.codexPath,
    url,
    port: Number(new URL(url).port),
    pid,
    child,
    exited,
    output: output.text,
    serverLog: () => readFileSync(folders.serverLogPath, "utf8"),
    runLogs: () => runLogsIn(folders.logDir),
    request,
    run: (promptOrBody) =>
      request("POST", "/run", {
        body: typeof promptOrBody === "string" ? { zulip_message: "m", codex_prompt: promptOrBody } : promptOrBody
      }),
    signal: (signal) => void child.kill(signal),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      await removeAll(folders)
    }
  }
}

const makeFolders = (): Folders => {
  const folder = mkdtempSync(join(tmpdir(), "looper-test-"))
  const workspace = join(folder, "workspace")
  for (const name of ["bin", "home", "logs"]) mkdirSync(join(folder, name))
  execFileSync("git", ["init", "-q", workspace])
  return {
    folder,
    logDir: join(folder, "logs"),
    serverLogPath: join(folder, "looper-server.log"),
    workspace,
    codexPath: installCodexStandIn(join(folder, "bin"))
  }
}

const environmentOf = (folders: Folders, over: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv => {
  const { PATH, LANG, TMPDIR } = process.env
  const all: Record<string, string | undefined> = {
    PATH,
    LANG,
    TMPDIR,
    HOME: join(folders.folder, "home"),
    [folderVariable]: folders.folder,
    LOOPER_HOST: "127.0.0.1",
    LOOPER_PORT: "0",
    LOOPER_NOTIFIER: "log",
    LOOPER_AUTO_START_WHEN_IDLE: "0",
    LOOPER_SERVER_LOG_PATH: folders.serverLogPath,
    LOOPER_DEFAULT_WORKSPACE: folders.workspace,
    CODEX_EXEC_LOG_DIR: folders.logDir,
    CODEX_EXEC_KILL_SCOPE: "own",
    CODEX_EXEC_BINARY: folders.codexPath,
    CODEX_EXEC_DELAY_SECONDS: "0",
    CODEX_EXEC_STARTUP_CHECK_SECONDS: "0",
    ...over
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** The exit, once the streams are read to their end, or a second later where something else holds them open. */
const exitOf = async (child: ChildProcess): Promise<Exit> => {
  const closed = once(child, "close")
  const [code, signal] = await once(child, "exit")
  await Promise.race([closed, delay(1_000, undefined, { ref: false })])
  return { code, signal }
}

const collect = (child: ChildProcess) => {
  let text = ""
  const { promise: listening, resolve: found } = Promise.withResolvers<{ url: string; pid: number }>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
      const listens = parseListening(text)
      if (listens !== undefined) found(listens)
    })
  }
  return { listening, text: () => text }
}

const parseListening = (text: string): { url: string; pid: number } | undefined => {
  const match =
    /server\.listening .*?url="?([^\s"]+)"? .*?pid=(\d+).*\n/.exec(text) ??
    /"event":"(?:server\.)?listening","url":"([^"]+)",.*?"pid":(\d+).*\n/.exec(text)
  return match === null ? undefined : { url: match[1] ?? "", pid: Number(match[2]) }
}

/** Reads a server log from a byte on. */
const listeningIn = (serverLogPath: string, offset: number) =>
  until(
    () => sizeOf(serverLogPath) > offset && parseListening(textFrom(serverLogPath, offset)),
    "the server log says that Looper listens",
    startDeadlineMillis
  )

const runLogsIn = (logDir: string): ReadonlyArray<string> =>
  readdirSync(logDir)
    .filter((name) => /^codex-exec-.*\.log$/.test(name))
    .toSorted()
    .map((name) => join(logDir, name))

/** Ends whatever this folder's runs left, then removes the folder. */
const removeAll = async (folders: Folders): Promise<void> => {
  if (!existsSync(folders.logDir)) return
  const runIds = runLogsIn(folders.logDir).map((path) => /-([^-]+)\.log$/.exec(path)?.[1] ?? "")
  const survivors = () => [
    ...runIds.flatMap((runId) => carriers(runId)),
    ...withEnvironment(folderVariable, folders.folder)
  ]
  await until(() => {
    const left = survivors()
    for (const pid of left) killHard(pid)
    return left.length === 0
  }, "the processes of the test's folder are gone")
  rmSync(folders.folder, { recursive: true, force: true })
}
