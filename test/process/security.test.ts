/** Who may ask: tokens, hosts, origins, remote peers, and overrides that choose a program. */
import { assert, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { hostname, networkInterfaces } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { type Answer, type RequestOptions, sendRaw, sendRequest } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { runOf } from "../support/residentLooper.ts"

const token = "correct-horse-battery-staple"
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
const withToken = bearer(token)
const message = { zulip_message: "m" }

/** Without a token, on every address. */
let open: LooperProcess
/** With a token and allowed hosts. */
let guarded: LooperProcess
/** Without a token, also for remote peers. */
let trusting: LooperProcess
let slowHeaders: Promise<{ readonly answer: Answer; readonly millis: number }>

beforeAll(async () => {
  const allowed = "looper.example,other.example:8080"
  const loopers = [
    startLooper({ env: { LOOPER_HOST: "0.0.0.0" } }),
    startLooper({ env: { LOOPER_API_TOKEN: token, LOOPER_ALLOWED_HOSTS: allowed } }),
    startLooper({ env: { LOOPER_ALLOW_UNAUTHENTICATED_REMOTE: "1" } })
  ] as const
  ;[open, guarded, trusting] = await Promise.all(loopers)
  const begin = performance.now()
  const waiting = sendRaw(trusting.url, "GET /health HTTP/1.1\r\nhost: localhost\r\n")
  slowHeaders = waiting.then((answer) => ({ answer, millis: performance.now() - begin }))
})
afterAll(() => Promise.all([open, guarded, trusting].map((looper) => looper?.[Symbol.asyncDispose]())))

/** Asserts the refusal's form, and gives its sentence. */
const refusal = (answer: Answer, status: number): string => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.include(answer.body, { ok: false, request_id: answer.headers["x-request-id"] })
  assert.match(String(answer.body?.code), /^[a-z_]+$/)
  assert.isTrue(answer.text.endsWith("}\n"))
  return String(answer.body?.error)
}

/** A peer that has not failed before: failures are counted by address. */
let peers = 1
const newPeer = () => `127.0.1.${++peers}`

const health = (looper: LooperProcess, headers: Record<string, string>) => looper.request("GET", "/health", { headers })
const notify = (looper: LooperProcess, options: RequestOptions = {}) =>
  looper.request("POST", "/notify", { body: message, ...options })
/** Notifies, and says how long the answer took. */
const timed = async (options: RequestOptions) => {
  const begin = performance.now()
  const { status } = await notify(guarded, options)
  return { status, millis: performance.now() - begin }
}
const own = () => `127.0.0.1:${guarded.port}`
const otherCodex = (looper: LooperProcess) => installCodexStandIn(join(looper.folder, "home"))
const everyPost = ["/run", "/notify", "/spawn", "/kill", "/autopoll/tick"]

describe("token", () => {
  it.each([
    { authorization: `Bearer ${token}` },
    { authorization: `bearer ${token}` },
    { authorization: `BEARER ${token}` },
    { "x-looper-token": token }
  ])("is taken as %j", async (headers) => {
    assert.strictEqual((await notify(guarded, { headers })).status, 200)
  })

  it.each<Record<string, string>>([
    {},
    bearer(""),
    bearer(`${token}x`),
    bearer(token.slice(0, -1)),
    bearer(token.toUpperCase()),
    bearer(`${token},${token}`),
    { authorization: token },
    { authorization: `Basic ${Buffer.from(`:${token}`).toString("base64")}` },
    { "x-looper-token": "" },
    { "x-looper-token": `${token}x` },
    { "x-looper-token": `Bearer ${token}` },
    { cookie: `token=${token}` }
  ])("is missed in %j", async (headers) => {
    assert.strictEqual(refusal(await notify(guarded, { headers, from: newPeer() }), 401), "unauthorized")
  })

  it("is not taken from the query or the body", async () => {
    const inQuery = await guarded.request("POST", `/notify?token=${token}`, { body: message, from: newPeer() })
    assert.strictEqual(inQuery.status, 401)
    const inBody = await notify(guarded, { body: { ...message, token, api_token: token }, from: newPeer() })
    assert.strictEqual(inBody.status, 401)
  })

  it("is asked for on every route but /health and the pages, before the route is looked at", async () => {
    const from = newPeer()
    for (const path of [...everyPost, "/nope"]) {
      assert.strictEqual((await guarded.request("POST", path, { body: message, from })).status, 401, path)
    }
    assert.strictEqual((await guarded.request("GET", "/run", { from })).status, 401)
    for (const path of ["/health", "/", "/docs"]) {
      assert.strictEqual((await guarded.request("GET", path, { from })).status, 200, path)
    }
  })

  it("is asked for before the body is read", async () => {
    const head = "POST /run HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    const waiting = "content-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    refusal(await sendRaw(guarded.url, `${head}${waiting}{`), 401)
    const tooLarge = "content-type: text/plain\r\ncontent-length: 99999999\r\n\r\n"
    assert.strictEqual(refusal(await sendRaw(guarded.url, head + tooLarge), 401), "unauthorized")
  })

  it("makes a peer's failures wait a second after ten in a minute, and nothing else", async () => {
    const from = newPeer()
    for (let failures = 0; failures < 10; failures++) {
      assert.strictEqual((await timed({ headers: bearer("wrong"), from })).status, 401)
    }
    const answered: Array<string> = []
    const note = async (name: string, answer: ReturnType<typeof timed>) => {
      const result = await answer
      answered.push(name)
      return result
    }
    const [eleventh, right] = await Promise.all([
      note("eleventh", timed({ headers: bearer("wrong"), from })),
      note("right", timed({ headers: withToken, from })),
      note("other", timed({ headers: bearer("wrong"), from: newPeer() }))
    ])
    assert.strictEqual(eleventh.status, 401)
    assert.isAtLeast(eleventh.millis, 950)
    assert.strictEqual(right.status, 200)
    assert.strictEqual(answered.at(-1), "eleventh")
  })

  it("may come from a file", async () => {
    const path = join(guarded.folder, "token")
    writeFileSync(path, `${token}-of-file\n`, { mode: 0o600 })
    await using fromFile = await startLooper({ env: { LOOPER_API_TOKEN_FILE: path } })
    assert.strictEqual((await notify(fromFile, { headers: bearer(`${token}-of-file`) })).status, 200)
    assert.strictEqual((await notify(fromFile)).status, 401)
  })
})

