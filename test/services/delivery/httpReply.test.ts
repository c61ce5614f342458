import { assert, describe, it } from "@effect/vitest"
import { retryDelaySeconds } from "../../../src/services/delivery/httpReply.ts"

/** An answer with this `Retry-After` alone, or with this `Date` too; it came at 07:00:00. */
const headers = (retryAfter: string | undefined, date?: string) => ({
  retryAfter,
  date,
  receivedAtMillis: Date.UTC(2026, 9, 21, 7)
})

describe("retryDelaySeconds", () => {
  it("takes the header before the body, and only what is a number of seconds", () => {
    assert.strictEqual(retryDelaySeconds(headers("28.706807374954224"), 3), 28.706807374954224)
    assert.strictEqual(retryDelaySeconds(headers(" 2 "), undefined), 2)
    assert.strictEqual(retryDelaySeconds(headers(undefined), 0.5), 0.5)
    assert.strictEqual(retryDelaySeconds(headers("soon"), "4.5"), 4.5)
    for (const value of [undefined, "-1", "1e3", "0x10", "", "soon", "2026-10-21"])
      assert.isUndefined(retryDelaySeconds(headers(value), value))
    for (const value of [-1, Number.NaN, null, true, [1], {}])
      assert.isUndefined(retryDelaySeconds(headers(undefined), value))
  })

  it("takes a date, by the server's clock where it tells the time", () => {
    const at = "Wed, 21 Oct 2026 07:00:28 GMT"
    assert.strictEqual(retryDelaySeconds(headers(at, "Wed, 21 Oct 2026 07:00:20 GMT"), 3), 8)
    assert.strictEqual(retryDelaySeconds(headers(at), 3), 28)
    assert.strictEqual(retryDelaySeconds(headers(at, "noon"), 3), 28)
    assert.strictEqual(retryDelaySeconds(headers("Wednesday, 21-Oct-26 07:00:28 GMT"), 3), 28)
    assert.strictEqual(retryDelaySeconds(headers("Wed, 21 Oct 2026 06:00:00 GMT"), 3), 0)
  })
})
