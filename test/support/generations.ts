/** A codex whose runs ask for their own successors: a run with the prompt `generation 3` asks for `generation 4`. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { isAlive, until } from "./processes.ts"

export interface GenerationOptions {
  /** It asks for no other. */
  readonly last: number
  /** Every run waits for {@link Generations.proceed} before it asks for the next. */
  readonly isGated?: boolean
  /** Every run and its child ignore SIGTERM. */
  readonly isStubborn?: boolean
  /** Further fields of every request for the next. */
  readonly fields?: Readonly<Record<string, unknown>>
}

export interface Generations extends Disposable {
  /** Makes Looper start this codex. */
  readonly env: Readonly<Record<string, string>>
  /** Waits until the generation and its child are up. */
  isUp(number: number): Promise<void>
  /** Lets the generation ask for the next. */
  proceed(number: number): void
  /** Grows while the child of that generation lives. */
  heart(number: number): string
  /** The pids of all generations so far, in the order of their starts. */
  pids(): ReadonlyArray<number>
  /** What requests for a next generation were answered, one JSON text each. */
  answers(): ReadonlyArray<string>
  /** The most of them that were ever seen alive together. */
  mostAlive(): number
}

/** The program: it turns its prompt into steps and hands them to the stand-in. */
const program = (codex: string, folder: string, options: GenerationOptions) => `#!${process.execPath}
const options = ${JSON.stringify({ folder, ...options })}
const number = Number(/^generation (\\d+)$/.exec(process.argv.at(-1))?.[1])
const file = (name) => options.folder + "/" + name
const next = "generation " + (number + 1)
const body = { zulip_message: next, codex_prompt: next, ...options.fields }
const steps = [
  ...(options.isStubborn ? [{ ignore: ["SIGTERM", "SIGINT", "SIGHUP"] }] : []),
  { appendPid: file("pids") },
  { print: "generation " + number + "\\n" },
  { child: { kind: "session", heartbeat: file("heart-" + number), ignoresTerm: options.isStubborn } },
  { writeFile: { path: file("up-" + number), text: "" } },
  ...(options.isGated ? [{ waitForFile: file("proceed-" + number) }] : []),
  ...(number < options.last ? [{ post: { path: "/run", body, viaChild: true, answerTo: file("answers") } }] : []),
  { hang: true }
]
if (number > 0) process.argv[process.argv.length - 1] = JSON.stringify(steps)
process.getBuiltinModule("module").createRequire("/")(${JSON.stringify(codex)})
`

const lookEveryMillis = 10
const upDeadlineMillis = 30_000

export const installGenerations = (options: GenerationOptions): Generations => {
  const folder = mkdtempSync(join(tmpdir(), "looper-generations-"))
  const file = (name: string) => join(folder, name)
  mkdirSync(file("bin"))
  mkdirSync(file("stand-in"))
  const codex = join(folder, "bin/codex")
  writeFileSync(codex, program(installCodexStandIn(file("stand-in")), folder, options), { mode: 0o755 })
  const linesOf = (name: string) =>
    existsSync(file(name)) ? readFileSync(file(name), "utf8").split("\n").slice(0, -1) : []
  const pids = () => linesOf("pids").map(Number)
  let mostAlive = 0
  const timer = setInterval(() => {
    mostAlive = Math.max(mostAlive, pids().filter(isAlive).length)
  }, lookEveryMillis)
  return {
    env: { CODEX_EXEC_BINARY: codex },
    isUp: async (number) =>
      void (await until(() => existsSync(file(`up-${number}`)), `generation ${number} is up`, upDeadlineMillis)),
    proceed: (number) => writeFileSync(file(`proceed-${number}`), ""),
    heart: (number) => file(`heart-${number}`),
    pids,
    answers: () => linesOf("answers"),
    mostAlive: () => mostAlive,
    [Symbol.dispose]: () => {
      clearInterval(timer)
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
