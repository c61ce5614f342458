import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { handler } from "../../src/runtime/Handler.ts"
import { dish, KitchenBusy, NotEnoughSalt, openApp, secret, shown } from "./kitchenApp.ts"

describe("a handler that is added to the list", () => {
  it.live("is routed, decoded, run and encoded", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [string, string]> = []
      const app = yield* openApp((...given) => Effect.sync(() => seen.push(given) + 6))
      const answer = yield* app.post({ dish: "soup" })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.text, '{"minutes":"7"}\n')
      assert.deepStrictEqual(seen, [["soup", "00000001"]])
      assert.strictEqual(answer.headers.get("content-type"), "application/json")
      assert.strictEqual(answer.headers.get("x-content-type-options"), "nosniff")
    })
  )

  it.live("leaves the others as they are", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      const answer = yield* app.request("/health", { peer: "10.1.2.3" })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.text, '{"ok":true}\n')
    })
  )

  it.live("is given to those alone who may call it", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, secret)
      assert.strictEqual((yield* app.post(dish)).status, 401)
      assert.strictEqual((yield* app.post(dish, shown("s3cret"))).status, 200)
      assert.strictEqual((yield* app.post(dish, shown("ticket"))).status, 200)
      assert.strictEqual((yield* app.post(dish, { ...shown("ticket"), peer: "10.1.2.3" })).status, 401)
      assert.strictEqual((yield* app.request("/kill", { method: "POST", ...shown("ticket") })).status, 401)
      const open = yield* openApp()
      assert.strictEqual((yield* open.post(dish, { peer: "10.1.2.3" })).body.code, "remote_not_allowed")
    })
  )

  it.live("gives its program fields to trusted callers alone", () =>
    Effect.gen(function* () {
      const remote = { peer: "10.1.2.3" }
      const app = yield* openApp(() => Effect.die("cooked"), secret)
      const refused = yield* app.post({ ...dish, recipe: "mine" }, shown("ticket"))
      assert.deepInclude(refused.body, {
        code: "program_not_allowed",
        error: "'recipe' chooses a program: it needs the token or, without one, a loopback peer"
      })
      const open = yield* openApp(undefined, { LOOPER_ALLOW_UNAUTHENTICATED_REMOTE: "1" })
      assert.strictEqual((yield* open.post({ ...dish, recipe: "mine" }, remote)).status, 403)
      assert.strictEqual((yield* open.post({ ...dish, recipe: null }, remote)).status, 200)
      assert.strictEqual((yield* open.post({ ...dish, recipe: "mine" })).status, 200)
    })
  )

  it.live("is judged by its own access where another one has the same path", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, secret)
      assert.strictEqual((yield* app.request("/menu")).status, 200)
      assert.strictEqual((yield* app.request("/menu", { method: "HEAD" })).status, 200)
      assert.strictEqual((yield* app.request("/menu", { method: "POST" })).status, 401)
      assert.strictEqual((yield* app.request("/menu", { method: "POST", ...shown("s3cret") })).status, 200)
      assert.strictEqual((yield* app.request("/menu", { method: "PUT" })).headers.get("allow"), "GET, HEAD, POST")
    })
  )

  it.live("has its unknown fields named in one log line", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      yield* app.post({ ...dish, a: 1, b: null })
      assert.deepStrictEqual(app.logs.of("http.fields.unknown"), [{ request_id: "00000001", fields: ["a", "b"] }])
      yield* app.post(dish)
      assert.lengthOf(app.logs.of("http.fields.unknown"), 1)
    })
  )

  it.live("gets of a name that is in the query twice the last value, as of one in a body", () =>
    Effect.gen(function* () {
      const order = handler({
        summary: "An order",
        method: "GET",
        path: "/order",
        access: "token",
        request: Schema.Struct({ dish: Schema.String }),
        success: Schema.Struct({ dish: Schema.String }),
        errors: {},
        body: (given) => Effect.succeed(given)
      })
      const app = yield* openApp(undefined, {}, { handlers: { order } })
      const answer = yield* app.request("/order?dish=soup&dish=pie%20%26+tea")
      assert.deepStrictEqual(answer.body, { dish: "pie & tea" })
    })
  )

  it.live("says in one sentence what is wrong with its body", () =>
    Effect.gen(function* () {
      const answer = yield* (yield* openApp(() => Effect.die("cooked"))).post({ dish: 1 })
      assert.strictEqual(answer.status, 400)
      assert.strictEqual(answer.body.code, "invalid_request")
      assert.match(String(answer.body.error), /^'dish' /)
    })
  )
})

