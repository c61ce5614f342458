/** Moments of a termination that a real machine shows by chance only: who appears in the grace, who hides from a scan. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { ProcessRow } from "../../../src/domain/processTree.ts"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { ProcessTrees } from "../../../src/services/processes/ProcessTrees.ts"
import { Shutdown } from "../../../src/services/Shutdown.ts"

const runId = "0badcafe"

const rowOf = (pid: number): ProcessRow => ({
  pid,
  startTicks: pid,
  parentPid: 1,
  groupId: pid,
  sessionId: pid,
  isDead: false,
  marker: runId,
  isSupervisor: false,
  argv: []
})

/** Processes that die of the signals in `mortal`; the n-th scan shows those of them that `shows` lets it. */
const makeWorld = (options: {
  readonly mortal: (pid: number) => NodeJS.Signals
  readonly shows: (scan: number) => ReadonlyArray<number>
}) => {
  const dead = new Set<number>()
  const signals: Array<string> = []
  let scans = 0
  const table = Layer.mock(ProcessTable, {
    bootId: "boot",
    self: 2,
    scan: Effect.sync(() =>
      options
        .shows(++scans)
        .filter((pid) => !dead.has(pid))
        .map(rowOf)
    ),
    isAlive: ({ pid }) => Effect.sync(() => !dead.has(pid)),
    signal: ({ pid }, signal) =>
      Effect.sync(() => {
        if (signal !== "SIGCONT") signals.push(`${pid} ${signal}`)
        if (signal === options.mortal(pid)) dead.add(pid)
        return "sent" as const
      })
  })
  const terminate = Effect.fnUntraced(
    function* (graceMillis: number, rows?: ReadonlyArray<ProcessRow>) {
      const trees = yield* ProcessTrees
      const seeds = { targets: [], leaders: [], markers: new Set([runId]) }
      return yield* trees.terminate(seeds, { graceMillis, ...(rows && { rows }) })
    },
    Effect.provide(
      ProcessTrees.layerNoDeps.pipe(
        Layer.provide(
          Layer.merge(
            table,
            Layer.mock(Shutdown, {
              times: () => undefined,
              notice: () => undefined,
              isLeaving: () => false,
              report: () => {},
              leftovers: () => []
            })
          )
        )
      )
    )
  )
  return { signals, terminate, scans: () => scans }
}

it.live("asks a parent before its children, whatever order a scan has", () =>
  Effect.gen(function* () {
    const { signals, terminate } = makeWorld({ mortal: () => "SIGTERM", shows: () => [12, 10, 11] })
    assert.deepStrictEqual(yield* terminate(300), { survivors: [], treeSize: 3, signal: "SIGTERM" })
    assert.deepStrictEqual(signals, ["10 SIGTERM", "11 SIGTERM", "12 SIGTERM"])
  })
)

it.live("asks who appears in the grace too, and kills nobody who obeys", () =>
  Effect.gen(function* () {
    const { signals, terminate } = makeWorld({
      mortal: (pid) => (pid === 10 ? "SIGKILL" : "SIGTERM"),
      shows: (scan) => (scan < 3 ? [10] : [10, 11])
    })
    assert.deepStrictEqual(yield* terminate(300), { survivors: [], treeSize: 2, signal: "SIGKILL" })
    assert.deepStrictEqual(signals, ["10 SIGTERM", "11 SIGTERM", "10 SIGKILL"])
  })
)

it.live("ends only when three scans in a row show nobody: one may miss who hops from parent to child", () =>
  Effect.gen(function* () {
    // The first scan is the one that asks.
    const shown: ReadonlyArray<ReadonlyArray<number>> = [[10], [], [], [11], [], [12]]
    const { signals, terminate, scans } = makeWorld({ mortal: () => "SIGKILL", shows: (scan) => shown[scan - 1] ?? [] })
    assert.deepStrictEqual(yield* terminate(0), { survivors: [], treeSize: 3, signal: "SIGKILL" })
    assert.deepStrictEqual(signals, ["10 SIGKILL", "11 SIGKILL", "12 SIGKILL"])
    assert.strictEqual(scans(), 9)
  })
)

it.live("counts the scan that showed the last one gone among the three", () =>
  Effect.gen(function* () {
    const { terminate, scans } = makeWorld({ mortal: () => "SIGTERM", shows: () => [10] })
    assert.deepStrictEqual(yield* terminate(5_000), { survivors: [], treeSize: 1, signal: "SIGTERM" })
    assert.strictEqual(scans(), 4)
  })
)

it.live("begins with the scan it is given, and makes none where that shows nobody", () =>
  Effect.gen(function* () {
    const { signals, terminate, scans } = makeWorld({ mortal: () => "SIGTERM", shows: () => [] })
    assert.deepStrictEqual(yield* terminate(5_000, []), { survivors: [], treeSize: 0, signal: undefined })
    assert.strictEqual(scans(), 0)
    assert.deepStrictEqual(yield* terminate(5_000, [rowOf(10)]), { survivors: [], treeSize: 1, signal: "SIGTERM" })
    assert.deepStrictEqual(signals, ["10 SIGTERM"])
    assert.strictEqual(scans(), 3)
  })
)