describe("Host", () => {
  it.each([
    "localhost",
    "LocalHost:1",
    "127.0.0.1",
    "10.1.2.3:99",
    "[::1]",
    "[::1]:80",
    "[::ffff:127.0.0.1]",
    "looper.example",
    "Looper.Example:99",
    "other.example:8080",
    hostname(),
    `${hostname()}:3456`
  ])("%s is allowed", async (host) => {
    assert.strictEqual((await health(guarded, { host })).status, 200)
    assert.strictEqual((await notify(guarded, { headers: { host, ...withToken } })).status, 200)
  })

  it.each([
    "evil.example",
    "evil.example:3456",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "other.example",
    "other.example:81",
    "sub.looper.example",
    "looper.example.evil",
    "notlocalhost",
    "user@localhost"
  ])("%s is refused before the token is looked at, on /health too", async (host) => {
    const from = newPeer()
    const answers = [
      await health(guarded, { host }),
      await notify(guarded, { headers: { host }, from }),
      await notify(guarded, { headers: { host, ...withToken } }),
      await guarded.request("GET", "/nope", { headers: { host }, from })
    ]
    for (const answer of answers) assert.match(refusal(answer, 403), /host/i)
  })

  it.each(["", " "])("an empty one is refused: %j", async (host) => {
    const answer = await sendRaw(guarded.url, `GET /health HTTP/1.1\r\nhost:${host}\r\nconnection: close\r\n\r\n`)
    assert.include([400, 403], answer.status)
  })

  it("names of this configuration are not known to another", async () => {
    assert.match(refusal(await health(open, { host: "looper.example" }), 403), /host/i)
  })
})

describe("Origin", () => {
  it("the same host and port is allowed, and so is a name of the list", async () => {
    const origins = [
      `http://${own()}`,
      "http://looper.example",
      "https://looper.example:1",
      "http://other.example:8080"
    ]
    for (const origin of origins) {
      assert.strictEqual((await notify(guarded, { headers: { origin, ...withToken } })).status, 200, origin)
      assert.strictEqual((await health(guarded, { origin })).status, 200, origin)
    }
    const sameName = { host: "looper.example", origin: "http://looper.example" }
    assert.strictEqual((await health(guarded, sameName)).status, 200)
  })

  it("any other is refused, null too, right token or not", async () => {
    const others = ["null", "", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "http://other.example"]
    const odd = [
      `http://localhost:${guarded.port}`,
      `http://${own()}.evil.example`,
      `http://${own()}@evil.example`,
      "x"
    ]
    for (const origin of [...others, ...odd, "file://", `http://evil.example/${own()}`]) {
      const answers = [
        await notify(guarded, { headers: { origin, ...withToken } }),
        await notify(guarded, { headers: { origin }, from: newPeer() }),
        await health(guarded, { origin })
      ]
      assert.deepStrictEqual([origin, ...answers.map(({ status }) => status)], [origin, 403, 403, 403])
    }
  })
})

