/**
 * Looper's main job on this machine in half a minute: a stubborn run with children is replaced by a fresh one.
 *
 * Real Looper, real processes, a stand-in for codex, a temporary workspace; nothing is sent and nothing stays behind.
 */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { readArgv, readMarker, readPids, readStat } from "../src/services/processes/procfs.ts"
import { codexScript, installCodexStandIn } from "../src/testing/CodexStandIn.ts"

const checkout = resolve(import.meta.dirname, "..")
const folder = mkdtempSync(join(tmpdir(), "looper-demo-"))
const workspace = join(folder, "workspace")
const logDir = join(folder, "logs")
mkdirSync(workspace)

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const title = (text: string): void => say(`\n== ${text}`)

/** Of the caller's own Looper the demo takes nothing over. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(LOOPER|ZULIP|CODEX_EXEC)_/.test(name))
)
const token = randomUUID()
const looper = spawn(process.execPath, [join(checkout, "src/main.ts"), "serve"], {
  stdio: ["ignore", "pipe", "inherit"],
  env: {
    ...environment,
    LOOPER_API_TOKEN: token,
    LOOPER_HOST: "127.0.0.1",
    LOOPER_PORT: "0",
    LOOPER_NOTIFIER: "log",
    LOOPER_AUTO_START_WHEN_IDLE: "0",
    LOOPER_DEFAULT_WORKSPACE: workspace,
    LOOPER_SERVER_LOG_PATH: join(folder, "looper-server.log"),
    CODEX_EXEC_BINARY: installCodexStandIn(folder),
    CODEX_EXEC_KILL_SCOPE: "own",
    CODEX_EXEC_LOG_DIR: logDir
  }
})
const exited = once(looper, "exit")
// Ctrl-C reaches Looper too: it ends, the demo's next request fails, and the folder is removed.
process.on("SIGINT", () => undefined)

const listening = async (): Promise<string> => {
  for await (const line of createInterface({ input: looper.stdout })) {
    const url = /server\.listening url=(\S+)/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error("Looper did not start")
}

const run = async (url: string, message: string, prompt: string): Promise<void> => {
  const response = await fetch(`${url}/run`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ zulip_message: message, codex_prompt: prompt })
  })
  say(`${response.status} ${await response.text()}`)
}

const runIds = (): ReadonlyArray<string> =>
  readdirSync(logDir).flatMap((name) => /-([0-9a-f]{8})\.log$/.exec(name)?.[1] ?? [])

/** Every living process that carries the marker of one of the demo's runs. */
const processes = (): ReadonlyArray<number> => {
  const ids = new Set(runIds())
  return readPids().filter((pid) => ids.has(readMarker(pid) ?? "") && readStat(pid)?.state !== "Z")
}

const showProcesses = (): void => {
  for (const pid of processes()) {
    const stat = readStat(pid)
    const words = readArgv(pid).join(" ").replaceAll(/\s+/g, " ")
    const text = words.length > 90 ? `${words.slice(0, 90)}…` : words
    say(`  pid ${pid}  session ${stat?.sessionId}  run ${readMarker(pid)}  ${text}`)
  }
}

const stubborn = codexScript([
  { ignore: ["SIGTERM", "SIGINT"] },
  { child: { kind: "session", ignoresTerm: true } },
  { child: { kind: "daemon", ignoresTerm: true } },
  { print: "I ignore SIGTERM, and so do my children.\n" },
  { hang: true }
])
const fresh = codexScript([{ print: "A fresh run.\n" }, { hang: true }])

const main = async (): Promise<void> => {
  const url = await listening()
  title("A first run: it ignores SIGTERM and has a child in its own session and a daemon")
  await run(url, "The old run starts.", stubborn)
  title("Its processes")
  showProcesses()
  title("POST /run announces, stops all of that (it takes the grace of 5 s), and starts a fresh run")
  await run(url, "The old run is replaced.", fresh)
  title("The processes now")
  showProcesses()
  title("The old run's log ends in its true return code: 137, killed by signal 9")
  const [oldLog = ""] = readdirSync(logDir)
    .filter((name) => name.endsWith(".log"))
    .toSorted()
  say(readFileSync(join(logDir, oldLog), "utf8"))
}

const endLooper = async (): Promise<unknown> => {
  if (looper.exitCode === null && looper.signalCode === null) looper.kill("SIGTERM")
  const [code] = await exited
  return code
}

try {
  await main()
} finally {
  const code = await endLooper()
  const left = processes()
  title(`Looper's own log`)
  say(readFileSync(join(folder, "looper-server.log"), "utf8"))
  rmSync(folder, { recursive: true, force: true })
  title(`Looper ended with ${code}; ${left.length} processes are left, the folder is removed`)
  process.exitCode = code === 0 && left.length === 0 ? process.exitCode : 1
}
