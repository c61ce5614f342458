/** What a scan that remembers the one before it may not miss: a new program under an old pid, who hops away. */
import { assert, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"
import { Effect } from "effect"
import { makeProcScan } from "../../../src/services/processes/procScan.ts"
import { argvOf, carriers, until } from "../../support/processes.ts"

const runId = "0badcafe"
const env = { PATH: process.env.PATH, LOOPER_RUN_ID: runId }

/** A shell that carries the marker and executes `text`; dead when the scope closes. */
const startShell = (text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn("/bin/sh", ["-c", text], { env, stdio: ["pipe", "pipe", "ignore", "pipe"] })),
    (child) =>
      Effect.promise(async () => {
        if (child.kill("SIGKILL")) await once(child, "exit")
      })
  )

it.live("sees a program that takes a process over after a scan, with the marker that the exec dropped", () =>
  Effect.gen(function* () {
    const scan = makeProcScan()
    const { pid = 0, stdin } = yield* startShell("read -r _; exec env -i sleep 86400")
    const find = Effect.map(scan, (rows) => rows.find((row) => row.pid === pid))
    yield* Effect.promise(() => until(() => argvOf(pid)[0] === "/bin/sh", "the shell runs"))
    const before = yield* find
    assert.deepInclude(before, { marker: runId, parentPid: process.pid, isDead: false })
    assert.strictEqual(before?.argv[0], "/bin/sh")
    stdin?.write("\n")
    yield* Effect.promise(() => until(() => argvOf(pid)[0] === "sleep", "it is another program"))
    const after = yield* find
    assert.deepStrictEqual(after?.argv, ["sleep", "86400"])
    assert.strictEqual(after?.marker, runId)
    assert.strictEqual(after?.startTicks, before?.startTicks)
  })
)

it.live("sees the same words again where a process executes itself with other ones of the same length", () =>
  Effect.gen(function* () {
    const scan = makeProcScan()
    const { pid = 0, stdin } = yield* startShell('read -r _; exec /bin/sh -c "read -r _; exit" one')
    const find = Effect.map(scan, (rows) => rows.find((row) => row.pid === pid)?.argv.at(-1))
    yield* Effect.promise(() => until(() => argvOf(pid)[0] === "/bin/sh", "the shell runs"))
    yield* find
    stdin?.write("\n")
    yield* Effect.promise(() => until(() => argvOf(pid).at(-1) === "one", "it executed itself"))
    assert.strictEqual(yield* find, "one")
  })
)

it.live("tells a process that has ended and that nobody has asked for", () =>
  Effect.gen(function* () {
    const scan = makeProcScan()
    const { pid: parent = 0, stdio } = yield* startShell("cat <&3 & echo $!; exec tail -f /dev/null 3<&-")
    const [line] = yield* Effect.promise(() => once(stdio[1] as Readable, "data"))
    const find = Effect.map(scan, (rows) => rows.find(({ pid }) => pid === Number(line))?.isDead)
    yield* Effect.promise(() => until(() => argvOf(parent)[0] === "tail", "the parent is another program"))
    assert.isFalse(yield* find)
    ;(stdio[3] as Writable).end()
    yield* Effect.promise(() => until(() => argvOf(Number(line)).length === 0, "the child has ended"))
    assert.isTrue(yield* find)
    assert.isTrue(yield* find)
  })
)

it.live("misses nobody in a chain of processes that fork, end and execute themselves", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "hop-"))),
      (path) =>
        Effect.promise(async () => {
          rmSync(path, { recursive: true })
          await until(() => carriers(runId).length === 0, "the chain has ended")
        })
    )
    const hop = join(folder, "hop")
    writeFileSync(hop, '#!/bin/sh\n[ ! -e "$0" ] || "$0" &\n', { mode: 0o700 })
    const chain = spawn(hop, { env, stdio: "ignore" })
    yield* Effect.promise(() => once(chain, "exit"))
    const scan = makeProcScan()
    const missed: Array<number> = []
    for (let n = 0; n < 60; n++) {
      if (!(yield* scan).some((row) => row.marker === runId && !row.isDead)) missed.push(n)
    }
    assert.deepStrictEqual(missed, [])
  })
)
