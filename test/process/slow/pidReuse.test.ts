/** The moments a test cannot wait for, injected: a pid reused between scan and signal, a signal that is denied or has no effect. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { killCodex } from "../../../effects/killCodex.ts"
import { run } from "../../../effects/run.ts"
import type { ProcessIdentity } from "../../../src/domain/processTree.ts"
import { layerParts, layerWith } from "../../../src/layers.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { ProcessTable, type SignalOutcome } from "../../../src/services/processes/ProcessTable.ts"
import { ProcessTrees } from "../../../src/services/processes/ProcessTrees.ts"
import { installCodexStandIn } from "../../../src/testing/CodexStandIn.ts"
import { allPids, isAlive, procStat } from "../../support/processes.ts"

const runId = "0badcafe"
const graceMillis = 500
const codexArgv = ["codex", "exec", "hi"]

type Table = ProcessTable["Service"]

/** A folder with the log of run `runId`, and a child of the test that prints the signals it gets. */
const makeHouse = Effect.acquireRelease(
  Effect.promise(async () => {
    const root = mkdtempSync(join(tmpdir(), "looper-test-"))
    mkdirSync(join(root, "logs"), { mode: 0o700 })
    writeFileSync(join(root, `logs/codex-exec-20260213-101112-${runId}.log`), "")
    const program = `
      for (const name of ["SIGTERM", "SIGCONT", "SIGUSR1"]) process.on(name, () => console.log(name))
      console.log("ready")
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] })
    const lines: Array<string> = []
    child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(...text.trim().split("\n")))
    await once(child.stdout, "data")
    const pid = child.pid ?? 0
    return { root, child, lines, pid, startTicks: procStat(pid)?.startTime ?? 0 }
  }),
  ({ root, child }) =>
    Effect.promise(async () => {
      await end(child)
      rmSync(root, { recursive: true, force: true })
    })
)
type House = Effect.Success<typeof makeHouse>

const end = async (child: ChildProcess) => {
  const exited = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined
  child.kill("SIGKILL")
  await exited
}

/** The signals the child got, up to one that is sent now. */
const signalsOf = async ({ child, lines }: House): Promise<ReadonlyArray<string>> => {
  child.kill("SIGUSR1")
  while (!lines.includes("SIGUSR1")) await once(child.stdout ?? child, "data")
  return lines.filter((line) => line !== "ready" && line !== "SIGUSR1")
}

/** The real table with some of its parts replaced. */
const layerTable = (differences: (real: Table) => Partial<Table>) =>
  Layer.effect(
    ProcessTable,
    Effect.map(ProcessTable, (real) => ProcessTable.of({ ...real, ...differences(real) }))
  ).pipe(Layer.provide(ProcessTable.layer))

/** The real table, but as long as `isShown` the child is a `codex exec` of run `runId` that started at `startTicks`. */
const layerShowing = (
  house: House,
  shown: {
    readonly startTicks: number
    readonly isShown: () => boolean
    readonly signal: (identity: ProcessIdentity, signal: NodeJS.Signals, real: Table) => Effect.Effect<SignalOutcome>
  }
) =>
  layerTable((real) => ({
    scan: Effect.map(real.scan, (rows) =>
      rows.map((row) =>
        row.pid === house.pid && shown.isShown()
          ? { ...row, startTicks: shown.startTicks, marker: runId, argv: codexArgv }
          : row
      )
    ),
    isAlive: (identity) =>
      identity.pid === house.pid && shown.isShown()
        ? Effect.succeed(identity.startTicks === shown.startTicks && isAlive(house.pid))
        : real.isAlive(identity),
    argv: (pid) => (pid === house.pid && shown.isShown() ? Effect.succeed(codexArgv) : real.argv(pid)),
    signal: (identity, signal) => shown.signal(identity, signal, real)
  }))

const layerLooper = ({ root }: House, processTable: Layer.Layer<ProcessTable>) =>
  layerWith(
    LooperConfig.layer({
      root,
      environment: {
        PATH: process.env.PATH,
        LOOPER_NOTIFIER: "log",
        LOOPER_LOG_LEVEL: "CRITICAL",
        CODEX_EXEC_KILL_SCOPE: "own",
        CODEX_EXEC_BINARY: installCodexStandIn(root),
        CODEX_EXEC_DELAY_SECONDS: "0",
        LOOPER_DEFAULT_WORKSPACE: root
      }
    }),
    { ...layerParts, processTable, processTrees: ProcessTrees.layerWith({ graceMillis }) }
  )

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const startedAt = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - startedAt] as const)
  })

describe("a pid reused between scan and signal", () => {
  it.live.each(["SIGTERM", "SIGKILL"] as const)("is not sent %s, and its target counts as gone", (reusedAt) =>
    Effect.gen(function* () {
      const house = yield* makeHouse
      let isReused = false
      const layer = layerShowing(house, {
        startTicks: house.startTicks - 1,
        isShown: () => !isReused,
        signal: (identity, signal, real) => {
          if (identity.pid === house.pid && signal === reusedAt) isReused = true
          return isReused ? real.signal(identity, signal) : Effect.succeed("sent")
        }
      })
      const result = yield* Effect.provide(killCodex(), layerLooper(house, layer))
      assert.deepStrictEqual(result, { killedPids: [house.pid], remainingPids: [], foreignPids: [] })
      assert.isTrue(isReused)
      assert.isTrue(isAlive(house.pid))
      assert.deepStrictEqual(yield* Effect.promise(() => signalsOf(house)), [])
    })
  )

  it.live("is signalled where the start time is the target's own", () =>
    Effect.gen(function* () {
      const house = yield* makeHouse
      const layer = layerShowing(house, {
        startTicks: house.startTicks,
        isShown: () => true,
        signal: (identity, signal, real) => real.signal(identity, signal)
      })
      const result = yield* Effect.provide(killCodex(), layerLooper(house, layer))
      assert.deepStrictEqual(result.killedPids, [house.pid])
      assert.isFalse(isAlive(house.pid))
      assert.deepStrictEqual(house.lines, ["ready", "SIGTERM", "SIGCONT"])
    })
  )
})

describe("a process that survives", () => {
  it.live.each([
    { outcome: "denied", title: "may not be signalled", boundMillis: 300 },
    { outcome: "sent", title: "outlives SIGKILL", boundMillis: 1_500 }
  ] as const)("because it $title is reported, and nothing is launched", ({ outcome, boundMillis }) =>
    Effect.gen(function* () {
      const house = yield* makeHouse
      let isImmune = true
      const layer = layerShowing(house, {
        startTicks: house.startTicks,
        isShown: () => true,
        signal: (identity, signal, real) =>
          identity.pid === house.pid && isImmune ? Effect.succeed(outcome) : real.signal(identity, signal)
      })
      yield* Effect.gen(function* () {
        const [error, elapsedMillis] = yield* timed(Effect.flip(killCodex()))
        assert.strictEqual(error._tag, "SurvivorsLeft")
        assert.deepInclude(error, { killedPids: [], remainingPids: [house.pid] })
        assert.isAtLeast(elapsedMillis, graceMillis + boundMillis)

        const logs = readdirSync(join(house.root, "logs"))
        const failed = yield* Effect.flip(run({ message: "m", prompt: "p" }))
        assert.deepInclude(failed, { _tag: "SurvivorsLeft", remainingPids: [house.pid] })
        assert.deepStrictEqual(readdirSync(join(house.root, "logs")), logs)
        const children = allPids().filter((pid) => procStat(pid)?.ppid === process.pid && isAlive(pid))
        assert.deepStrictEqual(children, [house.pid])

        isImmune = false
        const { killed, started } = yield* run({ message: "m", prompt: "p" })
        assert.deepStrictEqual(killed.killedPids, [house.pid])
        assert.isDefined(started)
        assert.isFalse(isAlive(house.pid))
      }).pipe(Effect.provide(layerLooper(house, layer)))
    })
  )
})

describe("a scan", () => {
  it.live("that misses a process twice in a row does not end the search", () =>
    Effect.gen(function* () {
      const house = yield* makeHouse
      let scans = 0
      const isHidden = () => scans > 1 && scans <= 4
      const layer = layerTable((real) => ({
        scan: Effect.map(real.scan, (rows) => {
          scans += 1
          const others = rows.filter((row) => row.pid !== house.pid)
          const own = rows.find((row) => row.pid === house.pid)
          return own === undefined || isHidden() ? others : [...others, { ...own, marker: runId }]
        })
      }))
      yield* Effect.provide(killCodex(), layerLooper(house, layer))
      assert.isFalse(isAlive(house.pid))
    })
  )
})
