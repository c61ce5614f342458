/** When processes started, on the wall clock. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { Effect } from "effect"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { readStat, readUptimeMillis } from "../../../src/services/processes/procfs.ts"

describe("the start of a process", () => {
  it.live("is a moment ago for one that was just started", () =>
    Effect.gen(function* () {
      const before = Date.now()
      const child = spawn("sleep", ["60"], { stdio: "ignore" })
      const table = yield* ProcessTable
      const identity = yield* table.find(child.pid ?? 0)
      const startedAt = identity && (yield* table.startedAtMillis(identity))
      child.kill("SIGKILL")
      assert.isAtLeast(startedAt ?? 0, before - 100)
      assert.isAtMost(startedAt ?? 0, Date.now())
    }).pipe(Effect.provide(ProcessTable.layer))
  )

  it.live("differs from another's as their ticks do", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const { pid, startTicks } = readStat(process.pid) ?? { pid: 0, startTicks: 0 }
      const [own, earlier] = [startTicks, startTicks - 500].map((ticks) => ({ pid, startTicks: ticks }))
      if (own === undefined || earlier === undefined) return
      const millis = ((yield* table.startedAtMillis(own)) ?? 0) - ((yield* table.startedAtMillis(earlier)) ?? 0)
      assert.closeTo(millis, 5_000, 500)
    }).pipe(Effect.provide(ProcessTable.layer))
  )

  it.live("is unknown where it would lie in the future: the machine's clocks do not agree", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const ticks = Math.round((readUptimeMillis() ?? 0) / 10)
      assert.isUndefined(yield* table.startedAtMillis({ pid: 1, startTicks: ticks + 6_000 }))
    }).pipe(Effect.provide(ProcessTable.layer))
  )
})
