import { spawn } from "node:child_process"
import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { layerPs, parsePsLine } from "../../../src/services/processes/PsProcessTable.ts"

describe("parsePsLine", () => {
  it("reads a line of ps", () => {
    const line =
      "  421     1   421   421  1000 Ss   Sun Nov 22 12:43:52 2026 /bin/sh -c # looper run supervisor trap : HUP"
    assert.deepInclude(parsePsLine(line), {
      pid: 421,
      parentPid: 1,
      groupId: 421,
      sessionId: 421,
      uid: 1000,
      startTicks: Date.UTC(2026, 10, 22, 12, 43, 52) / 1_000,
      isDead: false,
      isSupervisor: true
    })
  })

  it("takes the group for the session where ps shows an address instead", () => {
    const line = "  421     1   420   0x1f2a  501 Z    Sun Nov  2 02:43:52 2026 (codex)"
    assert.deepInclude(parsePsLine(line), { sessionId: 420, isDead: true, isSupervisor: false })
  })

  it("skips what is no process", () => {
    assert.isUndefined(parsePsLine("  PID  PPID COMMAND"))
    assert.isUndefined(parsePsLine(""))
  })
})

describe("layerPs", () => {
  it.live("finds a child with its parent, its arguments and its run's marker, and signals it", () =>
    Effect.gen(function* () {
      const child = spawn("sleep", ["300"], {
        env: { PATH: "/bin:/usr/bin", LOOPER_RUN_ID: "0123abcd" },
        detached: true
      })
      const exited = once(child, "exit")
      const table = yield* ProcessTable
      const pid = child.pid ?? 0
      const identity = yield* table.find(pid)
      const rows = yield* table.scan
      const row = rows.find((each) => each.pid === pid)
      assert.deepInclude(row, { parentPid: process.pid, groupId: pid, sessionId: pid, marker: "0123abcd" })
      // A look for targets starts no ps for each process.
      assert.isTrue(rows.every(({ argv }) => argv !== undefined))
      assert.deepStrictEqual(row?.argv, ["sleep", "300"])
      assert.deepStrictEqual(yield* table.argv(pid), ["sleep", "300"])
      assert.isFalse(yield* table.isForeign(pid))
      if (identity === undefined) return assert.fail("not found")
      assert.closeTo((yield* table.startedAtMillis(identity)) ?? 0, Date.now(), 10_000)
      const other = { pid: identity.pid, startTicks: identity.startTicks - 1 }
      assert.strictEqual(yield* table.signal(other, "SIGKILL"), "gone")
      assert.isTrue(yield* table.isAlive(identity))
      assert.strictEqual(yield* table.signal(identity, "SIGKILL"), "sent")
      assert.deepStrictEqual(yield* Effect.promise(() => exited), [null, "SIGKILL"])
      assert.isFalse(yield* table.isAlive(identity))
      return undefined
    }).pipe(Effect.provide(layerPs))
  )
})
