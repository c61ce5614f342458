/** One folder of the crash matrix: its Loopers, one after another, and what they and their runs left behind. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  rmSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Arming, Fault, Hit } from "../support/faultPreload.ts"
import { type Answer, type RequestOptions, sendRequest } from "../support/httpClient.ts"
import { textFrom } from "../support/logs.ts"
import { isAlive, killHard, sizeOf, until, withEnvironment } from "../support/processes.ts"
import { type RunMember, runMembers } from "../support/runMembers.ts"

const checkout = resolve(import.meta.dirname, "../..")
export const deadlineMillis = 40_000

export interface RunningLooper {
  readonly pid: number
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  url: string
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "looper-crash-"))
  readonly logDir = join(this.folder, "logs")
  readonly copies = join(this.folder, "copies")
  readonly serverLogPath = join(this.folder, "looper-server.log")
  readonly databasePath = join(this.logDir, "looper.db")
  /** Cases that went through it. */
  cases = 0
  /** What the faults did to which run. */
  readonly hits: Array<Hit> = []
  /** Why a run of the present case may have been stopped, and of each case before it. */
  causes: ReadonlyArray<string> = []
  readonly causesOf = new Map<string, ReadonlyArray<string>>()
  looper: RunningLooper | undefined
  private readonly tracePath = join(this.folder, "trace")
  private readonly outputPath = join(this.folder, "output")
  private readonly env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>>) {
    this.env = env
    for (const name of ["bin", "home", "logs", "copies", "workspace"])
      mkdirSync(join(this.folder, name), { mode: 0o700 })
    copyFileSync(join(import.meta.dirname, "codex.sh"), join(this.folder, "bin/codex"))
  }

  /** Another one for each case. */
  get key(): string {
    return `case-${this.cases}`
  }

  /** Is this the log of a run with that word in its prompt, and did its codex start? */
  hasRun(logName: string, word: string): boolean {
    const runId = /-([^-]*)\.log$/.exec(logName)?.[1] ?? ""
    const [, , command = ""] = readFileSync(join(this.logDir, logName), "latin1").split("\n", 3)
    return command.endsWith(` ${word}'`) && existsSync(join(this.copies, runId))
  }

  /** Starts a Looper, armed or not, and waits until it listens; false where it ended before. */
  async start(arming?: Arming): Promise<boolean> {
    const output = openSync(this.outputPath, "a", 0o600)
    const preload = join(checkout, "test/support/faultPreload.ts")
    const child = spawn(process.execPath, ["--import", preload, join(checkout, "src/main.ts"), "serve"], {
      cwd: checkout,
      env: { ...this.environment(), ...(arming !== undefined && { CRASH_ARM: JSON.stringify(arming) }) },
      stdio: ["ignore", output, output, "ipc"]
    })
    closeSync(output)
    child.on("error", () => {})
    const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }))
    const looper = { pid: child.pid ?? 0, child, exited, url: "" }
    this.looper = looper
    const url = await until(() => this.isGone() || this.listening(looper.pid), "Looper listens", deadlineMillis)
    if (typeof url !== "string") return false
    looper.url = url
    return true
  }

  /** Arms the Looper that runs, or makes a fault happen now; undefined disarms. */
  async arm(order: Arming | Fault | undefined): Promise<void> {
    const { child } = this.looper ?? {}
    if (child === undefined || !child.connected || this.isGone()) return
    const armed = once(child, "message")
    child.send(order ?? {}, () => {})
    await Promise.race([armed, this.looper?.exited]).catch(() => {})
  }

  isGone(): boolean {
    const { child } = this.looper ?? {}
    return child === undefined || child.exitCode !== null || child.signalCode !== null
  }

  /** Ends Looper by SIGKILL. */
  async crash(): Promise<void> {
    if (this.looper === undefined) return
    killHard(this.looper.pid)
    await this.looper.exited
  }

  request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return sendRequest(this.looper?.url ?? "", method, path, options)
  }

  /** A request that Looper may not survive. */
  async ask(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer | undefined> {
    try {
      return await this.request("POST", path, { body, headers })
    } catch {
      return undefined
    }
  }

  /** Starts an own run and waits for its first lines in the server log. */
  async startRun(prompt: string): Promise<string> {
    const offset = sizeOf(this.serverLogPath)
    const answer = await this.request("POST", "/run", { body: { zulip_message: "m", codex_prompt: prompt } })
    const runId = String(answer.body?.request_id)
    if (answer.status !== 200) throw new Error(`a run was refused: ${answer.text}`)
    const records = () => textFrom(this.serverLogPath, offset)
    await until(() => records().includes(`\n${runId} `), `${runId} is mirrored`, deadlineMillis)
    return runId
  }

  serverLog(): string {
    return existsSync(this.serverLogPath) ? readFileSync(this.serverLogPath, "utf8") : ""
  }

  /** What Looper printed last. */
  output(): string {
    return existsSync(this.outputPath) ? readFileSync(this.outputPath, "utf8").slice(-2_000) : ""
  }

  get traceSize(): number {
    return sizeOf(this.tracePath)
  }

  /** The side effects since then, and what faults did. */
  traceFrom(offset: number): { readonly points: ReadonlyArray<string>; readonly hits: ReadonlyArray<Hit> } {
    if (this.traceSize <= offset) return { points: [], hits: [] }
    const lines = textFrom(this.tracePath, offset).split("\n").slice(0, -1)
    return {
      points: lines.filter((line) => !line.startsWith("!")),
      hits: lines.filter((line) => line.startsWith("!")).map((line) => JSON.parse(line.slice(1)) as Hit)
    }
  }

  /** The names of the files beside the run logs. */
  logFiles(pattern = /./): ReadonlyArray<string> {
    return readdirSync(this.logDir)
      .filter((name) => pattern.test(name))
      .toSorted()
  }

  /** Living processes of its runs. */
  members(): ReadonlyArray<RunMember> {
    return runMembers().filter(({ folder }) => folder === this.folder)
  }

  /** Living processes of this folder: Looper and all that its runs started. */
  processes(): ReadonlyArray<number> {
    return withEnvironment("TEST_FOLDER", this.folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash()
    await until(() => {
      const left = this.processes()
      for (const pid of left) killHard(pid)
      return left.length === 0
    }, "the processes of the folder are gone")
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  private listening(pid: number): string | undefined {
    const holder = join(this.logDir, "looper.holder")
    if (!existsSync(holder)) return undefined
    const [, owner, url] = /^pid (\d+), (\S+)\n/.exec(readFileSync(holder, "utf8")) ?? []
    return Number(owner) === pid && isAlive(pid) ? url : undefined
  }

  private environment(): NodeJS.ProcessEnv {
    const { PATH, LANG, TMPDIR } = process.env
    return {
      PATH,
      LANG,
      TMPDIR,
      HOME: join(this.folder, "home"),
      TEST_FOLDER: this.folder,
      CRASH_COPIES: this.copies,
      CRASH_TRACE: this.tracePath,
      LOOPER_HOST: "127.0.0.1",
      LOOPER_PORT: "0",
      LOOPER_AUTO_START_WHEN_IDLE: "0",
      LOOPER_SERVER_LOG_PATH: this.serverLogPath,
      LOOPER_DEFAULT_WORKSPACE: join(this.folder, "workspace"),
      LOOPER_MIN_FREE_BYTES: "0",
      CODEX_EXEC_LOG_DIR: this.logDir,
      CODEX_EXEC_KILL_SCOPE: "own",
      CODEX_EXEC_BINARY: join(this.folder, "bin/codex"),
      CODEX_EXEC_DELAY_SECONDS: "0",
      CODEX_EXEC_STARTUP_CHECK_SECONDS: "0",
      ...this.env
    }
  }
}
