import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll } from "vitest"
import { type CodexStep, codexScript, installCodexStandIn, type StandInChild } from "../../src/testing/CodexStandIn.ts"
import {
  argvOf,
  beats,
  carriers,
  isAlive,
  killHard,
  type ProcStat,
  procStat,
  stopsGrowing,
  until,
  withEnvironment
} from "../support/processes.ts"

const folder = mkdtempSync(join(tmpdir(), "codex-stand-in-"))
const codex = installCodexStandIn(folder)
let files = 0
const file = (name: string) => join(folder, `${++files}-${name}`)
const isClient = (argv: string) => argv.startsWith("curl") || argv.endsWith("--post")
const read = (path: string) => readFileSync(path, "utf8")
const stat = (pid: number): ProcStat => {
  const found = procStat(pid)
  if (found === undefined) throw new Error(`no process ${pid}`)
  return found
}
const pidIn = (path: string) => Number(read(path))

interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

const start = (prompt: string, environment: Record<string, string> = {}): Started => {
  const argv = ["--ask-for-approval", "never", "exec", "--sandbox", "workspace-write", "-C", folder, prompt]
  const child = spawn(codex, argv, {
    env: { PATH: process.env.PATH, TEST_FOLDER: folder, ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const text = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("latin1").on("data", (chunk: string) => void (text[name] += chunk))
  }
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }))
  return { child, pid: child.pid ?? 0, stdout: () => text.stdout, stderr: () => text.stderr, ended }
}

const run = async (steps: ReadonlyArray<CodexStep>, environment?: Record<string, string>) => {
  const started = start(codexScript(steps), environment)
  return { ...started, ...(await started.ended) }
}

/** Starts a run that hangs after its steps, and waits until it does. */
const hanging = async (steps: ReadonlyArray<CodexStep>, environment?: Record<string, string>) => {
  const ready = file("ready")
  const started = start(codexScript([...steps, { writeFile: { path: ready, text: "" } }, { hang: true }]), environment)
  await until(() => existsSync(ready), "the steps are done")
  return started
}

/** Starts a run with one child; gives the child's pid, and its heartbeat file. */
const withChild = async (child: StandInChild, environment?: Record<string, string>) => {
  const pidTo = file("pid")
  const heartbeat = file("heartbeat")
  const started = await hanging([{ child: { heartbeat, ...child, pidTo } }], environment)
  return { ...started, childPid: pidIn(pidTo), heartbeat }
}

const endAll = () =>
  until(() => {
    const left = withEnvironment("TEST_FOLDER", folder)
    for (const pid of left) killHard(pid)
    return left.length === 0
  }, "no process of this file is left")

afterEach(endAll)
afterAll(() => rmSync(folder, { recursive: true }))

describe("command line", () => {
  it("answers any other prompt in codex' shape and ends with 0", async () => {
    const started = start("say hi")
    assert.deepStrictEqual(await started.ended, { code: 0, signal: null })
    assert.strictEqual(started.stdout(), "Done.\n")
    assert.include(started.stderr(), `workdir: ${folder}`)
    assert.include(started.stderr(), "user\nsay hi\ncodex\n")
  })

  it("runs a script that follows a first line", async () => {
    const started = start(`Continue.\n${codexScript([{ print: "from the script" }])}`)
    assert.strictEqual((await started.ended).code, 0)
    assert.strictEqual(started.stdout(), "from the script")
  })

  it("takes the word after -- for the prompt", async () => {
    const child = spawn(codex, ["-a", "never", "exec", "--", "-x"], { stdio: ["ignore", "ignore", "pipe"] })
    const chunks = await child.stderr.setEncoding("utf8").toArray()
    assert.include(chunks.join(""), "user\n-x\n")
  })

  it("refuses a command line without exec with 2", async () => {
    const child = spawn(codex, ["login"], { stdio: "ignore" })
    assert.deepStrictEqual(await once(child, "exit"), [2, null])
  })

  it("shows in the process list as node with a script named codex", async () => {
    const { pid } = await hanging([])
    assert.deepStrictEqual(argvOf(pid).slice(0, 3), [process.execPath, codex, "--ask-for-approval"])
  })

  it("runs where a package.json makes every script an ES module", async () => {
    const bin = mkdtempSync(join(folder, "package-"))
    writeFileSync(join(bin, "package.json"), '{"type":"module"}')
    const child = spawn(installCodexStandIn(bin), ["exec", codexScript([{ exit: 7 }])], { stdio: "ignore" })
    assert.deepStrictEqual(await once(child, "exit"), [7, null])
  })

  it("names an unknown step and ends with 70", async () => {
    const started = start('[{"fly":true}]')
    assert.strictEqual((await started.ended).code, 70)
    assert.include(started.stderr(), "fly")
  })
})

