/** Bad bodies, routes and bytes: each gets a clear answer and has no effect at all. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { connect } from "node:net"
import { afterAll, beforeAll } from "vitest"
import { type Answer, sendRaw } from "../support/httpClient.ts"
import { noChange, type ResidentLooper, startResidentLooper } from "../support/residentLooper.ts"

let house: ResidentLooper
beforeAll(async () => {
  house = await startResidentLooper()
})
afterAll(() => house?.[Symbol.asyncDispose]())

const isRefused = (answer: Answer, status: number, error?: RegExp) => house.isRefused(answer, status, error)
const post = (path: string, body: unknown) => house.looper.request("POST", path, { body })
const postText = (path: string, raw: string | Uint8Array) =>
  house.looper.request("POST", path, { raw, headers: { "content-type": "application/json" } })

const posts = ["/run", "/notify", "/spawn", "/kill", "/autopoll/tick"]
const badBodies: ReadonlyArray<readonly [string, string | Uint8Array]> = [
  ["no JSON", "zulip_message=m"],
  ["JSON cut short", '{"zulip_message":"m"'],
  ["JSON with a comment", '{"zulip_message":"m"}//'],
  ["two objects", "{}{}"],
  ["NaN", '{"zulip_message":"m","codex_exec_delay_seconds":NaN}'],
  ["Infinity", '{"zulip_message":"m","codex_exec_delay_seconds":-Infinity}'],
  ["a raw NUL", '{"zulip_message":"a\0b"}'],
  ["an array", '[{"zulip_message":"m"}]'],
  ["a string", '"zulip_message"'],
  ["a number", "1"],
  ["true", "true"],
  ["null", "null"],
  ["spaces only", " \n "],
  ["a BOM only", "\ufeff"],
  ["invalid UTF-8", Buffer.from('{"zulip_message":"\xff","codex_prompt":"p"}', "latin1")],
  ["a UTF-8 surrogate", Buffer.from('{"zulip_message":"\xed\xa0\x80","codex_prompt":"p"}', "latin1")],
  ["invalid UTF-8 in an unknown field", Buffer.from('{"zulip_message":"m","x":"\xc3("}', "latin1")],
  ["UTF-16", Buffer.from('{"zulip_message":"m"}', "utf16le")],
  ["brackets without end", "[".repeat(500_000)]
]

describe("bodies", () => {
  for (const path of posts) {
    it.each(badBodies.map(([name, bytes]) => ({ name, bytes })))(`POST ${path} refuses $name`, async ({ bytes }) => {
      assert.isTrue(await isRefused(await postText(path, bytes), 400))
    })

    it(`POST ${path} refuses a body that is not JSON by its content type`, async () => {
      const raw = '{"zulip_message":"m","codex_prompt":"p"}'
      assert.isTrue(await isRefused(await house.looper.request("POST", path, { raw }), 415))
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "text/html+json",
        ""
      ]) {
        assert.isTrue(
          await isRefused(await house.looper.request("POST", path, { raw, headers: { "content-type": type } }), 415)
        )
      }
    })

    it(`POST ${path} refuses a body over 1 MiB, declared or not`, async () => {
      const raw = `{"zulip_message":"m","pad":"${"x".repeat(1_048_576)}"}`
      assert.isTrue(await isRefused(await postText(path, raw), 413))
      const chunked = { "content-type": "application/json", "transfer-encoding": "chunked" }
      const head = Object.entries(chunked).map(([name, value]) => `${name}: ${value}\r\n`)
      const request = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${head.join("")}\r\n`
      const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`
      assert.isTrue(await isRefused(await sendRaw(house.looper.url, `${request}${chunk.repeat(17)}0\r\n\r\n`), 413))
    })
  }

  it("refuses a declared size before it comes", async () => {
    const headers = { "content-type": "application/json", "content-length": "1048577" }
    assert.isTrue(await isRefused(await house.looper.request("POST", "/run", { raw: "{", headers }), 413))
  })

  it.each(["/run", "/notify", "/spawn"])("POST %s refuses an empty body", async (path) => {
    assert.isTrue(await isRefused(await postText(path, ""), 400))
    assert.isTrue(await isRefused(await house.looper.request("POST", path), 415))
  })

  it("the last of a duplicate key counts", async () => {
    assert.isTrue(
      await isRefused(await postText("/run", '{"codex_prompt":"p","zulip_message":"m","zulip_message":5}'), 400)
    )
    const answer = await postText("/notify", '{"zulip_message":5,"zulip_message":"last"}')
    assert.strictEqual(answer.status, 200, answer.text)
    assert.strictEqual(house.zulip.messages.at(-1), "last")
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  })

  it("does not take __proto__ for a source of fields", async () => {
    assert.isTrue(
      await isRefused(await postText("/run", '{"__proto__":{"zulip_message":"m"}}'), 400, /missing 'zulip_message'/)
    )
  })

  it.each([
    ["application/json; charset=utf-8", '{"zulip_message":"a"}'],
    ["APPLICATION/JSON", '{"zulip_message":"b"}'],
    ["application/problem+json", '{"zulip_message":"c"}'],
    ["application/vnd.looper.v1+json;x=y", '{"zulip_message":"d"}'],
    ["application/json", '\ufeff{"zulip_message":"e"}'],
    ["application/json", '{"zulip_message":"\\ud83d\\ude00"}'],
    ["application/json", `{"zulip_message":"f","deep":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["application/json", `{"zulip_message":"g"}${" ".repeat(1_048_576 - 21)}`]
  ])("accepts %s", async (type, raw) => {
    const answer = await house.looper.request("POST", "/notify", { raw, headers: { "content-type": type } })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.isTrue(answer.text.endsWith("}\n"))
    assert.include(answer.body, { ok: true })
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  })

  it("the autopoll route accepts an empty body", async () => {
    const answer = await house.looper.request("POST", "/autopoll/tick")
    assert.include(answer.body, { ok: true, outcome: "skipped", reason: "alive_tasks" })
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("names unknown fields in one log line that no name can forge", async () => {
    const field = "odd\n2026-01-01 00:00:00,000 INFO looper run.success request_id=00000000"
    const answer = await post("/notify", { zulip_message: "m", [field]: 1, another_one: 2 })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
    const lines = house.looper.serverLog().split("\n")
    const naming = lines.filter((line) => line.includes("another_one"))
    assert.strictEqual(naming.length, 1)
    assert.include(naming[0], "odd")
    assert.include(naming[0], String(answer.headers["x-request-id"]))
    assert.isFalse(lines.some((line) => line.startsWith("2026-01-01 00:00:00,000")))
  })
})

describe("routes and methods", () => {
  it.each(["/nope", "/run/", "/RUN", "/runs.json", "//run", "/run%00", "/health/x", "/%2e%2e/etc/passwd", "/%ff"])(
    "there is no %s",
    async (path) => {
      assert.isTrue(await isRefused(await house.looper.request("GET", path), 404))
      assert.isTrue(
        await isRefused(
          await house.looper.request("POST", path, { raw: "x", headers: { "content-type": "text/plain" } }),
          404
        )
      )
    }
  )

  it.each([
    ["GET", "/run", "POST"],
    ["PUT", "/run", "POST"],
    ["DELETE", "/kill", "POST"],
    ["PATCH", "/notify", "POST"],
    ["GET", "/spawn", "POST"],
    ["GET", "/autopoll/tick", "POST"],
    ["OPTIONS", "/run", "POST"],
    ["POST", "/health", "GET"],
    ["DELETE", "/health", "GET"]
  ])("refuses %s %s with Allow", async (method, path, allowed) => {
    const answer = await house.looper.request(method, path, { raw: "x", headers: { "content-type": "text/plain" } })
    assert.isTrue(await isRefused(answer, 405))
    const methods = String(answer.headers.allow).split(/, */)
    assert.include(methods, allowed)
    assert.notInclude(methods, method)
    if (allowed === "GET") assert.include(methods, "HEAD")
  })

  it("answers HEAD /health without a body, and refuses HEAD elsewhere", async () => {
    const health = await house.looper.request("HEAD", "/health")
    assert.deepStrictEqual([health.status, health.text], [200, ""])
    assert.match(String(health.headers["x-request-id"]), /^[0-9a-f]{8}$/)
    assert.strictEqual((await house.looper.request("HEAD", "/run")).status, 405)
    assert.strictEqual((await house.looper.request("HEAD", "/nope")).status, 404)
  })

  it("ignores a query", async () => {
    assert.strictEqual((await house.looper.request("GET", "/health?x=1")).status, 200)
  })

  it("draws its own request id", async () => {
    const headers = { "x-request-id": "deadbeef" }
    const answers = await Promise.all([1, 2, 3].map(() => house.looper.request("GET", "/health", { headers })))
    const ids = new Set(answers.map((answer) => answer.headers["x-request-id"]))
    assert.strictEqual(ids.size, 3)
    assert.isFalse(ids.has("deadbeef"))
  })
})

