/** A whole Looper that reads processes from ps(1), as where there is no /proc. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { Effect } from "effect"
import { killCodex, planKill } from "../../../effects/killCodex.ts"
import { run } from "../../../effects/run.ts"
import { spawnCodex } from "../../../effects/spawnCodex.ts"
import { ProcessTrees } from "../../../src/services/processes/ProcessTrees.ts"
import { layerPs } from "../../../src/services/processes/PsProcessTable.ts"
import type { CodexStep, StandInChild } from "../../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../../support/logs.ts"
import { beats, isAlive, procStat, stopsGrowing } from "../../support/processes.ts"
import { type EmbeddedLooper, openLooper, staying, untilTrue } from "../../effects/embeddedLooper.ts"

/** A look is a process, and on a busy machine there are many. */
const timeoutMillis = 60_000

/** Long enough for some looks. */
const processTrees = ProcessTrees.layerWith({ graceMillis: 3_000 })

const open = openLooper({ parts: { processTable: layerPs, processTrees } })

const kinds: ReadonlyArray<Omit<StandInChild, "heartbeat">> = [
  { kind: "group", dropsMarker: true },
  { kind: "ownGroup" },
  { kind: "session", dropsMarker: true },
  { kind: "daemon" }
]

/** A run that stays with one child of each kind, all of which beat. */
const startWithChildren = Effect.fnUntraced(function* (looper: EmbeddedLooper, first: ReadonlyArray<CodexStep> = []) {
  const heartbeats = kinds.map(({ kind }) => looper.file(`${kind}-beat`))
  const children = kinds.map((child, index): CodexStep => ({ child: { ...child, heartbeat: heartbeats[index] ?? "" } }))
  const { prompt, up } = staying(looper, [...first, ...children])
  const result = yield* looper.perform(run({ message: "m", prompt }))
  yield* up
  for (const heartbeat of heartbeats) yield* Effect.promise(() => beats(heartbeat))
  return { killed: result.killed, pid: result.started?.pid ?? 0, logPath: result.started?.logPath ?? "", heartbeats }
})

const assertGone = Effect.fnUntraced(function* (old: Effect.Success<ReturnType<typeof startWithChildren>>) {
  assert.isFalse(isAlive(old.pid))
  const stopped = yield* Effect.promise(() => Promise.all(old.heartbeats.map((heartbeat) => stopsGrowing(heartbeat))))
  assert.deepStrictEqual(
    stopped,
    old.heartbeats.map(() => true)
  )
})

describe("a Looper over ps", () => {
  it.live(
    "starts, replaces and kills runs with their whole trees",
    () =>
      Effect.gen(function* () {
        const looper = yield* open
        const first = yield* startWithChildren(looper)
        assert.deepStrictEqual(first.killed.killedPids, [])
        const refused = yield* Effect.flip(looper.perform(spawnCodex({ prompt: "p" })))
        assert.deepInclude(refused, { _tag: "RunAlive", pids: [first.pid] })

        const second = yield* startWithChildren(looper, [{ ignore: ["SIGTERM"] }])
        assert.deepStrictEqual(second.killed, { killedPids: [first.pid], remainingPids: [], foreignPids: [] })
        yield* assertGone(first)
        assert.strictEqual(readRunLog(first.logPath).code, "143")

        const plan = yield* looper.perform(planKill())
        assert.deepStrictEqual(plan.targetPids, [second.pid])
        assert.lengthOf(plan.treePids, 1 + kinds.length)
        const supervisor = procStat(second.pid)?.ppid ?? 0
        assert.notInclude(plan.treePids, supervisor)
        const killed = yield* looper.perform(killCodex())
        assert.deepStrictEqual(killed, { killedPids: [second.pid], remainingPids: [], foreignPids: [] })
        yield* assertGone(second)
        assert.isFalse(isAlive(supervisor))
        assert.strictEqual(readRunLog(second.logPath).code, "137")
        assert.deepStrictEqual((yield* looper.perform(killCodex())).killedPids, [])
      }),
    timeoutMillis
  )

  it.live(
    "removes by the marker what an ended run left, and stops its runs when it ends",
    () =>
      Effect.gen(function* () {
        const looper = yield* open
        const heartbeat = looper.file("beat")
        const script = JSON.stringify([{ child: { kind: "daemon", heartbeat } }, { exit: 0 }])
        const ended = yield* looper.perform(run({ message: "m", prompt: script, startupCheckSeconds: 15 }))
        assert.strictEqual(ended.started?.startupReturnCode, 0)
        yield* Effect.promise(() => beats(heartbeat))
        const { prompt, up } = staying(looper)
        const { started } = yield* looper.perform(run({ message: "m", prompt }))
        assert.isTrue(yield* Effect.promise(() => stopsGrowing(heartbeat)))
        yield* up
        yield* looper.close
        assert.isFalse(isAlive(started?.pid ?? 0))
        yield* untilTrue(() => existsSync(started?.logPath ?? ""), "the log is there")
        assert.match(readFileSync(started?.logPath ?? "", "utf8"), /\n# codex_exec_return_code=143\n$/)
      }),
    timeoutMillis
  )
})