describe("output", () => {
  it("prints to both streams, raw bytes too, and copies what it prints in order", async () => {
    const copy = file("copy")
    const raw = Buffer.from([0xff, 0x00, 0x0d, 0x0a])
    const ran = await run([
      { print: "before " },
      { copyTo: copy },
      { print: "out " },
      { printError: "err " },
      { printBase64: raw.toString("base64") }
    ])
    assert.strictEqual(ran.code, 0)
    assert.strictEqual(ran.stdout(), `before out ${raw.toString("latin1")}`)
    assert.strictEqual(ran.stderr(), "err ")
    assert.deepStrictEqual(readFileSync(copy), Buffer.concat([Buffer.from("out err "), raw]))
  })

  it("floods exactly that many bytes in lines of that length", async () => {
    const ran = await run([{ flood: { bytes: 1_000_050, lineLength: 100 } }])
    const lines = ran.stdout().split("\n")
    assert.strictEqual(ran.stdout().length, 1_000_050)
    assert.strictEqual(lines.length, 10_001)
    assert.isTrue(lines.slice(0, -1).every((line, index) => line.length === 99 && line.startsWith(`line ${index} `)))
  })

  it("prints a text that often", async () => {
    assert.strictEqual((await run([{ printTimes: { text: "ab", times: 3 } }])).stdout(), "ababab")
  })

  it("floods one line of 10 MB", async () => {
    const bytes = 10 * 1024 * 1024
    const ran = await run([{ flood: { bytes, lineLength: bytes } }])
    assert.strictEqual(ran.stdout().indexOf("\n"), bytes - 1)
    assert.strictEqual(ran.stdout().length, bytes)
  })
})

describe("end", () => {
  it("exits with the code it is told, and does no later step", async () => {
    const ran = await run([{ exit: 7 }, { print: "late" }])
    assert.deepStrictEqual([ran.code, ran.stdout()], [7, ""])
  })

  it("dies by the signal it is told", async () => {
    assert.strictEqual((await run([{ kill: "SIGKILL" }])).signal, "SIGKILL")
  })

  it("hangs until a signal ends it", async () => {
    const { child, ended } = await hanging([])
    child.kill("SIGTERM")
    assert.strictEqual((await ended).signal, "SIGTERM")
  })

  it("outlives the signals it ignores", async () => {
    const path = file("go")
    const ready = file("ready")
    const { child, ended } = start(
      codexScript([
        { ignore: ["SIGTERM", "SIGINT"] },
        { writeFile: { path: ready, text: "" } },
        { waitForFile: path },
        { exit: 3 }
      ])
    )
    await until(() => existsSync(ready), "it ignores signals")
    child.kill("SIGTERM")
    child.kill("SIGINT")
    writeFileSync(path, "")
    assert.deepStrictEqual(await ended, { code: 3, signal: null })
  })

  it("stops itself until it is continued", async () => {
    const { child, pid, ended } = start(codexScript([{ stopSelf: true }, { exit: 4 }]))
    await until(() => procStat(pid)?.state === "T", "it is stopped")
    child.kill("SIGCONT")
    assert.strictEqual((await ended).code, 4)
  })

  it("sleeps that long", async () => {
    const begin = performance.now()
    await run([{ sleep: 300 }])
    assert.isAtLeast(performance.now() - begin, 300)
  })
})

