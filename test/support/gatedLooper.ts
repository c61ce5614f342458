/** Makes Looper wait in the middle of a step, and fail when told to, by a module loaded before it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "./processes.ts"

/** `stat` of the workspace is the preflight's; `spawn`: a supervisor is started, and what it says is not heard yet. */
export type Operation = "stat" | "spawn"

export type Failure = "an exception" | "a rejection"

export interface LooperGate extends Disposable {
  /** Loads the module into Looper, and into no other Node process. */
  readonly env: Readonly<Record<string, string>>
  /** From now on the operation waits. */
  shut(operation: Operation): void
  /** Waits until Looper waits. */
  isReached(): Promise<void>
  open(): void
  /** A failure that nobody catches happens in Looper, soon. */
  fail(failure: Failure): void
}

const program = (folder: string) => `
import childProcess from "node:child_process"
import fs from "node:fs/promises"
import { existsSync, watch, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
const file = (name) => ${JSON.stringify(folder)} + "/" + name
const wait = async () => {
  writeFileSync(file("reached"), "")
  while (!existsSync(file("open"))) await new Promise((resolve) => setTimeout(resolve, 5))
}
const gateStat = () => {
  const { stat } = fs
  fs.stat = async (path, ...rest) => {
    if (!String(path).endsWith(".log") && existsSync(file("shut-stat"))) await wait()
    return stat(path, ...rest)
  }
}
const gateSpawn = () => {
  const { spawn } = childProcess
  childProcess.spawn = (...given) => {
    const child = spawn(...given)
    const channel = child.stdio?.[3]
    if (!channel || !existsSync(file("shut-spawn"))) return child
    const emit = channel.emit.bind(channel)
    channel.emit = (event, ...rest) => {
      if (event !== "data") return emit(event, ...rest)
      void wait().then(() => emit(event, ...rest))
      return true
    }
    return child
  }
}
if (/src.main.ts$/.test(process.argv[1])) {
  gateStat()
  gateSpawn()
  syncBuiltinESMExports()
  watch(file("."), (_, name) => {
    if (name === "an exception") setImmediate(() => { throw new Error("out of the blue") })
    if (name === "a rejection") setImmediate(() => void Promise.reject(new Error("out of the blue")))
  }).unref()
}
`

export const makeLooperGate = (): LooperGate => {
  const folder = mkdtempSync(join(tmpdir(), "looper-gate-"))
  const write = (name: string, text = "") => writeFileSync(join(folder, name), text)
  const module = join(folder, "gate.mjs")
  write("gate.mjs", program(folder))
  return {
    env: { NODE_OPTIONS: `--import=${module}` },
    shut: (operation) => write(`shut-${operation}`),
    isReached: async () => void (await until(() => existsSync(join(folder, "reached")), "Looper waits")),
    open: () => write("open"),
    fail: (failure) => write(failure),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true })
  }
}
