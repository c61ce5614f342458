/** The ticket of a run: what a run may ask of Looper without knowing the token. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript, type StandInPost } from "../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { isAlive, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"

const token = "correct-horse-battery-staple"
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
const withToken = bearer(token)
const message = { zulip_message: "m" }
const otherPosts = ["/notify", "/spawn", "/kill", "/autopoll/tick"]

/** Without a token, on every address. */
let open: LooperProcess
/** With a token. */
let guarded: LooperProcess

beforeAll(async () => {
  const loopers = [
    startLooper({ env: { LOOPER_HOST: "0.0.0.0" } }),
    startLooper({ env: { LOOPER_API_TOKEN: token } })
  ] as const
  ;[open, guarded] = await Promise.all(loopers)
})
afterAll(() => Promise.all([open, guarded].map((looper) => looper?.[Symbol.asyncDispose]())))

let count = 1
/** A peer that has not failed before: failures are counted by address. */
const newPeer = () => `127.0.1.${++count}`

/** Starts a run that writes its environment and stays; gives its id, pid and ticket. */
const startRun = async (looper: LooperProcess, headers: Record<string, string>) => {
  const file = join(looper.folder, `environment-${count++}`)
  const script = codexScript([
    { environmentTo: `${file}.part` },
    { writeFile: { path: file, text: "" } },
    { hang: true }
  ])
  const body = { ...message, codex_prompt: script }
  const answer = await looper.request("POST", "/run", { body, headers })
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(file), "the run has written its environment")
  const environment: Record<string, string> = JSON.parse(readFileSync(`${file}.part`, "utf8"))
  const { request_id: id } = answer.body ?? {}
  return { id: String(id), pid: runOf(answer).pid, ticket: String(environment.LOOPER_RUN_TICKET), environment }
}
const run = (ticket: string, over: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  guarded.request("POST", "/run", {
    body: { ...message, codex_prompt: "", ...over },
    headers: { ...bearer(ticket), ...headers },
    from: newPeer()
  })

describe("ticket of a run", () => {
  it("is in the run's environment with the address, and the token is not", async () => {
    const { id, ticket, environment } = await startRun(guarded, withToken)
    assert.isTrue(ticket.startsWith(`${id}.`))
    assert.isAtLeast(ticket.length, id.length + 1 + 32)
    assert.strictEqual(environment.LOOPER_RUN_ID, id)
    assert.strictEqual(environment.LOOPER_URL?.replace(/\/$/, ""), `http://127.0.0.1:${guarded.port}`)
    assert.notInclude(JSON.stringify(environment), token)
    const names = Object.keys(environment).filter((name) => /^(LOOPER|ZULIP)_/.test(name))
    assert.sameMembers(names, ["LOOPER_RUN_ID", "LOOPER_URL", "LOOPER_RUN_TICKET"])
  })

  it("is not there without a token, and the address is a loopback one on every bind", async () => {
    const { environment } = await startRun(open, {})
    assert.isUndefined(environment.LOOPER_RUN_TICKET)
    assert.strictEqual(environment.LOOPER_URL?.replace(/\/$/, ""), `http://127.0.0.1:${open.port}`)
  })

  it("opens POST /run and nothing else, and chooses no program", async () => {
    const { pid, ticket } = await startRun(guarded, withToken)
    assert.strictEqual((await run(ticket)).status, 200)
    for (const path of otherPosts) {
      const options = { body: message, headers: bearer(ticket), from: newPeer() }
      assert.strictEqual((await guarded.request("POST", path, options)).status, 401, path)
    }
    assert.strictEqual((await run(ticket, { codex_exec_binary: guarded.codexPath })).status, 403)
    assert.strictEqual((await run(ticket, { zulip_script_path: "/no/script.js" })).status, 403)
    assert.isTrue(isAlive(pid))
  })

  it("is refused where it is changed, forged or from afar", async () => {
    const { id, ticket } = await startRun(guarded, withToken)
    const [, mac = ""] = ticket.split(".")
    const other = mac.startsWith("0") ? "1" : "0"
    const forged = [
      `00000000.${mac}`,
      `${id}.`,
      id,
      mac,
      `${id}.${other}${mac.slice(1)}`,
      `${ticket}0`,
      ticket.slice(0, -1)
    ]
    for (const text of forged) assert.strictEqual((await run(text)).status, 401, text)
    assert.include([401, 403], (await run(ticket, {}, { "x-forwarded-for": "127.0.0.1" })).status)
    assert.strictEqual((await run(ticket)).status, 200)
  })

  it("ends with its run: killed, replaced or finished", async () => {
    const killed = await startRun(guarded, withToken)
    const kill = await guarded.request("POST", "/kill", { headers: withToken })
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [killed.pid])
    assert.strictEqual((await run(killed.ticket)).status, 401)
    const replaced = await startRun(guarded, withToken)
    const next = await startRun(guarded, bearer(replaced.ticket))
    assert.isFalse(isAlive(replaced.pid))
    assert.strictEqual((await run(replaced.ticket)).status, 401)
    assert.strictEqual((await run(next.ticket)).status, 200)
    process.kill(next.pid, "SIGTERM")
    await until(async () => (await run(next.ticket)).status === 401, "the ticket of a finished run is refused")
  })

  it("serves the run's own clients", async () => {
    const answerTo = join(guarded.folder, "answers")
    const done = join(guarded.folder, "asked")
    const post = (path: string, body: Record<string, unknown>, token?: string): { post: StandInPost } => ({
      post: { path, body: { ...message, ...body }, viaChild: true, answerTo, ...(token === undefined ? {} : { token }) }
    })
    const script = codexScript([
      post("/kill", {}),
      post("/run", { codex_prompt: "" }, "wrong"),
      post("/run", { codex_prompt: "", codex_exec_binary: guarded.codexPath }),
      post("/run", { codex_prompt: "" }),
      { writeFile: { path: done, text: "" } },
      post("/run", { codex_prompt: codexScript([{ writeFile: { path: `${done}-next`, text: "" } }, { hang: true }]) })
    ])
    const first = await guarded.request("POST", "/run", {
      body: { ...message, codex_prompt: script },
      headers: withToken
    })
    await until(() => existsSync(done), "the run has asked")
    const answers = readFileSync(answerTo, "utf8").trimEnd().split("\n")
    assert.deepStrictEqual(
      answers.map((line) => JSON.parse(line).status),
      [401, 401, 403, 200]
    )
    await until(() => existsSync(`${done}-next`), "the run has replaced itself")
    assert.isFalse(isAlive(runOf(first).pid))
  })

  it("and the token are in no log", () => {
    for (const text of [
      guarded.output(),
      guarded.serverLog(),
      ...guarded.runLogs().map((path) => readFileSync(path, "utf8"))
    ]) {
      assert.notInclude(text, token)
      assert.notMatch(text, /[0-9a-f]{8}\.[0-9A-Za-z_-]{32}/)
    }
  })
})
