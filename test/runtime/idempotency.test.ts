import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { ProcessTable } from "../../src/services/processes/ProcessTable.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { RunRecords } from "../../src/services/records/RunRecords.ts"
import { StoredAnswers } from "../../src/services/records/StoredAnswers.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { handler } from "../../src/runtime/Handler.ts"
import { bodyHash, idempotencyKey } from "../../src/runtime/idempotency.ts"
import { cancelErrors, lockErrors } from "../../handlers/errors.ts"
import { type MemoryDatabase, makeMemoryDatabase } from "../support/memoryDatabase.ts"
import { openApp, type Sent, secret, shown } from "./kitchenApp.ts"

class Burnt extends Schema.TaggedError<Burnt>()("Burnt", {}) {
  override get message(): string {
    return "burnt, says s3cret"
  }
}

class OvenCold extends Schema.TaggedError<OvenCold>()("OvenCold", {}) {
  override get message(): string {
    return "the oven is cold"
  }
}

type Bake = (what: { readonly cake: string; readonly requestId: string }) => Effect.Effect<number, Burnt | OvenCold>

/** The kitchen with one more route, which takes a key and the run lock. */
const openBakery = Effect.fnUntraced(function* (
  bake: Bake = () => Effect.succeed(1),
  environment: Readonly<Record<string, string>> = {},
  database: MemoryDatabase = makeMemoryDatabase()
) {
  const services = yield* Layer.build(
    RunLock.layerNoDeps.pipe(
      Layer.provideMerge(
        Layer.provide(StoredAnswers.layerNoDeps, [database.layer, Layer.mock(ProcessTable, { bootId: "b", self: 1 })])
      ),
      Layer.provide([Shutdown.layerNoDeps, Layer.mock(RunRecords, { has: () => false })]),
      Layer.provide(Layer.orDie(LooperConfig.layer({ root: "/", environment: {} })))
    )
  )
  const lock = Context.get(services, RunLock)
  const baked: Array<string> = []
  const bakery = handler({
    summary: "Bakes a cake",
    method: "POST",
    path: "/bake",
    access: "tokenOrTicket",
    isIdempotent: true,
    request: Schema.Struct({
      cake: Schema.String,
      layers: Schema.optionalKey(Schema.Number),
      recipe: Schema.optionalKey(Schema.String)
    }),
    programFields: ["recipe"],
    success: Schema.Struct({ ok: Schema.Boolean, request_id: Schema.String, minutes: Schema.Number }),
    errors: {
      ...lockErrors,
      ...cancelErrors,
      Burnt: { status: 500, about: "lost" },
      OvenCold: { status: 503, about: "later" }
    },
    body: ({ cake }, { requestId }) =>
      Effect.gen(function* () {
        if (cake === "cold") return yield* new OvenCold()
        const sequence = Effect.suspend(() => {
          baked.push(cake)
          return bake({ cake, requestId })
        })
        const minutes = yield* lock.tryRun({ requestId, operation: "run", step: "notify", sequence })
        return { ok: true, request_id: requestId, minutes }
      })
  })
  const storedAnswers = Context.get(services, StoredAnswers)
  const app = yield* openApp(undefined, environment, { handlers: { bakery }, storedAnswers })
  const post = (body: unknown, { headers, ...sent }: Sent = {}) =>
    app.request("/bake", {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
      ...sent
    })
  const keyed = (body: unknown, key = "k") => post(body, { headers: { "idempotency-key": key } })
  return { ...app, baked, database, post, keyed }
})

const cake = { cake: "plain" }

const allowed = "'Idempotency-Key' must come once, as 1 to 255 visible ASCII characters: "