describe("a route that is not there", () => {
  it.live("is 404, whatever the method", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      for (const path of ["/nothing", "/cook/", "/Cook", "/cooking", "/health/", "//health", "/cook/../nothing"]) {
        for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
          const answer = yield* app.request(path, { method })
          assert.strictEqual(answer.status, 404, path)
          assert.deepInclude(answer.body, { ok: false, code: "not_found", error: "no such route" })
        }
      }
    })
  )

  it.live("is 405 where another method is, and says which", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const answer = yield* app.request("/cook", { method })
        assert.strictEqual(answer.status, 405)
        assert.strictEqual(answer.headers.get("allow"), "POST")
        assert.deepInclude(answer.body, { code: "method_not_allowed", error: "allowed here: POST" })
      }
      const answer = yield* app.request("/health", { method: "POST" })
      assert.strictEqual(answer.status, 405)
      assert.strictEqual(answer.headers.get("allow"), "GET, HEAD")
    })
  )

  it.live("is not told to whoever may not ask", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, secret)
      for (const path of ["/nothing", "/cook", "/%68ealth", "/health/x"]) {
        assert.strictEqual((yield* app.request(path)).status, 401, path)
      }
    })
  )

  it.live("answers HEAD like GET, without a body", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      for (const [path, status] of [
        ["/health", 200],
        ["/cook", 405],
        ["/nothing", 404]
      ] as const) {
        const answer = yield* app.request(path, { method: "HEAD" })
        assert.deepStrictEqual([answer.status, answer.text], [status, ""])
        assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f]{8}$/)
      }
    })
  )
})

describe("an operation that fails", () => {
  it.live("is answered with the status, code and fields of its tag, and without secrets", () =>
    Effect.gen(function* () {
      const app = yield* openApp(() => Effect.fail(new NotEnoughSalt({ grams: 3 })), secret)
      const answer = yield* app.post(dish, shown("s3cret"))
      assert.strictEqual(answer.status, 500)
      assert.deepStrictEqual(answer.body, {
        ok: false,
        error: "salt is short by 3 g, says ***",
        code: "not_enough_salt",
        request_id: "00000001",
        step: "season",
        grams: 3
      })
    })
  )

  it.live("is answered without further fields where its tag has none", () =>
    Effect.gen(function* () {
      const answer = yield* (yield* openApp(() => Effect.fail(new KitchenBusy()))).post(dish)
      assert.strictEqual(answer.status, 409)
      assert.deepStrictEqual(answer.body, { ok: false, error: "busy", code: "kitchen_busy", request_id: "00000001" })
    })
  )

  it.live("is an internal error without a stack where it is a defect, which is logged with its cause", () =>
    Effect.gen(function* () {
      const defects: ReadonlyArray<Effect.Effect<number>> = [
        Effect.die(new Error("oven")),
        Effect.sync(() => {
          throw new Error("oven")
        }),
        Effect.promise(() => Promise.reject(new Error("oven"))),
        Effect.fail({ _tag: "Undeclared", message: "oven" }) as Effect.Effect<never>,
        Effect.succeed("oven") as unknown as Effect.Effect<number>
      ]
      for (const defect of defects) {
        const app = yield* openApp(() => defect)
        const answer = yield* app.post(dish)
        assert.strictEqual(answer.status, 500)
        const { request_id, ...body } = answer.body
        assert.deepStrictEqual(body, { ok: false, error: "internal error", code: "internal_error" })
        assert.deepStrictEqual(app.logs.of("http.defect"), [{ request_id }])
        assert.strictEqual((yield* app.request("/health")).status, 200)
      }
    })
  )
})

