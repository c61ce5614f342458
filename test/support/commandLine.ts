/** Runs `looper` as from a shell, in pipes. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { checkout, type LooperProcess } from "./looperProcess.ts"

export interface CommandOptions {
  /** The Looper that is called. */
  readonly looper?: Pick<LooperProcess, "url" | "folder">
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdin?: string
  readonly cwd?: string
}

export interface CommandEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a user's shell whose Looper is `looper`. */
export const commandEnvironment = ({ looper, env }: CommandOptions): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: looper?.folder ?? "/nonexistent",
  TMPDIR: process.env.TMPDIR,
  ...(looper !== undefined && { LOOPER_URL: looper.url }),
  ...env
})

/** Starts a command. */
export const startCommand = (args: ReadonlyArray<string>, options: CommandOptions = {}): ChildProcess =>
  spawn(process.execPath, [join(checkout, "looper.js"), ...args], {
    cwd: options.cwd,
    env: commandEnvironment(options),
    stdio: ["pipe", "pipe", "pipe"]
  })

/** Waits for a command's end. */
export const commandEnd = async (child: ChildProcess): Promise<CommandEnd> => {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    child.stdout?.toArray() ?? [],
    child.stderr?.toArray() ?? [],
    once(child, "close")
  ])
  return { code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
}

/** Runs a command to its end. */
export const command = async (args: ReadonlyArray<string>, options: CommandOptions = {}): Promise<CommandEnd> => {
  const child = startCommand(args, options)
  child.stdin?.on("error", () => undefined).end(options.stdin ?? "")
  return await commandEnd(child)
}