describe("files", () => {
  it("writes its text, pid, environment and arguments", async () => {
    const [text, pid, environment, argv] = [file("text"), file("pid"), file("environment"), file("argv")]
    const steps = [{ writeFile: { path: text, text: "é" } }, { appendPid: pid }, { appendPid: pid }]
    const ran = await run([...steps, { environmentTo: environment }, { argvTo: argv }], { COLOUR: "blue" })
    assert.strictEqual(read(text), "é")
    assert.strictEqual(read(pid), `${ran.pid}\n${ran.pid}\n`)
    assert.strictEqual(JSON.parse(read(environment)).COLOUR, "blue")
    assert.deepStrictEqual(JSON.parse(read(argv)).slice(0, 3), ["--ask-for-approval", "never", "exec"])
  })
})

describe("children", () => {
  it("starts one in its own group", async () => {
    const { pid, childPid, heartbeat } = await withChild({ kind: "group" })
    assert.include(stat(childPid), { ppid: pid, pgid: stat(pid).pgid, sid: stat(pid).sid })
    assert.isTrue(await beats(heartbeat))
  })

  it("starts one in another group of its session", async () => {
    const { pid, childPid } = await withChild({ kind: "ownGroup" })
    assert.include(stat(childPid), { ppid: pid, pgid: childPid, sid: stat(pid).sid })
  })

  it("starts one in a session of its own", async () => {
    const { pid, childPid } = await withChild({ kind: "session" })
    assert.include(stat(childPid), { ppid: pid, pgid: childPid, sid: childPid })
  })

  it("starts a daemon in another session whose parent is gone", async () => {
    const { pid, childPid } = await withChild({ kind: "daemon" })
    const daemon = stat(childPid)
    assert.notStrictEqual(daemon.ppid, pid)
    assert.notStrictEqual(daemon.sid, stat(pid).sid)
    assert.isFalse(isAlive(daemon.sid))
  })

  it("starts one that outlives SIGTERM and ends by SIGKILL", async () => {
    const { childPid, heartbeat } = await withChild({ kind: "session", ignoresTerm: true })
    process.kill(childPid, "SIGTERM")
    assert.isTrue(await beats(heartbeat))
    killHard(childPid)
    assert.isTrue(await stopsGrowing(heartbeat))
  })

  it("starts one that SIGTERM ends", async () => {
    const { childPid } = await withChild({ kind: "session" })
    process.kill(childPid, "SIGTERM")
    assert.isTrue(await until(() => !isAlive(childPid), "the child is gone"))
  })

  it("starts one without the marker", async () => {
    const marked = await withChild({ kind: "daemon" }, { LOOPER_RUN_ID: "0000aaaa" })
    assert.deepStrictEqual(
      carriers("0000aaaa"),
      [marked.pid, marked.childPid].toSorted((a, b) => a - b)
    )
    const unmarked = await withChild({ kind: "daemon", dropsMarker: true }, { LOOPER_RUN_ID: "0000bbbb" })
    assert.deepStrictEqual(carriers("0000bbbb"), [unmarked.pid])
  })

  it("starts one that holds its output, prints after its death and copies that too", async () => {
    const copy = file("copy")
    const child: StandInChild = { kind: "session", holdsOutput: true, printsEveryMillis: 10 }
    const started = start(codexScript([{ copyTo: copy }, { print: "first\n" }, { child }, { kill: "SIGKILL" }]))
    await once(started.child, "exit")
    await until(() => started.stdout().split("\n").length > 5, "the child prints")
    await endAll()
    await started.ended
    assert.match(started.stdout(), /^first\nchild \d+ 1\nchild \d+ 2\n/)
    assert.isTrue(started.stdout().startsWith(read(copy)))
    assert.isAbove(read(copy).split("\n").length, 3)
  })

  it("gives /dev/null to a child that does not hold its output", async () => {
    const child: StandInChild = { kind: "session", printsEveryMillis: 10 }
    const started = start(codexScript([{ child }, { exit: 0 }]))
    await started.ended
    assert.strictEqual(started.stdout(), "")
  })

  it("forks sleepers that ignore SIGTERM, at a rate, in sessions of their own", async () => {
    const environment = { LOOPER_RUN_ID: "0000cccc" }
    const { pid } = await hanging([{ forkStorm: { perSecond: 100, ignoresTerm: true, sessions: true } }], environment)
    const sleepers = await until(() => {
      const found = carriers("0000cccc").filter((other) => argvOf(other).at(-1) === "1000000")
      return found.length >= 20 && found
    }, "20 sleepers run")
    for (const sleeper of sleepers) process.kill(sleeper, "SIGTERM")
    assert.isTrue(sleepers.every((sleeper) => isAlive(sleeper)))
    assert.isTrue(sleepers.every((sleeper) => stat(sleeper).sid !== stat(pid).sid))
  })
})

