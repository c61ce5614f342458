import { assert, describe, it } from "@effect/vitest"
import { pressed, settled } from "../../../src/page/actions/stopMachine.ts"

const run = { runId: "3f9c21ab", processCount: 3 }
const armed = pressed({ kind: "idle" }, run, 1_000)

const lapsing = { lapsesAtMillis: 30_000 }

describe("the Stop button", () => {
  it("is armed by the first click", () => {
    assert.deepStrictEqual(armed, { kind: "armed", runId: "3f9c21ab", deafUntilMillis: 1_400, lapsesAtMillis: 6_000 })
  })

  it("is deaf to the second half of a double click", () => {
    assert.strictEqual(pressed(armed, run, 1_399), armed)
  })

  it("stops by the second click", () => {
    assert.deepStrictEqual(pressed(armed, run, 1_400), { kind: "stopping", sinceMillis: 1_400, ...run })
  })

  it("is armed anew where five seconds went by, or another run lives", () => {
    assert.strictEqual(pressed(armed, run, 6_000).kind, "armed")
    const other = pressed(armed, { runId: "4a000001", processCount: 1 }, 2_000)
    assert.strictEqual(other.kind, "armed")
    assert.strictEqual("runId" in other ? other.runId : "", "4a000001")
  })

  it("does not stop twice", () => {
    const stopping = pressed(armed, run, 2_000)
    assert.strictEqual(pressed(stopping, run, 9_000), stopping)
  })

  it("lapses after five seconds, and with its run", () => {
    assert.strictEqual(settled(armed, "3f9c21ab", 5_999), armed)
    assert.strictEqual(settled(armed, "3f9c21ab", 6_000).kind, "idle")
    assert.strictEqual(settled(armed, "4a000001", 2_000).kind, "idle")
    assert.strictEqual(settled(armed, undefined, 2_000).kind, "idle")
  })

  it("tells what it left alive until another run lives", () => {
    const failed = {
      kind: "failed",
      runId: "3f9c21ab",
      error: "2 processes would not die",
      outlives: true,
      ...lapsing
    } as const
    assert.strictEqual(settled(failed, undefined, 0), failed)
    assert.strictEqual(settled(failed, "3f9c21ab", 30_000), failed)
    assert.strictEqual(settled(failed, "4a000001", 0).kind, "idle")
  })

  it("tells any other failure for a while and as long as the run lives: ended, it was stopped after all", () => {
    const failed = {
      kind: "failed",
      runId: "3f9c21ab",
      error: "Looper did not answer",
      outlives: false,
      ...lapsing
    } as const
    assert.strictEqual(settled(failed, "3f9c21ab", 29_999), failed)
    assert.strictEqual(settled(failed, "3f9c21ab", 30_000).kind, "idle")
    assert.strictEqual(settled(failed, undefined, 0).kind, "idle")
    assert.strictEqual(settled(failed, "4a000001", 0).kind, "idle")
  })
})
