import { assert, describe, it } from "@effect/vitest"
import { retryDelaySeconds } from "../../../src/services/delivery/httpReply.ts"

describe("retryDelaySeconds", () => {
  it("takes the header before the body, and only what is a number of seconds", () => {
    assert.strictEqual(retryDelaySeconds("28.706807374954224", 3), 28.706807374954224)
    assert.strictEqual(retryDelaySeconds(" 2 ", undefined), 2)
    assert.strictEqual(retryDelaySeconds(undefined, 0.5), 0.5)
    assert.strictEqual(retryDelaySeconds("Wed, 21 Oct 2026 07:28:00 GMT", "4.5"), 4.5)
    for (const value of [undefined, "-1", "1e3", "0x10", "", "soon"]) {
      assert.isUndefined(retryDelaySeconds(value, value))
    }
    for (const value of [-1, Number.NaN, null, true, [1], {}]) assert.isUndefined(retryDelaySeconds(undefined, value))
  })
})