describe("an Idempotency-Key", () => {
  const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => index + 0x21))
  for (const key of ["k", visible, "k".repeat(255), "a,b", '"quoted"']) {
    it.live(`may be ${key.slice(0, 20)} (${key.length})`, () =>
      Effect.gen(function* () {
        const headers = new Headers({ "idempotency-key": key })
        assert.strictEqual(yield* idempotencyKey(headers, ["Host", "x", "idempotency-KEY", key]), key)
        const { keyed, baked } = yield* openBakery()
        assert.strictEqual((yield* keyed(cake, key)).status, 200)
        assert.strictEqual((yield* keyed(cake, key)).headers.get("idempotency-replayed"), "true")
        assert.lengthOf(baked, 1)
      })
    )
  }

  const bad: ReadonlyArray<readonly [key: string, problem: string]> = [
    ["", "it is empty"],
    ["k".repeat(256), "it has 256"],
    ["a b", "its character 2 is U+0020"],
    ["a\tb", "its character 2 is U+0009"],
    ["ab\x7f", "its character 3 is U+007F"],
    ["é", "its character 1 is U+00E9"]
  ]
  for (const [key, problem] of bad) {
    it.live(`may not be ${JSON.stringify(key.slice(0, 20))} (${key.length})`, () =>
      Effect.gen(function* () {
        const { keyed, baked, logs } = yield* openBakery()
        const answer = yield* keyed(cake, key)
        assert.strictEqual(answer.status, 400)
        assert.deepInclude(answer.body, { code: "invalid_request", error: `${allowed}${problem}` })
        assert.deepStrictEqual(baked, [])
        assert.deepStrictEqual(logs.of("run.step"), [])
      })
    )
  }

  it.live("may not come twice, whatever a client makes of that", () =>
    Effect.gen(function* () {
      const { post, baked } = yield* openBakery()
      for (const [first, second, joined] of [
        ["a", "b", "a, b"],
        ["a", "a", "a, a"],
        ["a", "", "a,"],
        ["", "", ","]
      ] as const) {
        const rawHeaders = ["Idempotency-Key", first, "IDEMPOTENCY-KEY", second]
        const answer = yield* post(cake, { headers: { "idempotency-key": joined }, rawHeaders })
        assert.deepInclude(answer.body, { code: "invalid_request", error: `${allowed}it came 2 times` })
      }
      assert.strictEqual((yield* post(cake, { headers: { "idempotency-key": "a, b" } })).status, 400)
      assert.deepStrictEqual(baked, [])
    })
  )

  it.live("is ignored where a route takes none", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      for (const key of ["k", "k", "not a key"]) {
        const headers = { "content-type": "application/json", "idempotency-key": key }
        const answer = yield* app.request("/cook", { method: "POST", headers, body: '{"dish":"soup"}' })
        assert.strictEqual(answer.text, '{"minutes":"7"}\n')
        assert.isNull(answer.headers.get("idempotency-replayed"))
      }
    })
  )

  it.live("is judged after who asks, the body and its programs", () =>
    Effect.gen(function* () {
      const { post, baked } = yield* openBakery(undefined, secret)
      const bad = { "idempotency-key": "not a key" }
      const ticket = { ...bad, ...shown("ticket").headers }
      const codeOf = (body: unknown, headers: Record<string, string>) =>
        Effect.map(post(body, { headers }), (answer) => answer.body.code)
      assert.strictEqual(yield* codeOf("{", bad), "unauthorized")
      assert.strictEqual(yield* codeOf("{", ticket), "invalid_request")
      assert.strictEqual(yield* codeOf({ ...cake, recipe: "x" }, ticket), "program_not_allowed")
      const answer = yield* post(cake, { headers: ticket })
      assert.match(String(answer.body.error), /Idempotency-Key/)
      assert.deepStrictEqual(baked, [])
    })
  )
})

