/** The supervisor's text, really run by each POSIX shell of this machine. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from "node:fs"
import { rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { afterAll } from "vitest"
import { isBeforeExec, isSupervisor, supervisorArguments } from "../../src/domain/supervisor.ts"
import { allPids, argvOf, isAlive, killHard, procStat, until } from "../support/processes.ts"

const folder = mkdtempSync(join(tmpdir(), "supervisor-"))
const supervisors: Array<ChildProcess> = []
afterAll(() => {
  const left = allPids().filter((pid) => supervisors.some((child) => procStat(pid)?.sid === child.pid))
  left.forEach(killHard)
  rmSync(folder, { recursive: true })
})
let files = 0

/** Shells under the name by which they are POSIX shells; those that this machine has. */
const shells: ReadonlyArray<readonly [name: string, path: string]> = [
  ["dash", "sh"],
  ["bash", "sh"],
  ["busybox", "ash"]
].flatMap(([program = "", called = ""]) => {
  const found = (process.env.PATH ?? "").split(":").map((path) => join(path, program))
  const binary = found.find((path) => path.startsWith("/") && existsSync(path))
  if (binary === undefined) return []
  const path = join(folder, program, called)
  mkdirSync(join(folder, program))
  symlinkSync(binary, path)
  return [[program, path] as const]
})

