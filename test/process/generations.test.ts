/** Runs in a row, each asked for by the one before, which its own request kills; twenty are among the slow tests. */
import { assert, describe, it } from "@effect/vitest"
import { assertFollow } from "../support/generationHouse.ts"

describe("five generations", () => {
  it("follow one another: one lives at the end, every log is complete, every message is sent once", async () => {
    assert.isTrue(await assertFollow(5))
  })
})
