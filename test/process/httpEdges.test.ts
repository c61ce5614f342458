/** Bytes that no HTTP client sends: each gets the documented answer and has no effect, and Looper answers the next one. */
import { assert, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import type { Answer } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { peakMebibytes, until } from "../support/processes.ts"
import { exchange, openRaw, type RawConnection } from "../support/rawConnection.ts"
import { noChange, type ResidentLooper, runOf, startResidentLooper } from "../support/residentLooper.ts"

const token = "correct-horse-battery-staple"

/** Without a token, with a run that lives. */
let house: ResidentLooper
/** With a token, on every address. */
let guarded: LooperProcess
/** Its messages wait at a gate. */
let gated: LooperProcess
let gate: GatedZulip
beforeAll(async () => {
  gate = await startGatedZulip()
  ;[house, guarded, gated] = await Promise.all([
    startResidentLooper(),
    startLooper({ env: { LOOPER_API_TOKEN: token, LOOPER_HOST: "0.0.0.0" } }),
    startLooper({ env: { ...gate.env, LOOPER_SHUTDOWN_GRACE_SECONDS: "5" } })
  ])
})
afterAll(async () => {
  await Promise.all([house, guarded, gated].map((each) => each?.[Symbol.asyncDispose]()))
  await gate?.[Symbol.asyncDispose]()
})

/** One request; `head` lines come after its Host, the body's length is added. */
const request = (line: string, options: { readonly head?: string; readonly body?: string | Uint8Array } = {}) => {
  const { head = "", body } = options
  const length = body === undefined ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  const lines = `${line} HTTP/1.1\r\nHost: localhost\r\n${head}${length}\r\n`
  return Buffer.concat([Buffer.from(lines), Buffer.from(body ?? "")])
}
const json = "Content-Type: application/json\r\n"
const post = (path: string, body: unknown, head = "") => {
  const isBytes = typeof body === "string" || body instanceof Uint8Array
  return request(`POST ${path}`, { head: json + head, body: isBytes ? body : JSON.stringify(body) })
}
const good = { zulip_message: "m", codex_prompt: "p" }
const message = '{"zulip_message":"m"}'
const health = request("GET /health")
const healthText = '{"ok":true}\n'

const assertHealthy = async (connection: RawConnection) => {
  connection.write(health)
  const answer = await connection.next()
  assert.deepStrictEqual([answer.status, answer.text], [200, healthText])
}

/** Sends to the house, and asserts the refusal and that nothing else happened. */
const isRefused = async (bytes: string | Uint8Array, status: number, code: string): Promise<Answer> => {
  const answer = await exchange(house.looper.url, bytes)
  await house.isRefused(answer, status)
  assert.strictEqual(answer.body?.code, code)
  return answer
}

/** Sends to the house, and asserts that it is taken for one message. */
const isSent = async (bytes: string | Uint8Array): Promise<true> => {
  const answer = await exchange(house.looper.url, bytes)
  assert.strictEqual(answer.status, 200, answer.text)
  assert.match(String(answer.headers["x-request-id"]), /^[0-9a-f]{8}$/)
  assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  return true
}

describe("status table", () => {
  it.each<readonly [string, string, unknown]>([
    ["not JSON", "/run", "zulip_message=m"],
    ["not UTF-8", "/run", Buffer.from('{"zulip_message":"\xff"}', "latin1")],
    ["no object", "/notify", "[]"],
    ["a field of the wrong type", "/notify", { zulip_message: 5 }],
    ["a missing field", "/run", { codex_prompt: "p" }],
    ["a number that is none", "/spawn", { codex_prompt: "p", codex_exec_delay_seconds: "soon" }],
    ["a number out of range", "/run", { ...good, codex_exec_delay_seconds: -1 }],
    ["a NUL", "/run", { ...good, workspace: "/tmp\0" }],
    ["a lone surrogate", "/notify", '{"zulip_message":"\\ud800"}'],
    ["a prompt that is too long", "/run", { ...good, codex_prompt: "x".repeat(131_072) }]
  ])("400 for %s", async (_, path, body) => {
    assert.isOk(await isRefused(post(path, body), 400, "invalid_request"))
  })

  it("401 without the token, in the documented form", async () => {
    const answer = await exchange(guarded.url, post("/run", good))
    assert.strictEqual(answer.status, 401)
    assert.strictEqual(answer.headers["www-authenticate"], "Bearer")
    const request_id = answer.headers["x-request-id"]
    assert.deepStrictEqual(answer.body, { ok: false, error: "unauthorized", code: "unauthorized", request_id })
    assert.match(String(request_id), /^[0-9a-f]{8}$/)
  })

  it.each([
    ["a foreign Host", "Host: evil.example\r\n", "host_not_allowed"],
    ["a foreign Origin", "Host: localhost\r\nOrigin: http://evil.example\r\n", "origin_not_allowed"],
    ["a proxy without a token", "Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n", "remote_not_allowed"]
  ])("403 for %s", async (_, head, code) => {
    assert.isOk(await isRefused(`POST /kill HTTP/1.1\r\n${head}\r\n`, 403, code))
  })

  it("404, 405 with Allow, 413 and 415", async () => {
    assert.isOk(await isRefused(request("GET /nothing"), 404, "not_found"))
    assert.strictEqual((await isRefused(request("PUT /run"), 405, "method_not_allowed")).headers.allow, "POST")
    assert.isOk(await isRefused(post("/run", " ".repeat(1_048_577)), 413, "body_too_large"))
    assert.isOk(await isRefused(request("POST /run", { body: message }), 415, "unsupported_media_type"))
  })

  it("409 while another run is in progress, with its holder, and while a codex lives, with its pid", async () => {
    gate.shut()
    const holder = exchange(gated.url, post("/run", { ...good, codex_prompt: "" }))
    await until(() => gate.messages.length === 1, "the first run sends its message")
    const busy = await exchange(gated.url, post("/run", good))
    gate.open()
    const { body: held } = await holder
    assert.deepInclude(busy, { status: 409 })
    assert.include(busy.body, { ok: false, error: "busy: another run is in progress", code: "run_busy" })
    assert.include(busy.body?.holder, { request_id: held?.request_id, step: "notify" })
    assert.strictEqual(gate.messages.length, 1)
    const alive = await isRefused(post("/spawn", { codex_prompt: "p" }), 409, "run_alive")
    assert.deepStrictEqual(alive.body?.pids, [house.resident.pid])
  })

  it("500 for a step that fails, which it names", async () => {
    const script = join(house.looper.folder, "script.cjs")
    writeFileSync(script, 'console.error("no such stream"); process.exit(1)\n')
    const steps: ReadonlyArray<readonly [unknown, string, string, RegExp]> = [
      [{ codex_exec_binary: "no-such-tool" }, "tool_missing", "preflight", /^required tool is missing from PATH: no-/],
      [{ workspace: "/nowhere" }, "workspace_not_directory", "preflight", /^workspace is not a directory: \/nowhere$/],
      [{ zulip_script_path: script }, "notify_failed", "notify", /^failed to send Zulip message: .*no such stream/]
    ]
    for (const [over, code, step, error] of steps) {
      const { body } = await isRefused(post("/run", { ...good, ...(over as object) }), 500, code)
      assert.strictEqual(body?.step, step)
      assert.match(String(body?.error), error)
    }
  })

  it("500 for a codex that exits early", async () => {
    const prompt = codexScript([{ print: "no model\n" }, { exit: 9 }])
    const answer = await exchange(
      gated.url,
      post("/run", { ...good, codex_prompt: prompt, codex_exec_startup_check_seconds: 9 })
    )
    assert.deepStrictEqual(
      [answer.status, answer.body?.code, answer.body?.step, answer.body?.return_code],
      [500, "exited_early", "startup_check", 9]
    )
    assert.match(String(answer.body?.error), /^codex exec exited early \(rc=9, log_path=.*, tail=.*no model/)
  })

  it("503 with Retry-After for a request that the shutdown cuts", async () => {
    gate.shut()
    const sent = gate.messages.length
    const cut = exchange(gated.url, post("/run", good))
    await until(() => gate.messages.length > sent, "the run sends its message")
    gated.signal("SIGTERM")
    const answer = await cut
    assert.include(answer.body, { ok: false, error: "shutting down", code: "shutting_down" })
    assert.strictEqual(answer.status, 503)
    assert.match(String(answer.headers["retry-after"]), /^\d+$/)
    assert.strictEqual(answer.headers.connection, "close")
    assert.deepStrictEqual(await gated.exited, { code: 0, signal: null })
  })
})

/** A body in chunks as given, closed by an empty one. */
const chunked = (chunks: string, head = "") =>
  `POST /notify HTTP/1.1\r\nHost: localhost\r\n${json}Transfer-Encoding: chunked\r\n${head}\r\n${chunks}`

describe("bodies", () => {
  it.each([
    ["in one chunk", chunked(`15\r\n${message}\r\n0\r\n\r\n`)],
    ["in many chunks", chunked(`${[...message].map((letter) => `1\r\n${letter}\r\n`).join("")}0\r\n\r\n`)],
    ["in chunks with extensions", chunked(`15;a=b;c="d e"\r\n${message}\r\n0;z\r\n\r\n`)],
    [
      "with trailing headers, which say nothing",
      chunked(`15\r\n${message}\r\n0\r\nX-Forwarded-For: 1\r\nOrigin: null\r\n\r\n`)
    ],
    ["with a byte order mark", post("/notify", `\ufeff${message}`)],
    [
      "of another JSON type",
      request("POST /notify", { head: "Content-Type: application/x.y+json\r\n", body: message })
    ],
    ["after 100-continue", post("/notify", message, "Expect: 100-continue\r\n")],
    ["of HTTP/1.0", `POST /notify HTTP/1.0\r\nHost: localhost\r\n${json}Content-Length: 21\r\n\r\n${message}`]
  ])("are taken %s", async (_, bytes) => {
    assert.isTrue(await isSent(bytes))
  })

  it.each([
    ["a chunk size that is no number", chunked("zz\r\n")],
    ["a chunk size below zero", chunked(`-5\r\n${message}\r\n0\r\n\r\n`)],
    ["a chunk size as C writes it", chunked(`0x15\r\n${message}\r\n0\r\n\r\n`)],
    ["a chunk size beyond all numbers", chunked(`ffffffffffffffffff\r\n${message}\r\n0\r\n\r\n`)],
    ["a chunk longer than its size", chunked(`15\r\n${message}x\r\n0\r\n\r\n`)],
    ["chunks with bare line feeds", chunked(`15\n${message}\n0\n\n`)],
    ["a chunk extension without end", chunked(`15;${"x".repeat(100_000)}\r\n${message}\r\n0\r\n\r\n`)],
    ["chunks that are not the last coding", chunked("", "Transfer-Encoding: identity\r\n")],
    [
      "an unknown coding",
      `POST /notify HTTP/1.1\r\nHost: localhost\r\n${json}Transfer-Encoding: xchunked\r\n\r\n${message}`
    ],
    ["a length and chunks", chunked("0\r\n\r\n", "Content-Length: 5\r\n")],
    ...["-1", "+21", "0x15", "2 1", "", "1e1", "21, 21", "99999999999999999999"].map((length): [string, string] => [
      `a length of "${length}"`,
      `POST /notify HTTP/1.1\r\nHost: localhost\r\n${json}Content-Length: ${length}\r\n\r\n${message}`
    ])
  ])("are refused with %s", async (_, bytes) => {
    const answer = await isRefused(bytes, 400, "malformed_request")
    assert.strictEqual(answer.headers.connection, "close")
  })

  it("are refused without a content type, or with two", async () => {
    assert.isOk(await isRefused(request("POST /notify", { body: message }), 415, "unsupported_media_type"))
    const two = `${json}Content-Type: text/plain\r\n`
    assert.isOk(await isRefused(request("POST /notify", { head: two, body: message }), 415, "unsupported_media_type"))
  })

  it.each([
    [
      "announced",
      post("/notify", "")
        .toString()
        .replace("Content-Length: 0", `Content-Length: ${100 * 1_048_576}`)
    ],
    ["in chunks", chunked("")],
    ["to no route", request("POST /nope", { head: `${json}Content-Length: ${100 * 1_048_576}\r\n` })]
  ])("of 100 MB, %s, cost no memory, and are not read to their end where they are refused", async (_, head) => {
    const { url, pid } = house.looper
    const before = peakMebibytes(pid)
    using connection = await openRaw(url)
    connection.write(head)
    const isChunked = !head.includes("Content-Length")
    const piece = isChunked ? `100000\r\n${" ".repeat(1_048_576)}\r\n` : " ".repeat(1_048_576)
    let isAnswered = false
    const answered = connection.next().finally(() => (isAnswered = true))
    connection.socket.on("error", () => undefined)
    let sent = 0
    for (; sent < 100 && !isAnswered && connection.socket.writable; sent++) {
      const isTaken = new Promise((resolve) => connection.socket.write(piece, resolve))
      await Promise.race([isTaken.then(() => delay(20)), answered])
    }
    const answer = await answered
    assert.isBelow(sent, 20)
    await house.isRefused(answer, head.includes("/nope") ? 404 : 413)
    assert.isBelow(peakMebibytes(pid) - before, 100)
  })

  it("that nobody asked for are never taken for a request", async () => {
    const smuggled = post("/notify", message)
    for (const line of ["GET /health", "POST /nope", "PUT /run", "POST /notify", "HEAD /run"]) {
      using connection = await openRaw(house.looper.url)
      connection.write(request(line, { body: smuggled.toString() }))
      const first = await connection.next({ isHead: line.startsWith("HEAD") })
      assert.isAbove(first.status, 199)
      connection.write(health)
      const second = await connection.next().catch(() => undefined)
      assert.include([healthText, undefined], second?.text, line)
      assert.deepStrictEqual(house.changes(), noChange, line)
    }
  })
})

describe("request lines and headers", () => {
  it.each([
    ["bare line feeds", "GET /health HTTP/1.1\nHost: localhost\n\n"],
    ["a bare carriage return", "GET /health HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n"],
    ["a NUL in a header", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n"],
    ["a NUL in a header's name", "GET /health HTTP/1.1\r\nHost: localhost\r\nX\0A: ab\r\n\r\n"],
    ["a NUL in the path", "GET /hea\0lth HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a folded header", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n"],
    ["a folded Host", "GET /health HTTP/1.1\r\nHost: evil\r\n .example\r\n\r\n"],
    ["a blank before the colon", "GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n"],
    ["a method in small letters", "get /health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a method that is none", "BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a path without slash", "GET health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a path beyond ASCII", "GET /h\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a backslash for a slash", "GET \\health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["all routes at once", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["no version", "GET /health\r\n\r\n"],
    ["version 1.2", "GET /health HTTP/1.2\r\nHost: localhost\r\n\r\n"],
    ["version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["TLS", `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"x".repeat(300)}`],
    ["version 1.1 without Host", "GET /health HTTP/1.1\r\n\r\n"],
    ["version 1.0 without Host", "GET /health HTTP/1.0\r\n\r\n"]
  ])("are refused with %s", async (_, bytes) => {
    const answer = await isRefused(bytes, 400, "malformed_request")
    assert.strictEqual(answer.headers.connection, "close")
  })

  it.each([
    ["a header of 200 kB", request("GET /health", { head: `X: ${"x".repeat(200_000)}\r\n` })],
    ["a path of 20 kB", request(`GET /${"x".repeat(20_000)}`)],
    ["3,000 headers", request("GET /health", { head: "a:b\r\n".repeat(3_000) })],
    ["trailing headers of 200 kB", chunked(`15\r\n${message}\r\n0\r\nX: ${"x".repeat(200_000)}\r\n\r\n`)]
  ])("are refused with %s", async (_, bytes) => {
    assert.isOk(await isRefused(bytes, 431, "headers_too_large"))
  })

  it.each([100, 500, 999, 1_000, 1_001, 1_999, 2_000, 2_001])(
    "%d headers hide none that follows them",
    async (count) => {
      for (const last of ["X-Forwarded-For: 192.0.2.1", "Origin: http://evil.example", "Host: evil.example"]) {
        const answer = await exchange(
          house.looper.url,
          post("/notify", message, `${"a:b\r\n".repeat(count)}${last}\r\n`)
        )
        assert.include([403, 431], answer.status, last)
        await house.isRefused(answer, answer.status)
      }
    }
  )

  it.each([
    ["Host: localhost\r\nHost: evil.example", 403],
    ["Host: evil.example\r\nHost: localhost", 403],
    ["Host: localhost\r\nHost: localhost", 403],
    ["Host:", 403],
    ["Host: localhost, evil.example", 403],
    ["Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example", 403]
  ])("are refused with %j", async (head, status) => {
    const answer = await exchange(house.looper.url, `GET /health HTTP/1.1\r\n${head}\r\n\r\n`)
    assert.isTrue(await house.isRefused(answer, status))
  })

  it("a target http://localhost/health with the Host evil.example is refused", async () => {
    const bytes = "GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert.isOk(await isRefused(bytes, 403, "host_not_allowed"))
  })

  it.each([
    "http://evil.example/health",
    "http://localhost.evil.example/health",
    "http://localhost:80@evil.example/health"
  ])("a target %s with the Host localhost is refused: both must be allowed", async (target) => {
    assert.isOk(await isRefused(request(`GET ${target}`), 403, "host_not_allowed"))
  })

  it("a whole address with an allowed host is a target like any other", async () => {
    const answer = await exchange(house.looper.url, request("GET http://localhost/health"))
    assert.deepStrictEqual([answer.status, answer.text], [200, healthText])
  })

  it("a path of 10 kB is no route, and OPTIONS and TRACE are no methods", async () => {
    assert.isOk(await isRefused(request(`GET /${"x".repeat(10_000)}`), 404, "not_found"))
    for (const method of ["OPTIONS", "TRACE"]) {
      assert.isOk(await isRefused(request(`${method} /run`), 405, "method_not_allowed"))
    }
  })

  it("CONNECT is closed without an answer", async () => {
    using connection = await openRaw(house.looper.url)
    connection.write("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert.strictEqual(await connection.closed, "")
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it.each(["websocket", "h2c"])("an upgrade to %s is not made; the request is answered as it is", async (upgrade) => {
    using connection = await openRaw(house.looper.url)
    connection.write(request("GET /health", { head: `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n` }))
    assert.strictEqual((await connection.next()).text, healthText)
    await assertHealthy(connection)
  })

  it("HEAD is answered without a body, and the next request as usual", async () => {
    using connection = await openRaw(house.looper.url)
    connection.write(request("HEAD /health"))
    assert.strictEqual((await connection.next({ isHead: true })).status, 200)
    await assertHealthy(connection)
  })
})

describe("connections", () => {
  it("that go bad behind whole requests answer those first", async () => {
    using connection = await openRaw(house.looper.url)
    connection.write(Buffer.concat([health, health, Buffer.from("\x01\r\n\r\n")]))
    const answers = [await connection.next(), await connection.next(), await connection.next()]
    assert.deepStrictEqual(
      answers.map(({ status }) => status),
      [200, 200, 400]
    )
  })

  it("answer a last request as it is, whatever bytes follow it", async () => {
    const lasts = [
      request("GET /health", { head: "Connection: close\r\n" }),
      Buffer.from("GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    ]
    for (const last of lasts) {
      using connection = await openRaw(house.looper.url)
      connection.write(Buffer.concat([last, health]))
      assert.strictEqual((await connection.next()).text, healthText)
      assert.strictEqual(await connection.closed, "")
    }
  })

  it("with 100-continue behind another request are answered whole", async () => {
    using connection = await openRaw(house.looper.url)
    connection.write(Buffer.concat([health, request("GET /nope", { head: "Expect: 100-continue\r\n" }), health]))
    assert.strictEqual((await connection.next()).text, healthText)
    assert.strictEqual((await connection.next()).body?.code, "not_found")
    assert.strictEqual((await connection.next()).text, healthText)
  })

  it("with pipelined requests are answered in order", async () => {
    using connection = await openRaw(house.looper.url)
    const numbers = Array.from({ length: 20 }, (_, n) => n)
    const pipelined = numbers.flatMap((n) => [
      health,
      post("/notify", { zulip_message: `pipelined ${n}` }),
      request(`GET /nope-${n}`),
      post("/notify", "{}")
    ])
    connection.write(Buffer.concat(pipelined))
    const ids = new Set<unknown>()
    for (const n of numbers) {
      const answers = [
        await connection.next(),
        await connection.next(),
        await connection.next(),
        await connection.next()
      ]
      assert.deepStrictEqual([n, ...answers.map(({ status }) => status)], [n, 200, 200, 404, 400])
      for (const { headers } of answers) ids.add(headers["x-request-id"])
    }
    assert.strictEqual(ids.size, 80)
    assert.deepStrictEqual(
      house.zulip.messages.slice(-20),
      numbers.map((n) => `pipelined ${n}`)
    )
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 20 })
  })

  it("of slow clients are served while they go on", async () => {
    const begin = performance.now()
    const slowly = async () => {
      using connection = await openRaw(house.looper.url)
      connection.socket.setNoDelay()
      for (const byte of post("/notify", message)) {
        connection.write(Uint8Array.of(byte))
        await delay(10)
      }
      return (await connection.next()).status
    }
    assert.deepStrictEqual(await Promise.all([slowly(), slowly(), slowly()]), [200, 200, 200])
    assert.isAbove(performance.now() - begin, 1_000)
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 3 })
  })

  it("that a client ends or resets in the middle of a request leave nothing behind", async () => {
    const whole = post("/run", good)
    for (const [length, isReset] of [
      [10, false],
      [60, true],
      [whole.length - 1, false],
      [whole.length - 1, true]
    ] as const) {
      using connection = await openRaw(house.looper.url)
      connection.socket.on("error", () => undefined)
      connection.write(whole.subarray(0, length))
      if (isReset) connection.socket.resetAndDestroy()
      else connection.socket.end()
      await connection.closed
    }
    await delay(100)
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("of 200 idle clients hinder nobody, and no shutdown", async () => {
    await using looper = await startLooper()
    const beginnings = [
      "",
      "GET /hea",
      "POST /notify HTTP/1.1\r\nHost: localhost\r\n",
      post("/notify", message).subarray(0, -5)
    ]
    const idle = await Promise.all(Array.from({ length: 200 }, () => openRaw(looper.url)))
    idle.forEach(({ socket, write }, n) => {
      socket.on("error", () => undefined)
      write(n % 5 === 4 ? health : (beginnings[n % 5] ?? ""))
    })
    const begin = performance.now()
    for (let n = 0; n < 20; n++) assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    const { pid } = runOf(await looper.run(codexScript([{ hang: true }])))
    assert.isBelow(performance.now() - begin, 5_000)
    assert.isAbove(pid, 0)
    const stop = performance.now()
    looper.signal("SIGTERM")
    assert.deepStrictEqual(await looper.exited, { code: 0, signal: null })
    assert.isBelow(performance.now() - stop, 5_000)
    await Promise.all(idle.map(({ closed }) => closed))
  })
})

describe("after all that", () => {
  it("a good request still announces and replaces, and none has been an internal error", async () => {
    const answer = await exchange(
      house.looper.url,
      post("/run", { ...good, codex_prompt: codexScript([{ hang: true }]) })
    )
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [house.resident.pid])
    assert.notMatch(house.looper.serverLog(), /internal error|http\.defect|internal_error/)
  })
})
