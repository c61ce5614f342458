import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { EmptyRequest } from "../../src/domain/RunRequest.ts"
import { type RunBusy, SpawnFailed } from "../../src/domain/errors.ts"
import { handler } from "../../src/runtime/Handler.ts"

const operation: Effect.Effect<string, RunBusy | SpawnFailed> = Effect.fail(new SpawnFailed({ reason: "none" }))

const route = {
  method: "POST",
  path: "/operation",
  access: "token",
  request: EmptyRequest,
  success: Schema.String,
  body: () => operation
} as const

describe("a handler", () => {
  it("does not compile where a tag of its operation has no HTTP answer", () => {
    const whole = handler({ ...route, errors: { RunBusy: { status: 409 }, SpawnFailed: { status: 500 } } })
    // @ts-expect-error SpawnFailed has none; `npm run check` is the test.
    const lacking = handler({ ...route, errors: { RunBusy: { status: 409 } } })
    assert.containsAllKeys(whole.errors, Object.keys(lacking.errors))
  })
})
