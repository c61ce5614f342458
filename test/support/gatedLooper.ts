/** Makes Looper wait before one of its file operations, and fail when told to, by a module loaded before it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "./processes.ts"

/** `statfs` is the last of the preflight; `appendFile` of a run's identity comes between a supervisor's start and codex'. */
export type Operation = "statfs" | "appendFile"

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
import fs from "node:fs/promises"
import { existsSync, watch, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
const file = (name) => ${JSON.stringify(folder)} + "/" + name
const isIdentity = (path, text) => String(path).endsWith(".state") && String(text).startsWith("{")
const gate = (name, isMeant) => {
  const operation = fs[name]
  fs[name] = async (path, ...rest) => {
    if (isMeant(path, ...rest) && existsSync(file("shut-" + name))) {
      writeFileSync(file("reached"), "")
      while (!existsSync(file("open"))) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return operation(path, ...rest)
  }
}
if (/src.main.ts$/.test(process.argv[1])) {
  gate("statfs", () => true)
  gate("appendFile", isIdentity)
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
