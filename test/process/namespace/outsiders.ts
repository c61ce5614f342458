/** Processes that nobody but the test starts, and Loopers below other programs, in a pid namespace of the tests' own. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { installCodexStandIn } from "../../../src/testing/CodexStandIn.ts"
import { checkout, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, killHard, procStat, until, withEnvironment } from "../../support/processes.ts"

const namespaceVariable = "LOOPER_TEST_PID_NAMESPACE"

/** Throws where a Looper that kills every `codex exec` would see more processes than these tests'. */
export const requireOwnNamespace = (): void => {
  const isFirstOurs = withEnvironment(namespaceVariable, "1").includes(1)
  if (process.env[namespaceVariable] === "1" && isFirstOurs) return
  throw new Error("these tests kill every codex exec they see: run them by scripts/in-pid-namespace.sh")
}

/** How a process is started. */
export interface Outsider {
  readonly program: string
  readonly args?: ReadonlyArray<string>
  /** What the process list shows in the program's place. */
  readonly name?: string
  readonly cwd?: string
}

export interface StartedOutsider {
  readonly pid: number
  readonly argv: ReadonlyArray<string>
  /** Whether the same process still runs. */
  lives(): boolean
}

/** Names the folder in the environment of all that is started through it. */
const outsiderVariable = "TEST_OUTSIDERS"

/** Forks nothing: a forked shell shows its parent's argv for a moment. */
const hangingScript = "#!/bin/sh\nread -r line\n"

/** A folder of programs that hang whatever their arguments are, and the processes started through it. */
export class Outsiders implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "looper-outsiders-"))
  /** A shell script. */
  readonly codex: string
  /** The stand-in, run by Node. */
  readonly standIn: string

  constructor() {
    for (const name of ["bin", "stand-in"]) mkdirSync(join(this.folder, name))
    this.codex = this.script("bin/codex")
    this.standIn = installCodexStandIn(join(this.folder, "stand-in"))
  }

  /** Writes a script that hangs, and returns its path. */
  script(name: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, hangingScript, { mode: 0o755 })
    return path
  }

  /** Starts it with a silent stdin and these variables in its environment. */
  async start(outsider: Outsider, variables: Readonly<Record<string, string>> = {}): Promise<StartedOutsider> {
    const { program, args = [], name = program, cwd = this.folder } = outsider
    const child = spawn(program, args, {
      argv0: name,
      cwd,
      detached: true,
      env: { PATH: process.env.PATH, HOME: this.folder, ...variables, [outsiderVariable]: this.folder },
      stdio: ["pipe", "ignore", "inherit"]
    })
    const { promise: failed, reject } = Promise.withResolvers<never>()
    child.once("error", reject)
    const startTime = await Promise.race([until(() => procStat(child.pid ?? 0)?.startTime, `${program} runs`), failed])
    const pid = child.pid ?? 0
    const lives = () => isAlive(pid) && procStat(pid)?.startTime === startTime
    return { pid, argv: [name, ...args], lives }
  }

  startAll(
    outsiders: ReadonlyArray<Outsider>,
    variables?: Readonly<Record<string, string>>
  ): Promise<ReadonlyArray<StartedOutsider>> {
    return Promise.all(outsiders.map((outsider) => this.start(outsider, variables)))
  }

  [Symbol.dispose](): void {
    for (const pid of withEnvironment(outsiderVariable, this.folder)) killHard(pid)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Starts Looper by a bash command in which `"$@"` is Looper's own command line. */
export const startLooperBy = async (
  command: string,
  options: { readonly folder: string; readonly env?: Readonly<Record<string, string>> }
): Promise<LooperProcess> => {
  const bin = join(options.folder, "launcher")
  mkdirSync(bin)
  const looper = `'${process.execPath}' '${join(checkout, "src/main.ts")}' serve`
  // Stands in for npm, the one other program that the test kit starts Looper with.
  writeFileSync(join(bin, "npm"), `#!/bin/bash\nset -- ${looper}\n${command}\n`, { mode: 0o755 })
  return startLooper({ command: "npm", env: { ...options.env, PATH: `${bin}:${process.env.PATH}` } })
}
