/** The unit as systemd reads it, and the command lines of deploy/ started and stopped as systemd and docker do. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { codexScript, installCodexStandIn } from "../../../src/testing/CodexStandIn.ts"
import { sendRequest } from "../../support/httpClient.ts"
import { checkout } from "../../support/looperProcess.ts"
import { isPossible } from "../../support/possible.ts"
import { allPids, carriers, killHard, procStat, until } from "../../support/processes.ts"

const execute = promisify(execFile)
const textOf = (path: string): string => readFileSync(join(checkout, path), "utf8")
const unit = textOf("deploy/systemd/looper.service")

/** `systemd-analyze security` gives ten times its score; the unit has 3.3, with leave.conf 3.4. */
const mostExposure = "35"
const startDeadlineMillis = 30_000

const has = (...programs: ReadonlyArray<string>): boolean => {
  const folders = (process.env["PATH"] ?? "").split(":")
  return programs.every((name) => folders.some((folder) => existsSync(join(folder, name))))
}

/** The unit with the checkout as /opt/looper, which `systemd-analyze` looks into. */
const installUnit = (options: { readonly isLeaving: boolean }) => {
  const folder = mkdtempSync(join(tmpdir(), "looper-unit-"))
  const path = join(folder, "looper.service")
  writeFileSync(path, unit.replaceAll("/opt/looper", checkout))
  if (options.isLeaving)
    cpSync(join(checkout, "deploy/systemd/looper.service.d"), join(folder, "looper.service.d"), { recursive: true })
  const analyze = (...words: ReadonlyArray<string>) =>
    execute("systemd-analyze", [...words, path], { env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` } })
  return { analyze, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

describe.runIf(isPossible(has("systemd-analyze"), "systemd-analyze"))("systemd", () => {
  it.each([{ isLeaving: false }, { isLeaving: true }])(
    "finds no fault in the unit, leaving: $isLeaving",
    async (options) => {
      using installed = installUnit(options)
      const { stdout, stderr } = await installed.analyze("--man=no", "verify")
      assert.deepStrictEqual([stdout, stderr], ["", ""])
    }
  )

  it.each([{ isLeaving: false }, { isLeaving: true }])(
    "finds the unit little exposed, leaving: $isLeaving",
    async (options) => {
      using installed = installUnit(options)
      const { stdout } = await installed.analyze(
        "--no-pager",
        "security",
        "--offline=true",
        `--threshold=${mostExposure}`
      )
      assert.match(stdout, /Overall exposure level/)
    }
  )
})

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** Lines `NAME=value` of a file in the form of systemd's `EnvironmentFile=`. */
const variablesOf = (text: string): Record<string, string> =>
  Object.fromEntries(Array.from(text.matchAll(/^([A-Z_]+)=(.*)$/gm), ([, name = "", value = ""]) => [name, value]))

/** A folder for what Looper writes, and the service's settings with paths in it. */
const prepare = async () => {
  const folder = mkdtempSync(join(tmpdir(), "looper-deploy-"))
  for (const name of ["bin", "home", "logs"]) mkdirSync(join(folder, name))
  execFileSync("git", ["init", "-q", join(folder, "workspace")])
  const port = String(await freePort())
  const env: Record<string, string> = {
    ...variablesOf(textOf("deploy/systemd/looper.env")),
    PATH: process.env["PATH"] ?? "",
    HOME: join(folder, "home"),
    LOOPER_HOST: "127.0.0.1",
    LOOPER_PORT: port,
    LOOPER_DEFAULT_WORKSPACE: join(folder, "workspace"),
    LOOPER_SERVER_LOG_PATH: join(folder, "logs/looper-server.log"),
    CODEX_EXEC_LOG_DIR: join(folder, "logs"),
    CODEX_HOME: join(folder, "home"),
    CODEX_EXEC_BINARY: installCodexStandIn(join(folder, "bin")),
    CODEX_EXEC_KILL_SCOPE: "own",
    CODEX_EXEC_DELAY_SECONDS: "0",
    CODEX_EXEC_STARTUP_CHECK_SECONDS: "0"
  }
  return { folder, env, url: `http://127.0.0.1:${port}` }
}

type House = Awaited<ReturnType<typeof prepare>>

/** A run with a stubborn child in its group and a daemon; gives its id once all of them live. */
const startRun = async (house: House): Promise<string> => {
  const ready = join(house.folder, "ready")
  const prompt = codexScript([
    { child: { kind: "group", ignoresTerm: true } },
    { child: { kind: "daemon" } },
    { writeFile: { path: ready, text: "" } },
    { hang: true }
  ])
  const { status, body, text } = await sendRequest(house.url, "POST", "/run", {
    body: { zulip_message: "m", codex_prompt: prompt }
  })
  assert.strictEqual(status, 200, text)
  await until(() => existsSync(ready), "the run is up")
  return String(body?.["request_id"])
}

const runLogOf = (house: House): string => {
  const name = readdirSync(join(house.folder, "logs")).find((file) => /^codex-exec-.*\.log$/.test(file)) ?? ""
  return readFileSync(join(house.folder, "logs", name), "utf8")
}

/** Ends what a failed test left, then removes the folder. */
const removeAll = (house: House, child: ChildProcess, runId: string): void => {
  for (const pid of runId === "" ? [] : carriers(runId)) killHard(pid)
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
  rmSync(house.folder, { recursive: true, force: true })
}

/** The words of a unit's line, quoted ones too, with the checkout as /opt/looper. */
const lineOf = (name: string): ReadonlyArray<string> => {
  const line = new RegExp(`^${name}=(.+)$`, "m").exec(unit)?.[1] ?? ""
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, word = ""]) =>
    (quoted ?? word).replaceAll("/opt/looper", checkout)
  )
}