describe("a repeat", () => {
  it.live("gets the first answer under an id of its own, and the log says so without the key", () =>
    Effect.gen(function* () {
      const { keyed, baked, logs } = yield* openBakery()
      const first = yield* keyed(cake, "my-key")
      const second = yield* keyed(cake, "my-key")
      assert.deepStrictEqual([second.status, second.text], [first.status, first.text])
      assert.strictEqual(first.body.request_id, "00000001")
      assert.deepStrictEqual(
        [first, second].map(({ headers }) => [headers.get("x-request-id"), headers.get("idempotency-replayed")]),
        [
          ["00000001", null],
          ["00000002", "true"]
        ]
      )
      assert.strictEqual(second.headers.get("content-type"), "application/json")
      assert.deepStrictEqual(baked, ["plain"])
      assert.deepStrictEqual(logs.of("http.idempotency.replayed"), [
        { request_id: "00000002", key_len: 6, first_request_id: "00000001" }
      ])
      assert.notInclude(JSON.stringify(logs.lines), "my-key")
    })
  )

  it.live("without a key is a request of its own", () =>
    Effect.gen(function* () {
      const { post, keyed, baked } = yield* openBakery()
      yield* keyed(cake)
      yield* post(cake)
      yield* keyed(cake, "another")
      assert.lengthOf(baked, 3)
    })
  )

  it.live("gets a failure as it was, without secrets", () =>
    Effect.gen(function* () {
      const { post, baked } = yield* openBakery(() => Effect.fail(new Burnt()), secret)
      const headers = { "idempotency-key": "k", ...shown("s3cret").headers }
      const first = yield* post(cake, { headers })
      assert.deepStrictEqual(
        [first.status, first.body],
        [500, { ok: false, error: "burnt, says ***", code: "burnt", request_id: "00000001" }]
      )
      assert.strictEqual((yield* post(cake, { headers })).text, first.text)
      assert.lengthOf(baked, 1)
    })
  )

  it.live("gets a defect as the internal error that it was, which is logged once", () =>
    Effect.gen(function* () {
      const { keyed, baked, logs } = yield* openBakery(() => Effect.die(new Error("oven")))
      const first = yield* keyed(cake)
      assert.deepStrictEqual([first.status, first.body.code], [500, "internal_error"])
      assert.deepInclude(yield* keyed(cake), { status: 500, text: first.text })
      assert.lengthOf(baked, 1)
      assert.deepStrictEqual(logs.of("http.defect"), [{ request_id: "00000001" }])
    })
  )

  it.live("may come from another caller who may call the route, and needs the whole body", () =>
    Effect.gen(function* () {
      const { post } = yield* openBakery(undefined, secret)
      const ask = (token: string, body: unknown) =>
        post(body, { headers: { "idempotency-key": "k", ...shown(token).headers } })
      const first = yield* ask("s3cret", cake)
      assert.strictEqual((yield* ask("ticket", cake)).text, first.text)
      assert.strictEqual((yield* ask("ticket", { cake: "other" })).status, 422)
      const guess = yield* ask("guess", cake)
      assert.deepStrictEqual([guess.status, guess.headers.get("idempotency-replayed")], [401, null])
    })
  )

  it.live("that comes while the first is in progress waits for it, also where the first caller has gone", () =>
    Effect.gen(function* () {
      const entered = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<number>()
      const app = yield* openBakery(() => Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(gate)))
      const first = yield* Effect.forkChild(app.keyed(cake), { startImmediately: true })
      yield* Deferred.await(entered)
      yield* app.interruptAll
      assert.strictEqual((yield* Fiber.join(first)).status, 503)
      const repeat = yield* Effect.forkChild(app.keyed(cake), { startImmediately: true })
      assert.strictEqual((yield* app.keyed({ cake: "other" })).body.code, "idempotency_key_reused")
      yield* Deferred.succeed(gate, 5)
      assert.deepInclude((yield* Fiber.join(repeat)).body, { minutes: 5, request_id: "00000001" })
      assert.deepStrictEqual(app.baked, ["plain"])
    })
  )

  it.live("of a request that was refused before the lock is done", () =>
    Effect.gen(function* () {
      const { keyed, baked, database } = yield* openBakery()
      assert.strictEqual((yield* keyed({})).status, 400)
      assert.strictEqual((yield* keyed({ cake: "cold" })).status, 503)
      assert.deepStrictEqual(database.rows(), [])
      assert.strictEqual((yield* keyed(cake)).status, 200)
      assert.deepStrictEqual(baked, ["plain"])
    })
  )

  it.live("of a sequence that a shutdown cut is not told to come again for ever", () =>
    Effect.gen(function* () {
      const { keyed, baked } = yield* openBakery(() => Effect.interrupt)
      const first = yield* keyed(cake)
      assert.deepStrictEqual([first.status, first.body.code], [503, "shutting_down"])
      const second = yield* keyed(cake)
      assert.deepInclude(second.body, { code: "interrupted", request_id: "00000002" })
      assert.deepStrictEqual([second.status, second.headers.get("retry-after")], [500, null])
      assert.lengthOf(baked, 1)
    })
  )
})