const script = (text: string): string => {
  const path = join(folder, `${++files}-codex`)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

interface Supervised {
  readonly pid: number
  readonly codexPid: number
  readonly log: () => string
  readonly side: () => string
  /** What came up fd 3 after codex' pid. */
  readonly said: () => string
  readonly channel: Duplex
  /** Lets codex start and waits for the supervisor's end. */
  readonly finish: () => Promise<number | null>
  readonly ended: Promise<number | null>
}

/** Starts the text as Looper does, under a given shell, up to the moment where codex waits for `go`. */
const supervise = async (
  shell: string,
  command: ReadonlyArray<string>,
  paths: { readonly log?: string; readonly side?: string } = {}
): Promise<Supervised> => {
  const { log: logPath = join(folder, `${++files}.log`), side: sidePath = join(folder, `${++files}.state`) } = paths
  writeFileSync(sidePath, "starting\n")
  const fds = [openSync(logPath, "a"), openSync(sidePath, "a")] as const
  const [option = "", text = ""] = supervisorArguments([])
  const child = spawn(shell, [option, text, shell, ...command], {
    detached: true,
    cwd: folder,
    stdio: ["ignore", fds[0], fds[0], "pipe", fds[1]]
  })
  fds.forEach(closeSync)
  supervisors.push(child)
  const channel = child.stdio[3] as Duplex
  let heard = ""
  channel.setEncoding("latin1").on("data", (chunk: string) => void (heard += chunk))
  channel.on("error", () => undefined)
  const ended = once(child, "close").then(([code]) => code as number | null)
  const greeting = await until(() => /^(\d+)\n/.exec(heard), "codex' pid comes up")
  return {
    pid: child.pid ?? 0,
    codexPid: Number(greeting[1]),
    log: () => readFileSync(logPath, "utf8"),
    side: () => readFileSync(sidePath, "utf8"),
    said: () => heard.slice(greeting[0].length),
    channel,
    finish: () => {
      channel.write("go\n")
      return ended
    },
    ended
  }
}

const run = async (...given: Parameters<typeof supervise>) => {
  const supervised = await supervise(...given)
  return { ...supervised, code: await supervised.finish() }
}

const nastyArguments = [
  "",
  "-n",
  "-c",
  "--",
  "$(touch /tmp/never)",
  "`id`",
  "${HOME}$$$?$@",
  'it\'s "quoted" \\',
  "two\nlines\n",
  "\ttabs and  blanks ",
  "*?[a]{b,c}~",
  "é😀\u{10ffff}",
  Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join(""),
  "x".repeat(131_071)
]

describe.for(shells)("the supervisor under %s", ([, shell]) => {
  it.for([0, 1, 7, 126, 127, 255])("hands on the exit code %i", async (code) => {
    const ended = await run(shell, [script(`echo out; echo err >&2; exit ${code}`)])
    assert.strictEqual(ended.code, code)
    assert.strictEqual(ended.side(), `starting\n${code}\ndone\n`)
    assert.strictEqual(ended.log(), `out\nerr\n\n# codex_exec_return_code=${code}\n`)
    assert.strictEqual(ended.said(), "")
  })

  it.for([
    ["TERM", 143],
    ["KILL", 137],
    ["INT", 130],
    ["HUP", 129],
    ["SEGV", 139]
  ] as const)("makes 128+n of death by %s", async ([signal, code]) => {
    const ended = await run(shell, [script(`echo last words; kill -${signal} $$`)])
    assert.strictEqual(ended.code, code)
    assert.strictEqual(ended.side(), `starting\n${code}\ndone\n`)
    assert.strictEqual(ended.log(), `last words\n\n# codex_exec_return_code=${code}\n`)
  })

  it("outlives signals that end its codex, sent to its whole group", async () => {
    const up = join(folder, `${++files}-up`)
    const supervised = await supervise(shell, [script(`echo up > ${up}; exec tail -f /dev/null`)])
    const ended = supervised.finish()
    await until(() => existsSync(up) && argvOf(supervised.codexPid)[0] === "tail", "codex is up")
    process.kill(-supervised.pid, "SIGTERM")
    assert.strictEqual(await ended, 143)
    assert.strictEqual(supervised.log(), "\n# codex_exec_return_code=143\n")
  })

  it("writes code, trailer and `done` in this order", async () => {
    const both = join(folder, `${++files}-both`)
    const ended = await run(shell, [script("exit 3")], { log: both, side: both })
    assert.strictEqual(ended.code, 3)
    assert.strictEqual(ended.log(), "starting\n3\n\n# codex_exec_return_code=3\ndone\n")
  })

  it("does not say `done` of a trailer for which there was no space", async () => {
    const ended = await run(shell, [script("exit 3")], { log: "/dev/full" })
    assert.strictEqual(ended.code, 3)
    assert.strictEqual(ended.side(), "starting\n3\n")
  })

  it("is told from its output: a forged trailer changes neither code nor side file", async () => {
    const ended = await run(shell, [script("printf '\\n# codex_exec_return_code=0\\n'; exit 9")])
    assert.strictEqual(ended.code, 9)
    assert.strictEqual(ended.side(), "starting\n9\ndone\n")
    assert.strictEqual(ended.log(), "\n# codex_exec_return_code=0\n\n# codex_exec_return_code=9\n")
  })

  it("starts codex only after go", async () => {
    const started = join(folder, `${++files}-started`)
    const supervised = await supervise(shell, [script(`echo $$ > ${started}`)])
    assert.isTrue(isBeforeExec(argvOf(supervised.codexPid)))
    assert.isTrue(isSupervisor(argvOf(supervised.pid)))
    assert.strictEqual(procStat(supervised.codexPid)?.ppid, supervised.pid)
    assert.strictEqual(procStat(supervised.codexPid)?.sid, supervised.pid)
    assert.isFalse(existsSync(started))
    assert.strictEqual(await supervised.finish(), 0)
    assert.strictEqual(Number(readFileSync(started, "utf8")), supervised.codexPid)
  })

  it("starts nothing when fd 3 closes before go", async () => {
    const started = join(folder, `${++files}-started`)
    const supervised = await supervise(shell, [script(`touch ${started}`)])
    supervised.channel.destroy()
    assert.strictEqual(await supervised.ended, 125)
    assert.isFalse(existsSync(started))
    assert.isFalse(isAlive(supervised.codexPid))
    assert.strictEqual(supervised.side(), "starting\n125\ndone\n")
  })

  it("says E 127 of a program that is not there", async () => {
    const ended = await run(shell, [join(folder, "missing")])
    assert.strictEqual(ended.said(), "E 127\n")
    assert.strictEqual(ended.code, 127)
    assert.strictEqual(ended.side(), "starting\n127\ndone\n")
    assert.match(ended.log(), /missing: .*[nN]o.*\n\n# codex_exec_return_code=127\n$/)
  })

  it("says E 126 of a file that is not executable and of a folder", async () => {
    const plain = script("exit 0")
    chmodSync(plain, 0o644)
    for (const program of [plain, folder]) {
      const ended = await run(shell, [program])
      assert.strictEqual(ended.said(), "E 126\n")
      assert.strictEqual(ended.code, 126)
      assert.match(ended.log(), /\n\n# codex_exec_return_code=126\n$/)
    }
  })

  it("says E when the interpreter of codex is missing", async () => {
    const path = script("")
    writeFileSync(path, "#!/missing/interpreter\n")
    const ended = await run(shell, [path])
    assert.match(ended.said(), /^E 12[67]\n$/)
    assert.strictEqual(ended.said(), `E ${ended.code}\n`)
  })

  it("passes every argument byte by byte", async () => {
    const seen = join(folder, `${++files}-arguments`)
    const ended = await run(shell, [script(`printf '%s\\0' "$@" > ${seen}`), ...nastyArguments])
    assert.strictEqual(ended.code, 0)
    assert.isTrue(readFileSync(seen).equals(Buffer.from(nastyArguments.map((one) => `${one}\0`).join(""))))
  })

  it("gives codex default signals and nothing blocked", async () => {
    const status = await run(shell, ["/bin/cat", "/proc/self/status"])
    for (const name of ["SigIgn", "SigBlk", "SigCgt"]) {
      assert.include(status.log(), `${name}:\t0000000000000000\n`)
    }
  })

  it("gives codex no descriptor that a direct child would not have", async () => {
    const direct = execFileSync("/bin/ls", ["/proc/self/fd"], { encoding: "utf8" })
    const supervised = await run(shell, ["/bin/ls", "/proc/self/fd"])
    assert.strictEqual(supervised.log(), `${direct}\n# codex_exec_return_code=0\n`)
  })

  it("gives codex /dev/null to read and one stream to write, in order", async () => {
    const ended = await run(shell, [
      script("cat; for i in 1 2 3; do echo o$i; echo e$i >&2; done; readlink /proc/$$/fd/0")
    ])
    assert.strictEqual(ended.log(), "o1\ne1\no2\ne2\no3\ne3\n/dev/null\n\n# codex_exec_return_code=0\n")
  })

  it("dies silently of SIGKILL: no code, no trailer, and codex lives on", async () => {
    const up = join(folder, `${++files}-up`)
    const supervised = await supervise(shell, [script(`echo up > ${up}; exec tail -f /dev/null`)])
    const ended = supervised.finish()
    await until(() => existsSync(up), "codex is up")
    killHard(supervised.pid)
    assert.isNull(await ended)
    assert.strictEqual(supervised.side(), "starting\n")
    assert.strictEqual(supervised.log(), "")
    assert.isTrue(isAlive(supervised.codexPid))
    killHard(supervised.codexPid)
    await until(() => !isAlive(supervised.codexPid), "codex is dead")
  })
})