/** Waits for the start as systemd does, for a Looper with this pid. */
const waitForStart = (house: House, pid: number) => {
  const [wait = "", ...words] = lineOf("ExecStartPost")
  return execute(wait, words, { env: { ...house.env, MAINPID: String(pid) }, timeout: startDeadlineMillis })
}

describe("the unit's command lines", () => {
  it("start Looper, wait until it answers, and leave nothing after one SIGTERM", async () => {
    const house = await prepare()
    const [start = "", ...words] = lineOf("ExecStart")
    const child = spawn(start, words, { cwd: house.folder, env: house.env, stdio: "ignore" })
    const exited = once(child, "exit")
    let runId = ""
    try {
      await waitForStart(house, child.pid ?? 0)
      runId = await startRun(house)
      child.kill("SIGTERM")
      assert.deepStrictEqual(await exited, [0, null])
      assert.deepStrictEqual(carriers(runId), [])
      assert.match(runLogOf(house), /\n# codex_exec_return_code=143\n$/)
    } finally {
      removeAll(house, child, runId)
    }
  })

  it("wait for a Looper that has ended no longer, also where another process answers in its place", async () => {
    const house = await prepare()
    const other = createHttpServer((_, response) => response.end("{}")).listen(Number(house.env["LOOPER_PORT"]))
    const [start = "", ...words] = lineOf("ExecStart")
    const env = { ...house.env, LOOPER_IDLE_POLL_SECONDS: "many" }
    const child = spawn(start, words, { cwd: house.folder, env, stdio: "ignore" })
    try {
      await once(child, "exit")
      assert.strictEqual(child.exitCode, 1)
      const begunAt = performance.now()
      const failure = await waitForStart(house, child.pid ?? 0).catch((error: { readonly code: number }) => error)
      assert.propertyVal(failure, "code", 1)
      assert.isBelow(performance.now() - begunAt, 10_000)
    } finally {
      other.close()
      other.closeAllConnections()
      removeAll(house, child, "")
    }
  })
})

/** Makes its program pid 1 of a namespace of its own, as docker does. */
const asFirst = [
  "unshare",
  ...(process.geteuid?.() === 0 ? [] : ["--user", "--map-current-user"]),
  "--pid",
  "--fork",
  "--mount-proc",
  "--kill-child"
]

const allowsNamespace = (): boolean => {
  const [program = "", ...flags] = asFirst
  return spawnSync(program, [...flags, "true"]).status === 0
}

const childrenOf = (pid: number): ReadonlyArray<number> => allPids().filter((other) => procStat(other)?.ppid === pid)

/** All below a process. */
const below = (pid: number): ReadonlyArray<number> => {
  const children = childrenOf(pid)
  return children.concat(children.flatMap(below))
}

const onThisMachine = (word: string) => (word === "node" ? process.execPath : word.replace("/opt/looper", checkout))

const entrypoint = (): ReadonlyArray<string> => {
  const dockerfile = textOf("deploy/docker/Dockerfile")
  const [entry = [], command = []] = ["ENTRYPOINT", "CMD"].map(
    (name): ReadonlyArray<string> => JSON.parse(new RegExp(`^${name} (.+)$`, "m").exec(dockerfile)?.[1] ?? "[]")
  )
  return [...entry, ...command].map(onThisMachine)
}

describe.runIf(isPossible(has("tini") && allowsNamespace(), "tini and a pid namespace"))(
  "the container's entrypoint",
  () => {
    it("reaps orphans, and takes everything down after one SIGTERM to pid 1", async () => {
      const house = await prepare()
      const [program = "", ...words] = [...asFirst, ...entrypoint()]
      const child = spawn(program, words, { cwd: house.folder, env: house.env, stdio: "ignore" })
      const exited = once(child, "exit")
      let runId = ""
      try {
        const answers = () => sendRequest(house.url, "GET", "/health", {}).catch(() => undefined)
        await until(async () => (await answers())?.status === 200, "Looper answers", startDeadlineMillis)
        const [first = 0] = childrenOf(child.pid ?? 0)

        const stoppedId = await startRun(house)
        const killed = await sendRequest(house.url, "POST", "/kill", {})
        assert.strictEqual(killed.status, 200, killed.text)
        assert.deepStrictEqual(carriers(stoppedId), [])
        await until(() => below(first).length === 1, "pid 1 has nobody but Looper, and no zombie")

        rmSync(join(house.folder, "ready"))
        runId = await startRun(house)
        const members = [first, ...below(first)]
        assert.isAbove(members.length, 4)
        process.kill(first, "SIGTERM")
        assert.deepStrictEqual(await exited, [0, null])
        assert.deepStrictEqual(
          members.filter((pid) => procStat(pid) !== undefined),
          []
        )
      } finally {
        removeAll(house, child, runId)
      }
    })
  }
)