describe("remote peers without a token configured", () => {
  const forwarded: ReadonlyArray<Record<string, string>> = [
    { forwarded: "for=127.0.0.1" },
    { "x-forwarded-for": "127.0.0.1" },
    { "x-forwarded-host": "localhost" },
    { "x-forwarded-proto": "https" },
    { "x-real-ip": "127.0.0.1" },
    { via: "1.1 proxy" }
  ]

  it.each(forwarded)("a request with %j counts as one, and is refused but for /health", async (headers) => {
    for (const path of everyPost) {
      const answer = await open.request("POST", path, { body: { ...message, codex_prompt: "p" }, headers })
      assert.strictEqual(answer.status, 403, path)
    }
    refusal(await open.request("GET", "/nope", { headers }), 403)
    assert.strictEqual((await health(open, headers)).status, 200)
    assert.deepStrictEqual(open.runLogs(), [])
  })

  it.each(forwarded)("a request with %j is answered where a token came with it", async (headers) => {
    assert.strictEqual((await notify(guarded, { headers: { ...headers, ...withToken } })).status, 200)
  })

  it.each(forwarded)(
    "a request with %j is answered where that was asked for, but chooses no program",
    async (headers) => {
      assert.strictEqual((await notify(trusting, { headers })).status, 200)
      const overrides = [{ codex_exec_binary: trusting.codexPath }, { zulip_script_path: "/no/script.js" }]
      for (const override of overrides) {
        const body = { ...message, codex_prompt: "p", ...override }
        refusal(await trusting.request("POST", "/run", { body, headers }), 403)
      }
      refusal(await trusting.request("POST", "/spawn", { body: { codex_prompt: "p", ...overrides[0] }, headers }), 403)
      assert.deepStrictEqual(trusting.runLogs(), [])
    }
  )

  it("the whole of 127/8 is near", async () => {
    assert.strictEqual((await notify(open, { from: "127.9.8.7" })).status, 200)
  })

  it("another address of this machine is remote", async (context) => {
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((face) => face?.family === "IPv4" && !face.internal)?.address
    if (outer === undefined) return context.skip("this machine has no other address")
    const url = `http://${outer}:${open.port}`
    refusal(await sendRequest(url, "POST", "/notify", { body: message }), 403)
    assert.strictEqual((await sendRequest(url, "GET", "/health", {})).status, 200)
  })

  it("answering them is said in a warning at start", () => {
    assert.match(trusting.output(), /WARNING .*LOOPER_ALLOW_UNAUTHENTICATED_REMOTE/)
    assert.notMatch(open.output(), /LOOPER_ALLOW_UNAUTHENTICATED_REMOTE/)
  })
})

describe("overrides that choose a program", () => {
  it("are taken from a loopback peer where no token is configured", async () => {
    const binary = otherCodex(open)
    const answer = await open.run({ ...message, codex_prompt: "p", codex_exec_binary: binary })
    assert.include(answer.body, { ok: true, codex_exec_binary: binary, codex_exec_binary_source: "request" })
    assert.isTrue(runOf(answer).command.startsWith(`${binary} `))
  })

  it("run another Zulip script", async () => {
    const script = join(open.folder, "script.cjs")
    writeFileSync(script, "console.log(`OK script ${process.argv[2]}`)\n")
    const answer = await open.run({ ...message, codex_prompt: "", zulip_script_path: script })
    assert.include(answer.body, { ok: true, zulip_output: "OK script m" })
  })

  it("are taken with the token, through a proxy too", async () => {
    const body = { ...message, codex_prompt: "p", codex_exec_binary: otherCodex(guarded) }
    const headers = { ...withToken, "x-forwarded-for": "192.0.2.1" }
    const answer = await guarded.request("POST", "/run", { body, headers })
    assert.include(answer.body, { ok: true, codex_exec_binary_source: "request" })
  })

  it("are looked at after the rest of the body", async () => {
    const body = { codex_prompt: "p", codex_exec_binary: trusting.codexPath }
    const answer = await trusting.request("POST", "/run", { body, headers: { via: "1.1 proxy" } })
    assert.strictEqual(refusal(answer, 400), "missing 'zulip_message'")
  })
})

describe("connections", () => {
  it("CONNECT is closed", async () => {
    const answer = await sendRaw(open.url, "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n")
    assert.strictEqual(answer.status, 0)
    assert.strictEqual((await health(open, {})).status, 200)
  })

  it("headers that do not come within 10 s are answered 408", async () => {
    const { answer, millis } = await slowHeaders
    refusal(answer, 408)
    assert.isAtLeast(millis, 9_000)
    assert.isAtMost(millis, 13_000)
  })
})
