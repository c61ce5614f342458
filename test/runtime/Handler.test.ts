import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { EmptyRequest } from "../../src/domain/RunRequest.ts"
import { type RunBusy, SpawnFailed } from "../../src/domain/errors.ts"
import { handler } from "../../src/runtime/Handler.ts"

const operation: Effect.Effect<string, RunBusy | SpawnFailed> = Effect.fail(new SpawnFailed({ reason: "none" }))

const route = {
  summary: "Operates",
  method: "POST",
  path: "/operation",
  access: "token",
  request: EmptyRequest,
  success: Schema.String,
  body: () => operation
} as const

describe("a handler", () => {
  it("does not compile where a tag of its operation has no HTTP answer", () => {
    const busy = { status: 409, about: "busy" } as const
    const whole = handler({ ...route, errors: { RunBusy: busy, SpawnFailed: { status: 500, about: "failed" } } })
    // @ts-expect-error SpawnFailed has none; `npm run check` is the test.
    const lacking = handler({ ...route, errors: { RunBusy: busy } })
    assert.containsAllKeys(whole.errors, Object.keys(lacking.errors))
  })
})
