/** The order of a request's checks, and the shutdown that comes before them all. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { dish, openApp, type Sent, secret } from "./kitchenApp.ts"

describe("the checks of a request", () => {
  const json = { "content-type": "application/json" }
  const token = { authorization: "Bearer s3cret" }
  const evil = { host: "evil.example" }
  const foreign = { origin: "http://evil.example" }
  const text = { "content-type": "text/plain" }
  const tooLong = { "content-length": String(2 ** 20 + 1) }
  const ticket = { authorization: "Bearer ticket" }

  /** Each request is wrong in all that the later ones are wrong in. */
  const table: ReadonlyArray<readonly [code: string, path: string, init: Sent]> = [
    ["host_not_allowed", "/nothing", { method: "PUT", headers: { ...evil, ...foreign, ...text } }],
    ["origin_not_allowed", "/nothing", { method: "PUT", headers: { ...foreign, ...text } }],
    ["unauthorized", "/nothing", { method: "PUT", headers: text }],
    ["not_found", "/nothing", { method: "PUT", headers: { ...text, ...token } }],
    ["method_not_allowed", "/cook", { method: "PUT", headers: { ...text, ...token } }],
    ["unsupported_media_type", "/cook", { method: "POST", headers: { ...text, ...tooLong, ...ticket }, body: "{" }],
    ["body_too_large", "/cook", { method: "POST", headers: { ...json, ...tooLong, ...ticket }, body: "{" }],
    ["invalid_request", "/cook", { method: "POST", headers: { ...json, ...ticket }, body: '{"dish":1,"recipe":"x"}' }],
    [
      "program_not_allowed",
      "/cook",
      { method: "POST", headers: { ...json, ...ticket }, body: '{"dish":"a","recipe":"x"}' }
    ]
  ]

  it.live("come in the documented order", () =>
    Effect.gen(function* () {
      const app = yield* openApp(() => Effect.die("cooked"), secret)
      for (const [code, path, init] of table) {
        assert.strictEqual((yield* app.request(path, init)).body.code, code)
      }
      yield* app.shutdown.begin
      for (const [, path, init] of table) {
        assert.strictEqual((yield* app.request(path, init)).body.code, "shutting_down")
      }
    })
  )

  it.live("ask every route for its Host and its Origin, /health too", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, { LOOPER_ALLOWED_HOSTS: "looper.example" })
      const statusOf = (headers: Record<string, string>) =>
        Effect.map(app.request("/health", { headers }), ({ status }) => status)
      assert.strictEqual(yield* statusOf(evil), 403)
      assert.strictEqual(yield* statusOf(foreign), 403)
      assert.strictEqual(yield* statusOf({ origin: "null" }), 403)
      assert.strictEqual(yield* statusOf({ host: "looper.example:1", origin: "https://looper.example" }), 200)
    })
  )
})

const assertStopping = (answer: { status: number; headers: Headers; body: Record<string, unknown> }) => {
  assert.strictEqual(answer.status, 503)
  assert.strictEqual(answer.headers.get("retry-after"), "10")
  assert.strictEqual(answer.headers.get("connection"), "close")
  const { deadline_at: deadline, ...body } = answer.body
  assert.deepInclude(body, { ok: false, error: "shutting down", code: "shutting_down", on_shutdown: "stop" })
  assert.closeTo(Date.parse(String(deadline)), Date.now() + 9_800, 5_000)
}

describe("a Looper that is stopping", () => {
  it.live("refuses every request and closes its connection", () =>
    Effect.gen(function* () {
      const app = yield* openApp(() => Effect.die("cooked"))
      assert.isNull((yield* app.request("/health")).headers.get("connection"))
      yield* app.shutdown.begin
      assertStopping(yield* app.request("/health"))
      assertStopping(yield* app.request("/nothing"))
      assertStopping(yield* app.post(dish))
    })
  )

  it.live("answers a request that it cut", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const app = yield* openApp(() => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      const asking = yield* Effect.forkChild(app.post(dish), { startImmediately: true })
      yield* Deferred.await(begun)
      yield* app.shutdown.begin
      yield* app.interruptAll
      assertStopping(yield* Fiber.join(asking))
    })
  )

  it.live("answers a request whose operation it cut", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      const cut = Effect.andThen(Deferred.await(gate), Effect.interrupt)
      const app = yield* openApp(() => Effect.andThen(Deferred.succeed(begun, undefined), cut))
      const asking = yield* Effect.forkChild(app.post(dish), { startImmediately: true })
      yield* Deferred.await(begun)
      yield* app.shutdown.begin
      yield* Deferred.succeed(gate, undefined)
      assertStopping(yield* Fiber.join(asking))
    })
  )

  it.live("lets a request that is done be answered, and closes its connection", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<number>()
      const begun = yield* Deferred.make<void>()
      const app = yield* openApp(() => Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate)))
      const asking = yield* Effect.forkChild(app.post(dish), { startImmediately: true })
      yield* Deferred.await(begun)
      yield* app.shutdown.begin
      yield* Deferred.succeed(gate, 7)
      const answer = yield* Fiber.join(asking)
      assert.strictEqual(answer.text, '{"minutes":"7"}\n')
      assert.strictEqual(answer.headers.get("connection"), "close")
    })
  )
})
