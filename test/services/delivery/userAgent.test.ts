import { assert, it } from "@effect/vitest"
import { userAgent } from "../../../src/services/delivery/userAgent.ts"
import manifest from "../../../package.json" with { type: "json" }

it("names the version of the package", () => {
  assert.isTrue(userAgent.startsWith(`Looper/${manifest.version} (`), userAgent)
})
