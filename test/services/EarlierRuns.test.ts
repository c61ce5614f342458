import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach } from "vitest"
import { type RunIdentity, sideFileIdentity } from "../../src/domain/runLog.ts"
import { supervisorArguments, supervisorShell } from "../../src/domain/supervisor.ts"
import { EarlierRuns } from "../../src/services/EarlierRuns.ts"
import { LooperConfig } from "../../src/services/LooperConfig.ts"
import { ProcessTable } from "../../src/services/ProcessTable.ts"
import { readBootId, readStat } from "../../src/services/procfs.ts"
import { RunLogs } from "../../src/services/RunLogs.ts"
import { makeLogs } from "./zulip/sending.ts"

const folder = mkdtempSync(join(tmpdir(), "earlier-runs-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0
let root = ""
beforeEach(() => {
  root = join(folder, `${++roots}`)
  mkdirSync(join(root, "logs"), { recursive: true })
})

const requestId = "0a1b2c3d"
const logPath = () => join(root, `logs/codex-exec-20260203-040506-${requestId}.log`)
const sidePath = () => logPath().replace(".log", ".state")
const header = `# looper_request_id=${requestId}\n# workspace=/w\n# command=codex\n\n`

/** What an earlier Looper left: a log with some output, and its side file. */
const leave = (side: string, output = "out\n") => {
  writeFileSync(logPath(), header + output)
  writeFileSync(sidePath(), side)
}
const outputOf = () => readFileSync(logPath(), "utf8").slice(header.length)

const said = makeLogs()
const start = Effect.suspend(() =>
  Effect.provide(
    EarlierRuns,
    EarlierRuns.layerNoDeps.pipe(
      Layer.provide(RunLogs.layerNoDeps),
      Layer.provide(ProcessTable.layer),
      Layer.provide(LooperConfig.layer({ root, environment: {} })),
      Layer.provide(said.layer)
    )
  )
)

const gone = { pid: 2 ** 22 + 1, startTicks: 1 }
const here = () => ({ pid: process.pid, startTicks: readStat(process.pid)?.startTicks ?? 0 })
const identityOf = (parts: Partial<RunIdentity>): RunIdentity => ({
  requestId,
  bootId: readBootId(),
  supervisor: gone,
  codex: gone,
  workspace: "/w",
  ...parts
})

describe("a run that ended while no Looper watched", () => {
  const table = [
    ["has its trailer: nothing is added", "starting\n7\ndone\n", "out\n\n# codex_exec_return_code=7\n", ""],
    [
      "has its trailer and a leftover's words behind it: nothing is added",
      "starting\n7\ndone\n",
      "out\n\n# codex_exec_return_code=7\nleftover\n",
      ""
    ],
    ["has its code alone: the trailer is written", "starting\n7\n", "out\n", "\n# codex_exec_return_code=7\n"],
    [
      "has code and trailer, but no `done`: nothing is added",
      "starting\n7\n",
      "out\n\n# codex_exec_return_code=7\n",
      ""
    ],
    [
      "was cut inside its trailer: it gets a whole one",
      "starting\n7\n",
      "out\n\n# co",
      "\n# codex_exec_return_code=7\n"
    ],
    [
      "forged another code: the true one is written",
      "starting\n7\n",
      "\n# codex_exec_return_code=0\n",
      "\n# codex_exec_return_code=7\n"
    ],
    ["has no code: it is unknown", "starting\n", "out", "\n# codex_exec_return_code=unknown\n"],
    ["has a code that was cut: it is unknown", "starting\n7", "out", "\n# codex_exec_return_code=unknown\n"]
  ] as const
  for (const [what, side, output, added] of table) {
    it.live(what, () =>
      Effect.gen(function* () {
        leave(side, output)
        const earlier = yield* start
        assert.strictEqual(outputOf(), output + added)
        assert.isFalse(existsSync(sidePath()))
        yield* earlier.settle
        assert.strictEqual(outputOf(), output + added)
        assert.deepStrictEqual(yield* earlier.live, [])
      })
    )
  }

  it.live("is closed where codex and supervisor are known to be gone", () =>
    Effect.gen(function* () {
      const reused = { ...here(), startTicks: here().startTicks - 1 }
      for (const identity of [
        identityOf({}),
        identityOf({ codex: reused, supervisor: reused }),
        identityOf({ codex: here(), supervisor: here(), bootId: "another boot" })
      ]) {
        leave(`starting\n${sideFileIdentity(identity)}`)
        const earlier = yield* start
        assert.strictEqual(outputOf(), "out\n\n# codex_exec_return_code=unknown\n")
        assert.isFalse(existsSync(sidePath()))
        assert.deepStrictEqual(yield* earlier.live, [])
      }
    })
  )

  it.live("is named in the log, with its code", () =>
    Effect.gen(function* () {
      leave("starting\n7\ndone\n")
      said.lines.length = 0
      yield* start
      assert.deepStrictEqual(said.of("codex.exec.ended"), [{ request_id: requestId, return_code: 7, found: "later" }])
    })
  )

  it.live("is closed later where its trailer cannot be written now", () =>
    Effect.gen(function* () {
      leave("starting\n7\n")
      rmSync(logPath())
      mkdirSync(logPath())
      const earlier = yield* start
      assert.isTrue(existsSync(sidePath()))
      rmSync(logPath(), { recursive: true })
      writeFileSync(logPath(), `${header}out\n`)
      yield* earlier.settle
      assert.strictEqual(outputOf(), "out\n\n# codex_exec_return_code=7\n")
      assert.isFalse(existsSync(sidePath()))
    })
  )

  it.live("stays without a log that was deleted", () =>
    Effect.gen(function* () {
      leave("starting\n7\n")
      rmSync(logPath())
      yield* start
      assert.isFalse(existsSync(logPath()))
      assert.isFalse(existsSync(sidePath()))
    })
  )
})

describe("a run that still lives", () => {
  it.live("is left alone as long as its codex or its supervisor lives", () =>
    Effect.gen(function* () {
      for (const identity of [identityOf({ codex: here() }), identityOf({ supervisor: here() })]) {
        const side = `starting\n${sideFileIdentity(identity)}`
        leave(side)
        const earlier = yield* start
        yield* earlier.settle
        assert.deepStrictEqual(yield* earlier.live, [identity])
        assert.strictEqual(outputOf(), "out\n")
        assert.strictEqual(readFileSync(sidePath(), "utf8"), side)
      }
    })
  )

  it.live("is closed by the code that its supervisor wrote since", () =>
    Effect.gen(function* () {
      const codex = spawn("/bin/cat", ["-"], { stdio: ["pipe", "pipe", "ignore"] })
      codex.stdin.write("up")
      yield* Effect.promise(() => once(codex.stdout, "data"))
      const identity = identityOf({
        codex: { pid: codex.pid ?? 0, startTicks: readStat(codex.pid ?? 0)?.startTicks ?? 0 }
      })
      leave(`starting\n${sideFileIdentity(identity)}`)
      const earlier = yield* start
      assert.deepStrictEqual(yield* earlier.live, [identity])
      codex.kill("SIGKILL")
      yield* Effect.promise(() => once(codex, "exit"))
      assert.deepStrictEqual(yield* earlier.live, [])
      writeFileSync(sidePath(), `starting\n${sideFileIdentity(identity)}137\n`)
      yield* earlier.settle
      assert.strictEqual(outputOf(), "out\n\n# codex_exec_return_code=137\n")
      assert.isFalse(existsSync(sidePath()))
    })
  )

  it.live("is not taken for one that never began while its supervisor waits for go", () =>
    Effect.gen(function* () {
      leave("starting\n", "")
      const supervisor = spawn(supervisorShell, supervisorArguments(["/bin/true"]), {
        detached: true,
        env: { LOOPER_RUN_ID: requestId },
        stdio: ["ignore", "ignore", "ignore", "pipe", "ignore"]
      })
      const channel = supervisor.stdio[3] as NodeJS.ReadableStream & { destroy(): void }
      yield* Effect.promise(() => once(channel, "data"))
      const earlier = yield* start
      assert.strictEqual(outputOf(), "")
      assert.isTrue(existsSync(sidePath()))
      assert.deepStrictEqual(yield* earlier.live, [])
      channel.destroy()
      yield* Effect.promise(() => once(supervisor, "exit"))
      yield* earlier.settle
      assert.strictEqual(outputOf(), "\n# codex_exec_return_code=unknown\n")
      assert.isFalse(existsSync(sidePath()))
    })
  )
})