describe("two bodies are the same", () => {
  it.live("where they decode to the same, whatever their text", () =>
    Effect.gen(function* () {
      const { keyed, baked } = yield* openBakery()
      const texts = [
        '{"cake":"plain","layers":2}',
        ' {"layers" : 2.0,\n"cake":"pl\\u0061in"} ',
        '{"layers":1,"layers":2,"cake":"plain","recipe":null,"unknown":1}'
      ]
      for (const text of texts) assert.strictEqual((yield* keyed(text)).status, 200)
      assert.lengthOf(baked, 1)
      for (const text of ['{"cake":"plain"}', '{"cake":"Plain","layers":2}', '{"cake":"plain","layers":3}']) {
        const answer = yield* keyed(text)
        assert.deepStrictEqual([answer.status, answer.body.code], [422, "idempotency_key_reused"])
      }
      assert.lengthOf(baked, 1)
    })
  )

  it("at every depth, and lists by their order", () => {
    assert.strictEqual(
      bodyHash({ a: { b: 1, c: [1, { d: 1, e: 2 }] } }),
      bodyHash({ a: { c: [1, { e: 2, d: 1 }], b: 1 } })
    )
    assert.notStrictEqual(bodyHash({ a: [1, 2] }), bodyHash({ a: [2, 1] }))
    assert.notStrictEqual(bodyHash({ a: "1" }), bodyHash({ a: 1 }))
    assert.match(bodyHash({}), /^[0-9a-f]{64}$/)
  })
})

describe("an answer that asks to come again", () => {
  it.live("has the code of its tag and no word of a shutdown that there is not", () =>
    Effect.gen(function* () {
      const { post, keyed } = yield* openBakery()
      for (const answer of [yield* post({ cake: "cold" }), yield* keyed({ cake: "cold" })]) {
        assert.strictEqual(answer.status, 503)
        assert.deepInclude(answer.body, { ok: false, code: "oven_cold", error: "the oven is cold" })
        assert.strictEqual(answer.headers.get("retry-after"), "10")
        assert.isNull(answer.headers.get("connection"))
      }
    })
  )

  it.live("is given to a key without a database, and to nobody else", () =>
    Effect.gen(function* () {
      const { post, keyed, baked, database, logs } = yield* openBakery()
      database.break()
      const answer = yield* keyed(cake)
      assert.deepStrictEqual([answer.status, answer.body.code], [503, "idempotency_unavailable"])
      assert.strictEqual(answer.headers.get("retry-after"), "10")
      assert.isNull(answer.headers.get("connection"))
      assert.deepStrictEqual(baked, [])
      assert.deepStrictEqual(logs.of("http.idempotency.refused"), [
        { request_id: "00000001", key_len: 1, code: "idempotency_unavailable" }
      ])
      assert.strictEqual((yield* post(cake)).status, 200)
    })
  )

  it.live("is given where the database fails at the lock, without a defect in the log", () =>
    Effect.gen(function* () {
      const { keyed, baked, database, logs } = yield* openBakery()
      database.break("unnoticed writes")
      assert.strictEqual((yield* keyed(cake)).body.code, "idempotency_unavailable")
      assert.deepStrictEqual([baked, logs.of("http.defect")], [[], []])
    })
  )

  it.live("is not given for an answer that could not be stored", () =>
    Effect.gen(function* () {
      const database = makeMemoryDatabase()
      const breaking = Effect.sync(() => database.break())
      const app = yield* openBakery(() => Effect.as(breaking, 3), {}, database)
      const first = yield* app.keyed(cake)
      assert.strictEqual(first.status, 200)
      assert.deepInclude(yield* app.keyed(cake), { status: 200, text: first.text })
      assert.deepStrictEqual(app.logs.of("http.idempotency.unstored"), [{ request_id: "00000001" }])
    })
  )
})
