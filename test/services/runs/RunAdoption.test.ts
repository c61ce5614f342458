import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach } from "vitest"
import type { RunRecord } from "../../../src/domain/RunRecord.ts"
import { type RunIdentity, sideFileIdentity } from "../../../src/domain/runLog.ts"
import { supervisorArguments, supervisorShell } from "../../../src/domain/supervisor.ts"
import { LogFolder } from "../../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { readBootId, readStat } from "../../../src/services/processes/procfs.ts"
import { findEarlierRuns } from "../../../src/services/runs/RunAdoption.ts"
import { RunLogs } from "../../../src/services/runs/RunLogs.ts"
import { RunRecords } from "../../../src/services/records/RunRecords.ts"
import { makeLogs } from "../zulip/sending.ts"

const folder = mkdtempSync(join(tmpdir(), "adoption-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0
let root = ""
let unended: ReadonlyArray<RunRecord> = []
let closed: Array<readonly [string, unknown]> = []
beforeEach(() => {
  root = join(folder, `${++roots}`)
  mkdirSync(join(root, "logs"), { recursive: true })
  unended = []
  closed = []
})

const requestId = "0a1b2c3d"
const logPath = () => join(root, `logs/codex-exec-20260203-040506-${requestId}.log`)
const sidePath = () => logPath().replace(".log", ".state")
const header = `# looper_request_id=${requestId}\n# workspace=/w\n# command=codex\n\n`

/** What an earlier Looper left: a log with some output, and its side file. */
const leave = (side: string | undefined, output = "out\n") => {
  writeFileSync(logPath(), header + output)
  if (side !== undefined) writeFileSync(sidePath(), side)
}

const said = makeLogs()
const find = Effect.suspend(() =>
  findEarlierRuns.pipe(
    Effect.provide(
      RunLogs.layerNoDeps.pipe(
        Layer.provide(LogFolder.layerNoDeps),
        Layer.provideMerge(ProcessTable.layer),
        Layer.provideMerge(
          Layer.mock(RunRecords)({
            has: () => false,
            unended: Effect.succeed(unended),
            find: () => Effect.succeed(unended[0]),
            endUnstarted: (id, end) => Effect.sync(() => void closed.push([id, end]))
          })
        ),
        Layer.provide(LooperConfig.layer({ root, environment: {} })),
        Layer.provideMerge(said.layer)
      )
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
  startedAtMillis: 5,
  ...parts
})
const recordOf = (parts: Partial<RunRecord>): RunRecord => ({
  requestId,
  state: "running",
  cause: undefined,
  returnCode: undefined,
  error: undefined,
  operation: undefined,
  reason: undefined,
  startedAtMillis: 0,
  endedAtMillis: undefined,
  durationMillis: undefined,
  workspace: "/w",
  logPath: logPath(),
  logBytes: undefined,
  isLogPruned: false,
  identity: undefined,
  ...parts
})

describe("a run of an earlier Looper", () => {
  it.live("lives as long as its codex or its supervisor does, by identity and boot", () =>
    Effect.gen(function* () {
      for (const identity of [identityOf({ codex: here() }), identityOf({ supervisor: here() })]) {
        leave(`starting\n${sideFileIdentity(identity)}`)
        const [run] = yield* find
        assert.deepStrictEqual(run?.identity, identity)
        assert.isTrue(run?.isAlive)
        assert.strictEqual(run?.log.headerBytes, header.length)
      }
      assert.isTrue(existsSync(sidePath()))
    })
  )

  it.live("is dead where its pids are gone, name other processes, or are another boot's", () =>
    Effect.gen(function* () {
      const reused = { ...here(), startTicks: here().startTicks - 1 }
      for (const identity of [
        identityOf({}),
        identityOf({ codex: reused, supervisor: reused }),
        identityOf({ codex: here(), supervisor: here(), bootId: "another boot" })
      ]) {
        leave(`starting\n${sideFileIdentity(identity)}7\n`)
        const [run] = yield* find
        assert.deepStrictEqual(run?.identity, identity)
        assert.isFalse(run?.isAlive)
      }
    })
  )

  it.live("is known by its record where its side file is gone", () =>
    Effect.gen(function* () {
      leave(undefined)
      unended = [recordOf({ identity: identityOf({ codex: here() }) })]
      const [run] = yield* find
      assert.isTrue(run?.isAlive)
      assert.strictEqual(run?.log.path, logPath())
    })
  )
})

describe("a run whose codex was never let go is closed, and its log removed", () => {
  const cases = [
    ["because nothing knows who it is", "starting\n", undefined],
    ["because its shell ended without `go`, and nobody knows who it is", "starting\n125\ndone\n", undefined],
    ["because its supervisor died before `go`", `starting\n${sideFileIdentity(identityOf({}))}`, "starting"],
    ["because its shell ended without `go`", `starting\n${sideFileIdentity(identityOf({}))}125\ndone\n`, "starting"]
  ] as const
  for (const [why, side, state] of cases) {
    it.live(why, () =>
      Effect.gen(function* () {
        leave(side, "")
        if (state !== undefined) unended = [recordOf({ state })]
        assert.deepStrictEqual(yield* find, [])
        assert.deepStrictEqual(closed, [[requestId, "interrupted"]])
        assert.isFalse(existsSync(logPath()))
        assert.isFalse(existsSync(sidePath()))
      })
    )
  }

  it.live("but not one that was let go and ended with that code itself", () =>
    Effect.gen(function* () {
      leave(`starting\n${sideFileIdentity(identityOf({}))}125\n`)
      for (const records of [[], [recordOf({ state: "running" })]]) {
        unended = records
        const runs = yield* find
        assert.strictEqual(runs.length, 1)
        assert.isFalse(runs[0]?.isAlive)
      }
      assert.isTrue(existsSync(logPath()))
      assert.deepStrictEqual(closed, [])
    })
  )

  it.live("once its supervisor, which learns of Looper's death, has ended", () =>
    Effect.gen(function* () {
      leave("starting\n", "")
      const supervisor = spawn(supervisorShell, supervisorArguments(["/bin/true"]), {
        detached: true,
        env: { LOOPER_RUN_ID: requestId },
        stdio: ["ignore", "ignore", "ignore", "pipe", "ignore"]
      })
      const channel = supervisor.stdio[3] as NodeJS.ReadableStream & { destroy(): void }
      yield* Effect.promise(() => once(channel, "data"))
      const stuck = yield* find
      assert.deepStrictEqual(
        stuck.map(({ identity, isAlive }) => [identity.supervisor.pid, isAlive]),
        [[supervisor.pid, true]]
      )
      assert.isTrue(existsSync(logPath()))
      channel.destroy()
      yield* Effect.promise(() => once(supervisor, "exit"))
      assert.deepStrictEqual(yield* find, [])
      assert.isFalse(existsSync(logPath()))
    })
  )
})
