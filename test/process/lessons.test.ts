/** What other local servers and agents were attacked by, tried on Looper: one test for each lesson. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { isRecord } from "../support/logs.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"
import { exchange } from "../support/rawConnection.ts"
import { noChange, type ResidentLooper, startResidentLooper } from "../support/residentLooper.ts"

const token = "correct-horse-battery-staple"
const withToken = { authorization: `Bearer ${token}` }
const good = { zulip_message: "m", codex_prompt: "p" }
const posts = ["/run", "/notify", "/spawn", "/kill", "/autopoll/tick", "/autopoll/pause", "/autopoll/resume"]

/** Without a token, with a run that lives. */
let house: ResidentLooper
/** With a token. */
let guarded: LooperProcess
beforeAll(async () => {
  ;[house, guarded] = await Promise.all([startResidentLooper(), startLooper({ env: { LOOPER_API_TOKEN: token } })])
})
afterAll(() => Promise.all([house, guarded].map((each) => each?.[Symbol.asyncDispose]())))

/** Every request that a page may send without a preflight, and those it may not. */
const pageTypes = [undefined, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]

describe("web pages", () => {
  it("get no permission to read an answer: no CORS header, no preflight, whatever the origin", async () => {
    const { looper } = house
    for (const origin of ["http://evil.example", looper.url, "null"]) {
      const asks = { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" }
      const answers = [
        await looper.request("OPTIONS", "/run", { headers: asks }),
        await looper.request("GET", "/health", { headers: { origin } }),
        await looper.request("POST", "/notify", { headers: { origin }, raw: "x" })
      ]
      assert.include([403, 405], answers[0]?.status)
      for (const { headers } of answers) {
        assert.deepStrictEqual(
          Object.keys(headers).filter((name) => name.startsWith("access-control-")),
          []
        )
      }
    }
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("can neither run a program of theirs nor stop a run by a request without a preflight", async () => {
    const { looper } = house
    const mark = join(looper.folder, "mark-of-a-page")
    const program = join(looper.folder, "program-of-a-page")
    writeFileSync(program, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
    const raw = JSON.stringify({ ...good, codex_exec_binary: program })
    for (const path of posts) {
      for (const type of [...pageTypes, "application/json"]) {
        for (const origin of [
          "http://evil.example",
          "null",
          "http://localhost:1",
          `http://127.0.0.1:${looper.port}.evil`
        ]) {
          const headers = { origin, ...(type !== undefined && { "content-type": type }) }
          assert.strictEqual((await looper.request("POST", path, { raw, headers })).status, 403, `${path} ${origin}`)
          assert.strictEqual((await looper.request("POST", path, { headers })).status, 403, `${path} ${origin}`)
        }
      }
    }
    assert.isFalse(existsSync(mark))
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("that a name server moves to this machine's address are refused by that name", async () => {
    const { looper } = house
    for (const name of [
      "rebound.example",
      "127.0.0.1.nip.io",
      "localhost.rebound.example",
      "0x7f000001",
      "localhost."
    ]) {
      const host = `${name}:${looper.port}`
      const answer = await looper.request("POST", "/run", { body: good, headers: { host, origin: `http://${host}` } })
      assert.deepStrictEqual([answer.status, answer.body?.code], [403, "host_not_allowed"], name)
    }
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("that call 0.0.0.0 are refused by their origin", async () => {
    const headers = { host: `0.0.0.0:${house.looper.port}`, origin: "http://evil.example" }
    for (const path of posts) {
      assert.strictEqual((await house.looper.request("POST", path, { body: good, headers })).status, 403)
    }
    assert.deepStrictEqual(house.changes(), noChange)
  })

  it("cannot make an answer of Looper run or show as a page", async () => {
    const script = "<script>alert(1)</script>"
    const answers = [
      await house.looper.request("GET", `/${encodeURIComponent(script)}`),
      await house.looper.request("POST", "/run", { body: { ...good, workspace: `/${script}` } }),
      await house.looper.request("GET", "/health")
    ]
    for (const { headers } of answers) {
      assert.match(String(headers["content-type"]), /^application\/json\b/)
      assert.strictEqual(headers["x-content-type-options"], "nosniff")
    }
  })
})

describe("text that reaches a shell, a path or a log", () => {
  it("is never a shell's: prompt, workspace and message are words, whatever they hold", async () => {
    const { looper } = house
    const mark = join(looper.folder, "mark-of-a-shell")
    const [argv, said] = [join(looper.folder, "shell-argv"), join(looper.folder, "shell-said")]
    const attack = `'; touch ${mark}; "$(touch ${mark})" \`touch ${mark}\` | touch ${mark} & touch ${mark}\n touch ${mark} #`
    const workspace = join(looper.folder, `$(touch ${mark.slice(1).replaceAll("/", "_")});\`id\`'"`)
    mkdirSync(workspace)
    const script = join(looper.folder, "says.cjs")
    writeFileSync(script, `require("node:fs").writeFileSync(${JSON.stringify(said)}, process.argv[2])\n`)
    const prompt = `${attack.replaceAll("\n", " ")}\n${codexScript([{ argvTo: argv }, { hang: true }])}`
    const body = { zulip_message: attack, codex_prompt: prompt, workspace, zulip_script_path: script }
    const answer = await looper.run(body)
    assert.strictEqual(answer.status, 200, answer.text)
    await until(() => existsSync(argv), "the run is up")
    assert.deepStrictEqual(JSON.parse(readFileSync(argv, "utf8")).slice(-2), [workspace, prompt])
    assert.strictEqual(readFileSync(said, "utf8"), attack)
    assert.isFalse(existsSync(mark))
    house.changes()
  })

  it.each([
    "/runs/../../../../etc/passwd",
    "/runs/..%2f..%2f..%2fetc%2fpasswd/log",
    "/runs/%2e%2e/%2e%2e/looper-server.log",
    "/runs/00000000%00/log",
    "/logs/looper-server.log",
    "/.env",
    "/package.json",
    "//etc/passwd",
    "/..\\..\\etc\\passwd"
  ])("is never a path of a file: %s", async (path) => {
    const answer = await exchange(house.looper.url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    assert.include([400, 404], answer.status)
    assert.notMatch(answer.text, /root:|looper\.run|"name"/)
  })

  it("never forges a line of the server log, nor drives the terminal that shows it", async () => {
    const { looper } = house
    const forged = "2026-02-13 10:11:12,345 INFO looper run.success request_id=00000000"
    const odd = `\r\n${forged}\n\x1b[2J\x1b]0;title\x07\0\x7f\u0085\u009b31m\u2028${forged}\u2029\u202e`
    const inPath = `/${encodeURIComponent(odd)}`
    await looper.request("GET", inPath)
    await looper.request("POST", "/notify", { body: { ...good, [odd]: 1 } })
    await looper.request("POST", "/notify", { body: { zulip_message: odd.replaceAll("\0", "") } })
    await looper.request("POST", "/run", { body: { ...good, workspace: `/nowhere/${odd.replaceAll("\0", "")}` } })
    await looper.request("POST", "/run", { body: { ...good, codex_exec_binary: odd.replaceAll("\0", "") } })
    await exchange(
      looper.url,
      Buffer.from(`GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \u0085${forged}\u009b2J\r\n\r\n`, "latin1")
    )
    const last = await looper.request("GET", "/health")
    await until(() => looper.serverLog().includes(String(last.headers["x-request-id"])), "the records are written")
    for (const text of [looper.serverLog(), looper.output()]) {
      const lines = text.split(/\r\n|[\n\r\u0085\u2028\u2029]/).filter(Boolean)
      assert.deepStrictEqual(
        lines.filter((line) => !isRecord(line) || line.startsWith(forged)),
        []
      )
      assert.notMatch(text, /[^\P{Cc}\n]/u)
    }
    house.changes()
  })
})

describe("the token", () => {
  it("in an address, a header or a field is not written anywhere", async () => {
    const headers = { "user-agent": `client ${token}`, referer: `http://localhost/?token=${token}` }
    const answers = [
      await guarded.request("GET", `/health?token=${token}`, { headers }),
      await guarded.request("POST", `/notify?token=${token}`, { headers }),
      await guarded.request("GET", `/${token}`, { headers: { ...headers, ...withToken } }),
      await guarded.request("POST", "/notify", { headers: withToken, body: { zulip_message: "m", [token]: token } }),
      await guarded.request("POST", "/run", { headers: withToken, body: { ...good, workspace: `/${token}` } }),
      await guarded.request("POST", "/run", { headers: withToken, body: { ...good, codex_exec_binary: token } })
    ]
    assert.deepStrictEqual(
      answers.map(({ status }) => status),
      [200, 401, 404, 200, 500, 500]
    )
    const last = String(answers.at(-1)?.headers["x-request-id"])
    await until(() => guarded.serverLog().includes(last), "the records are written")
    for (const text of [guarded.serverLog(), guarded.output(), ...answers.map((answer) => answer.text)]) {
      assert.notInclude(text, token)
    }
  })

  it("that is wrong is answered alike, however wrong it is", async () => {
    const bodies = new Set<string>()
    const wrong = ["", "x", token.slice(0, -1), `${token}x`, "x".repeat(token.length), "é".repeat(5_000)]
    for (const [n, shown] of wrong.entries()) {
      const headers = { authorization: `Bearer ${Buffer.from(shown).toString("latin1")}` }
      const answer = await guarded.request("POST", "/kill", { headers, from: `127.0.2.${n + 1}` })
      assert.strictEqual(answer.status, 401)
      bodies.add(JSON.stringify({ ...answer.body, request_id: "" }))
    }
    assert.strictEqual(bodies.size, 1)
  })
})

/** Lessons that tests of other files hold, by a part of the title. */
const heldElsewhere: ReadonlyArray<readonly [lesson: string, file: string, title: string]> = [
  ["a server without a token answers this machine alone", "security", "another address of this machine is remote"],
  ["a proxy in front makes every caller remote", "security", "counts as one, and is refused but for /health"],
  ["an address open to all is said loudly", "security", "answering them is said in a warning at start"],
  ["a program is not chosen by whoever asks", "security", "but chooses no program"],
  ["a foreign Host is refused before anything else", "security", "is refused before the token is looked at"],
  ["a foreign Origin is refused, null too", "security", "any other is refused, null too, right token or not"],
  ["tokens cannot be guessed fast", "security", "makes a peer's failures wait a second after ten in a minute"],
  ["the token does not count in an address", "security", "is not taken from the query or the body"],
  ["a body that is no JSON by its type is refused", "requestBodies", "refuses a body that is not JSON by its content"],
  ["an agent does not get the token", "tickets", "is in the run's environment with the address, and the token is not"],
  ["an agent's ticket opens one route", "tickets", "opens POST /run and nothing else, and chooses no program"],
  ["a prompt may begin like an option", "requests", "a word that codex would parse"],
  ["run output is neutralised in the server log", "output", "sets a line that begins like a record off by a space"],
  ["logs are the owner's alone", "output", "has the documented name, mode and header"]
]

describe("lessons that other files hold", () => {
  it.each(heldElsewhere)("%s: %s.test.ts has a test for it", (_, file, title) => {
    assert.include(readFileSync(join(import.meta.dirname, `${file}.test.ts`), "utf8"), title)
  })
})