describe("requests that are no HTTP", () => {
  it.each([
    ["garbage", "nonsense\r\n\r\n", 400],
    ["two lengths", "POST /run HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}", 400],
    [
      "a length and chunks",
      "POST /run HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
      400
    ],
    ["headers of 100 KB", `GET /health HTTP/1.1\r\nhost: localhost\r\nx-pad: ${"x".repeat(100_000)}\r\n\r\n`, 431]
  ])("refuses %s", async (_, bytes, status) => {
    assert.isTrue(await isRefused(await sendRaw(house.looper.url, bytes), status))
  })

  it("refuses a request without Host", async () => {
    const answer = await sendRaw(house.looper.url, "GET /health HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert.isTrue(await isRefused(answer, answer.status === 400 ? 400 : 403))
  })

  it("refuses an expectation that nobody knows", async () => {
    const head = "POST /notify HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close"
    const answer = await sendRaw(house.looper.url, `${head}\r\nexpect: wonders\r\ncontent-length: 2\r\n\r\n{}`)
    assert.isTrue(await isRefused(answer, 417))
  })

  it("refuses a chunk that is none", async () => {
    const head =
      "POST /notify HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked"
    assert.isTrue(await isRefused(await sendRaw(house.looper.url, `${head}\r\n\r\nzz\r\n`), 400))
  })

  it("forgets a client that leaves in the middle of its body", async () => {
    const head = "POST /run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n"
    const socket = connect(house.looper.port, "127.0.0.1", () => socket.end(`${head}{"zulip_message":"m"`))
    socket.on("error", () => undefined).resume()
    await once(socket, "close")
    assert.strictEqual((await house.looper.request("GET", "/health")).status, 200)
    assert.deepStrictEqual(house.changes(), noChange)
  })
})

describe("after all that", () => {
  it("no request has been an internal error", () => {
    assert.notInclude(house.looper.serverLog(), "internal error")
    assert.notInclude(house.looper.output(), "internal_error")
  })
})
