import { readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { sideFileIdentity, sideFileStart } from "../../src/domain/runLog.ts"
import { lineOf, makeDoctorHouse } from "../support/doctorHouse.ts"
import { procStat } from "../support/processes.ts"

/** The side file of a run whose codex and supervisor are this very process. */
const sideFile = (bootId: string, startTicks: number): string => {
  const self = { pid: process.pid, startTicks }
  const identity = { requestId: "0123abcd", bootId, supervisor: self, codex: self, workspace: "/w", startedAtMillis: 1 }
  return sideFileStart + sideFileIdentity(identity)
}

const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()

// What needs processes of its own stands in test/process/doctor.test.ts.
describe("processes", () => {
  it.live("of a run that is recorded alive are known by start time and boot, not by pid", () =>
    Effect.gen(function* () {
      const { at, look } = yield* makeDoctorHouse
      const startTicks = procStat(process.pid)?.startTime ?? 0
      const found = (text: string) => {
        writeFileSync(at("logs/codex-exec-20260213-101112-0123abcd.state"), text)
        return Effect.map(look("processes"), lineOf)
      }
      const well = "ok: no stale processes; no Looper runs"
      assert.strictEqual(
        yield* found(sideFile(bootId, startTicks)),
        `warning: runs without a Looper: codex ${process.pid} (no Looper runs) → start Looper, which takes them over`
      )
      assert.strictEqual(yield* found(sideFile("another-boot", startTicks)), well)
      assert.strictEqual(yield* found(sideFile(bootId, startTicks + 1)), well)
      assert.strictEqual(yield* found("starting\n{"), well)
    })
  )
})