describe("post", () => {
  const requests: Array<Pick<IncomingMessage, "url" | "headers"> & { body: string; client: string | undefined }> = []
  const server = createServer(async (request, response) => {
    const clients = withEnvironment("TEST_FOLDER", folder).map((pid) => argvOf(pid).slice(0, 3).join(" "))
    const body = (await request.setEncoding("utf8").toArray()).join("")
    requests.push({ url: request.url, headers: request.headers, body, client: clients.find(isClient) })
    response.writeHead(409).end('{"ok":false}\n')
  })
  let url = ""
  beforeAll(async () => {
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  const post = async (
    step: Extract<CodexStep, { post: unknown }>["post"],
    environment: Record<string, string> = {}
  ) => {
    const answerTo = file("answer")
    await run([{ post: { answerTo, ...step } }], { LOOPER_URL: url, ...environment })
    return { answer: JSON.parse(read(answerTo)), request: requests.at(-1) }
  }

  it("sends its body with the ticket and keeps the answer", async () => {
    const { answer, request } = await post({ path: "/run", body: { a: "é" } }, { LOOPER_RUN_TICKET: "t.1" })
    assert.deepStrictEqual(answer, { status: 409, body: '{"ok":false}\n' })
    assert.include(request, { url: "/run", body: '{"a":"é"}', client: undefined })
    assert.include(request?.headers, { authorization: "Bearer t.1", "content-type": "application/json" })
  })

  it("sends no token where there is no ticket, or none is wanted", async () => {
    assert.isUndefined((await post({ path: "/run", body: {} })).request?.headers.authorization)
    const without = await post({ path: "/run", body: {}, token: null }, { LOOPER_RUN_TICKET: "t.1" })
    assert.isUndefined(without.request?.headers.authorization)
  })

  it("sends another token", async () => {
    const { request } = await post({ path: "/run", body: {}, token: "other" }, { LOOPER_RUN_TICKET: "t.1" })
    assert.strictEqual(request?.headers.authorization, "Bearer other")
  })

  it("sends through curl below the run", async () => {
    const { answer, request } = await post(
      { path: "/run", body: { a: "é" }, viaChild: true },
      { LOOPER_RUN_TICKET: "t.1" }
    )
    assert.deepStrictEqual(answer, { status: 409, body: '{"ok":false}\n' })
    assert.include(request, { url: "/run", body: '{"a":"é"}' })
    assert.strictEqual(request?.headers.authorization, "Bearer t.1")
    assert.isTrue(request?.client?.startsWith("curl"))
  })

  it("sends through node below the run where curl is missing", async () => {
    const { answer, request } = await post({ path: "/kill", body: {}, viaChild: true }, { PATH: folder })
    assert.deepStrictEqual(answer, { status: 409, body: '{"ok":false}\n' })
    assert.isTrue(request?.client?.endsWith("--post"))
  })

  it("keeps a failure to connect, and goes on", async () => {
    const { answer } = await post({ path: "/run", body: {} }, { LOOPER_URL: "http://127.0.0.1:9" })
    assert.match(answer.error, /ECONNREFUSED/)
  })
})