describe("every answer", () => {
  it.effect("is there without a promise where nothing waits: Node then writes it in the same turn", () =>
    Effect.gen(function* () {
      const { fetch } = yield* openApp()
      const answer = (path: string, host: string) =>
        fetch(new Request(`http://localhost${path}`, { headers: { host } }))
      for (const path of ["/health", "/menu?dish=soup"]) {
        for (const host of ["localhost", "refused"]) assert.instanceOf(answer(path, host), Response, `${path} ${host}`)
      }
    })
  )

  it.live("ends in a newline and carries the id that Looper drew", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, secret)
      const own = { "x-request-id": "ffffffff" }
      const json = { "content-type": "application/json" }
      const answers = [
        yield* app.request("/health", { headers: own }),
        yield* app.post(dish, { headers: { ...own, authorization: "Bearer s3cret" } }),
        yield* app.post(dish, { headers: own }),
        yield* app.post({}, shown("s3cret")),
        yield* app.request("/nothing", shown("s3cret")),
        yield* app.request("/cook", shown("s3cret")),
        yield* app.request("/cook", { method: "POST", ...shown("s3cret") }),
        yield* app.request("/health", { headers: { host: "evil.example" } }),
        yield* app.request("/cook", { method: "POST", headers: { ...json, authorization: "Bearer s3cret" }, body: "{" })
      ]
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 200, 401, 400, 404, 405, 415, 403, 400]
      )
      for (const [index, answer] of answers.entries()) {
        const requestId = (index + 1).toString(16).padStart(8, "0")
        assert.strictEqual(answer.headers.get("x-request-id"), requestId)
        assert.isTrue(answer.text.endsWith("}\n"))
        if (answer.body.ok === false) assert.strictEqual(answer.body.request_id, requestId)
      }
      assert.strictEqual(answers[2]?.headers.get("www-authenticate"), "Bearer")
    })
  )

  it.live("is logged with its request: what came, from whom, how it ended", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, secret)
      yield* app.request("/cook/s3cret?token=s3cret", { headers: { "user-agent": "curl" }, peer: "10.1.2.3" })
      const [started] = app.logs.of("http.start")
      const [ended] = app.logs.of("http.end")
      const fields = { request_id: "00000001", method: "GET", path: "/cook/***" }
      assert.deepStrictEqual(started, { ...fields, remote: "10.1.2.3", user_agent: "curl" })
      const { duration_ms, ...rest } = ended ?? {}
      assert.deepStrictEqual(rest, { ...fields, status: 401 })
      assert.isAtLeast(Number(duration_ms), 0)
    })
  )

  it.live("is logged with what the program around Looper annotates, the operation's own records too", () =>
    Effect.gen(function* () {
      const app = yield* Effect.annotateLogs(
        openApp(() => Effect.as(Effect.logInfo("cooked"), 7)),
        { service: "kitchen" }
      )
      assert.strictEqual((yield* app.post(dish)).status, 200)
      for (const event of ["http.start", "cooked", "http.end"]) {
        const [record] = app.logs.of(event)
        assert.deepInclude(record, { service: "kitchen", request_id: "00000001" }, event)
      }
    })
  )

  it.live("is a defect, answered and logged, where its target cannot be read", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      const request: Partial<Request> = { url: "http://not a host/cook", method: "GET", headers: new Headers() }
      const response = yield* Effect.promise(async () => app.fetch(request as Request))
      assert.strictEqual(response.status, 500)
      assert.include(yield* Effect.promise(() => response.json()), { ok: false, code: "internal_error" })
      assert.deepStrictEqual(app.logs.of("http.defect"), [{ request_id: "00000001" }])
    })
  )

  it.live("is judged by its own Host, whoever was let in or refused before it", () =>
    Effect.gen(function* () {
      const app = yield* openApp()
      const hosts = ["evil.example", "evil.example", "localhost", "evil.example", "127.0.0.1:80", "localhost"]
      const answers = yield* Effect.forEach(hosts, (host) => app.post(dish, { headers: { host } }))
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [403, 403, 200, 403, 200, 200]
      )
    })
  )
})
