/** Starts a server, Looper or a limit, and waits until it says that it listens. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { killHard } from "../../test/support/processes.ts"

export interface ProgramOptions {
  /** Program first. */
  readonly command: ReadonlyArray<string>
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** What the program printed so far says where it listens. */
  readonly urlIn?: (output: string) => string | undefined
}

export interface Program extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** `performance.now()` right before it was started. */
  readonly startedAt: number
  /** SIGTERM, SIGKILL after 15 s. */
  stop(): Promise<void>
}

const startDeadlineMillis = 60_000
const stopDeadlineMillis = 15_000

/** A limit prints `listening url=…`, Looper `server.listening url=…`. */
const listeningUrl = (output: string): string | undefined => /listening url="?(http:[^\s"]+)/.exec(output)?.[1]

/** Its output goes into a file, as that of a service does: reading it costs neither side anything. */
export const startProgram = async (options: ProgramOptions): Promise<Program> => {
  const folder = mkdtempSync(join(tmpdir(), "looper-bench-output-"))
  const output = join(folder, "output")
  const fd = openSync(output, "a", 0o600)
  const { command, urlIn = listeningUrl } = options
  const startedAt = performance.now()
  const child = spawn(command[0] ?? "", command.slice(1), {
    stdio: ["ignore", fd, fd],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env })
  })
  closeSync(fd)
  const exited = once(child, "exit")
  exited.catch(() => undefined)
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM")
    const forced = setTimeout(() => killHard(child.pid ?? 0), stopDeadlineMillis)
    await exited
    clearTimeout(forced)
    rmSync(folder, { recursive: true, force: true })
  }
  for (;;) {
    const url = urlIn(readFileSync(output, "utf8"))
    if (url !== undefined) return { url, pid: child.pid ?? 0, startedAt, stop, [Symbol.asyncDispose]: stop }
    const hasEnded = child.pid === undefined || child.exitCode !== null || child.signalCode !== null
    if (hasEnded || performance.now() > startedAt + startDeadlineMillis) {
      const text = readFileSync(output, "utf8")
      if (child.pid !== undefined) await stop()
      throw new Error(`${command.join(" ")} did not say where it listens; it printed:\n${text}`)
    }
    await delay(1)
  }
}
