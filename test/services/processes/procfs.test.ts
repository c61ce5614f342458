import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"
import { afterAll } from "vitest"
import * as procfs from "../../../src/services/processes/procfs.ts"
import { until } from "../../support/processes.ts"
import { isPossible } from "../../support/possible.ts"

const folder = mkdtempSync(join(tmpdir(), "procfs-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A process of a program with any name; it waits on stdin, and is dead when the use is over. */
const withProcess = async (
  options: { readonly name?: string; readonly arguments?: ReadonlyArray<string>; readonly env?: NodeJS.ProcessEnv },
  use: (pid: number) => void
) => {
  const program = join(folder, options.name ?? "cat")
  copyFileSync("/bin/cat", program)
  const child: ChildProcess = spawn(program, ["-", ...(options.arguments ?? [])], {
    cwd: folder,
    env: options.env ?? {},
    stdio: ["pipe", "pipe", "ignore"]
  })
  try {
    child.stdin?.write("up")
    await once(child.stdout ?? child, "data")
    use(child.pid ?? 0)
  } finally {
    child.kill("SIGKILL")
    await once(child, "exit")
  }
}

/** A line of /proc/PID/stat with 52 fields, each with a number of its own. */
const statLine = (command: string, state = "S") =>
  `10 (${command}) ${state} ${Array.from({ length: 49 }, (_, index) => 104 + index).join(" ")}\n`

const names = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals(["a", " ", "(", ")", ") S 1", "\n", "é", "\\", "1"])), {
    maxLength: 8
  }),
  (parts) => parts.join("")
)

describe("parseStat", () => {
  it.prop("finds its fields behind any name a process gives itself", [names], ([name]) =>
    assert.deepStrictEqual(procfs.parseStat(statLine(name)), {
      pid: 10,
      command: name,
      state: "S",
      isKernelThread: false,
      parentPid: 104,
      groupId: 105,
      sessionId: 106,
      faults: 110,
      startTicks: 122
    })
  )

  it("tells a thread of the kernel", () => {
    assert.isTrue(procfs.parseStat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0")?.isKernelThread)
  })

  it("finds nothing in what is no such line", () => {
    for (const text of [
      "",
      "10",
      "10 (a",
      "10 a) S 1",
      ") (",
      "x (a) S 1 2 3",
      "10 (a) S 1 2 3",
      statLine("a").slice(0, 60)
    ]) {
      assert.isUndefined(procfs.parseStat(text), text)
    }
  })
})

describe("a live process", () => {
  it("is listed, with its parent, its name and its start", async () => {
    await withProcess({ name: "a) S (b" }, (pid) => {
      assert.include(procfs.readPids(), pid)
      const stat = procfs.readStat(pid)
      assert.deepInclude(stat, { pid, command: "a) S (b", parentPid: process.pid })
      assert.isAbove(stat?.startTicks ?? 0, procfs.readStat(process.pid)?.startTicks ?? 0)
      assert.match(stat?.state ?? "", /^[RS]$/)
    })
  })

  it("has its arguments, empty ones and control characters included", async () => {
    const given = ["", "a b", "é😀", "two\nlines", "", ""]
    await withProcess({ arguments: given }, (pid) => {
      assert.deepStrictEqual(procfs.readArgv(pid), [join(folder, "cat"), "-", ...given])
    })
  })

  it("has arguments longer than one read", async () => {
    const given = ["x".repeat(131_000), "y".repeat(131_000), "z"]
    await withProcess({ arguments: given }, (pid) => {
      assert.deepStrictEqual(procfs.readArgv(pid).slice(2), given)
    })
  })

  it("has the marker it was started with, and no text that merely looks like one", async () => {
    const table = [
      [{ LOOPER_RUN_ID: "0a1b2c3d" }, "0a1b2c3d"],
      [{ LOOPER_RUN_ID: "auto0a1b2c3d", Z: "1" }, "auto0a1b2c3d"],
      [{ A: "1", LOOPER_RUN_ID: "0a1b2c3d" }, "0a1b2c3d"],
      [{}, undefined],
      [{ LOOPER_RUN_ID: "" }, undefined],
      [{ LOOPER_RUN_ID: "0a1b2c3" }, undefined],
      [{ LOOPER_RUN_ID: "0a1b2c3d4" }, undefined],
      [{ LOOPER_RUN_ID: "../../etc" }, undefined],
      [{ XLOOPER_RUN_ID: "0a1b2c3d" }, undefined],
      [{ A: "LOOPER_RUN_ID=0a1b2c3d" }, undefined],
      [{ A: "\nLOOPER_RUN_ID=0a1b2c3d" }, undefined]
    ] as const
    for (const [env, marker] of table) {
      await withProcess({ env }, (pid) => assert.strictEqual(procfs.readMarker(pid), marker, JSON.stringify(env)))
    }
  })

  it("has a marker behind an environment longer than one read", async () => {
    const env = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`A${index}`, "x".repeat(10_000)]))
    await withProcess({ env: { ...env, LOOPER_RUN_ID: "0a1b2c3d" } }, (pid) => {
      assert.strictEqual(procfs.readMarker(pid), "0a1b2c3d")
    })
  })

  it("has a working directory, and the owner who started it", async () => {
    await withProcess({}, (pid) => {
      assert.strictEqual(procfs.readWorkingDirectory(pid), folder)
      assert.strictEqual(procfs.readOwner(pid)?.effectiveUid, process.geteuid?.())
      assert.deepStrictEqual(procfs.readOwner(pid), procfs.readOwner("self"))
    })
  })
})

describe("another user's process", () => {
  it.runIf(isPossible(process.geteuid?.() === 0, "root"))("is told by its owner", async () => {
    const child = spawn("/bin/cat", ["-"], { uid: 65_534, gid: 65_534, stdio: ["pipe", "pipe", "ignore"] })
    try {
      child.stdin.write("up")
      await once(child.stdout, "data")
      assert.strictEqual(procfs.readOwner(child.pid ?? 0)?.effectiveUid, 65_534)
    } finally {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
  })
})

describe("a process that is gone", () => {
  const gone = 2 ** 22 + 1

  it("has nothing, and reading it is no error", () => {
    assert.isUndefined(procfs.readStat(gone))
    assert.deepStrictEqual(procfs.readArgv(gone), [])
    assert.isUndefined(procfs.readMarker(gone))
    assert.isUndefined(procfs.readWorkingDirectory(gone))
    assert.isUndefined(procfs.readOwner(gone))
  })

  it("has a state but no arguments while it is a zombie", async () => {
    // The child ends with its stdin, after its parent has become a program that never asks for its end.
    const parent = spawn("/bin/sh", ["-c", "cat <&3 & echo $!; exec tail -f /dev/null 3<&-"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"]
    })
    try {
      const [line] = await once(parent.stdio[1] as Readable, "data")
      const zombie = Number(line)
      await until(() => procfs.readArgv(parent.pid ?? 0)[0] === "tail", "the parent is another program")
      ;(parent.stdio[3] as Writable).end()
      await until(() => procfs.readStat(zombie)?.state === "Z", "the child is a zombie")
      assert.deepStrictEqual(procfs.readArgv(zombie), [])
      assert.isUndefined(procfs.readMarker(zombie))
    } finally {
      parent.kill("SIGKILL")
      await once(parent, "exit")
    }
  })
})

it("the boot has one id, and this is a machine with /proc", () => {
  assert.strictEqual(procfs.readBootId(), readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
  assert.isTrue(procfs.hasProcfs())
})
