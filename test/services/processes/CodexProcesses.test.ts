/** What may have changed between a scan and the look at what it found. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { ProcessRow } from "../../../src/domain/processTree.ts"
import { makeCodexProcesses } from "../../../src/services/processes/CodexProcesses.ts"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"

const rowOf = (pid: number, argv: ReadonlyArray<string>): ProcessRow => ({
  pid,
  startTicks: pid,
  parentPid: 1,
  groupId: pid,
  sessionId: pid,
  isDead: false,
  marker: undefined,
  isSupervisor: false,
  argv
})

const run = ["codex", "exec", "hi"]

it.effect("a target is who is a run in the scan and no other program right after it", () =>
  Effect.gen(function* () {
    const now: ReadonlyMap<number, ReadonlyArray<string>> = new Map([
      [10, run],
      [11, ["git", "status"]],
      // In the middle of an exec: codex' launcher becomes codex.
      [12, []],
      [13, run],
      [14, run]
    ])
    const rows = [...now.keys()].map((pid) => rowOf(pid, pid === 14 ? ["sh"] : run))
    const table = Layer.mock(ProcessTable, {
      bootId: "boot",
      self: 2,
      scan: Effect.succeed(rows),
      argv: (pid) => Effect.succeed(now.get(pid) ?? []),
      isAlive: ({ pid }) => Effect.succeed(pid !== 13),
      isForeign: () => Effect.succeed(false)
    })
    const { survey } = makeCodexProcesses({
      config: { killScope: "all", codexBinary: undefined },
      table: yield* Effect.provide(ProcessTable, table),
      runs: { live: () => [], leaders: () => [], has: () => false }
    })
    const found = yield* survey({ workspace: "/" })
    assert.deepStrictEqual(found.targets, [10, 12])
    assert.strictEqual(found.rows, rows)
  })
)
