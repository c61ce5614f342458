/** How the place of a message is named. */
import { assert, describe, it } from "@effect/vitest"
import type { ZulipConfig } from "../../../src/services/config/LooperConfig.ts"
import { placeOf } from "../../../src/services/zulip/zulipAddress.ts"

const config = { messageType: "stream", stream: " coding ", topic: "verified-cad", to: "8-Tessa" } as ZulipConfig

describe("the place of messages, for people", () => {
  it("is the channel and its topic, as they are sent", () => {
    assert.strictEqual(placeOf(config), "stream coding, topic verified-cad")
    const long = placeOf({ ...config, topic: "t".repeat(80) })
    assert.strictEqual(Array.from(long).length, "stream coding, topic ".length + 60)
  })

  it("is the people of a private message", () => {
    assert.strictEqual(placeOf({ ...config, messageType: "private" }), "private message to 8-Tessa")
  })
})
