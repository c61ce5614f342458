/** Many runs and many ticks leave nothing in Looper but their ids; `npm run soak` does the same at length. */
import { assert, describe, it } from "@effect/vitest"
import { growthIn, maxBytesPerTick, soakRuns } from "../../support/soak.ts"
import { bytesPerTick, soakTicks } from "../../support/soakTicks.ts"

describe("what Looper holds", () => {
  it("does not grow with 200 runs that end by themselves, by signals, by the next one, with and without leftovers", async () => {
    const samples = await soakRuns({ runs: 200, every: 10 })
    assert.deepStrictEqual(growthIn(samples, 100), [])
  })

  it("does not grow with a day of ticks", async () => {
    const samples = await soakTicks({ hours: 24 })
    assert.isAbove(samples.at(-1)?.ticks ?? 0, 8_000)
    assert.isAtMost(samples.at(-1)?.handles ?? Number.POSITIVE_INFINITY, samples[0]?.handles ?? 0)
    assert.isBelow(bytesPerTick(samples.slice(4)), maxBytesPerTick)
  })
})
