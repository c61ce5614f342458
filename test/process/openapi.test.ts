/** Real answers against the document that the same Looper serves. */
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import type { OpenApiDocument } from "../../src/runtime/openapi/document.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type ApiContract, makeApiContract } from "../support/apiContract.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import { type Answer, type RequestOptions, sendRaw } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"

const token = { authorization: "Bearer contract" }
const environment = { LOOPER_API_TOKEN: "contract" }

let zulip: GatedZulip
let looper: LooperProcess
let contract: ApiContract
/** As the page names it. */
let pageStyle: string
const seen = new Set<string>()

beforeAll(async () => {
  zulip = await startGatedZulip()
  looper = await startLooper({ env: { ...zulip.env, ...environment } })
  const { body } = await looper.request("GET", "/openapi.json", { headers: token })
  contract = makeApiContract(body as unknown as OpenApiDocument)
  const { text } = await looper.request("GET", "/")
  pageStyle = /"(page\/[\w-]+\.css)"/.exec(text)?.[1] ?? ""
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  await zulip?.[Symbol.asyncDispose]()
})

/** Asks with the token and holds the answer against the operation's promise. */
const ask = async (
  method: string,
  path: string,
  { headers, ...options }: RequestOptions & { readonly run?: string } = {}
): Promise<Answer> => {
  const sent = path
    .replace("{id}", options.run ?? "00000000")
    .replace("docs/{file}", "docs/page.css")
    .replace("page/{file}", pageStyle)
  const answer = await looper.request(method, sent, { headers: { ...token, ...headers }, ...options })
  contract.holds(answer, method, path)
  if (answer.status < 300) seen.add(`${method} ${path}`)
  return answer
}
const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  ask("POST", path, { body, headers })
const message = { zulip_message: "m" }
const hang = { ...message, codex_prompt: codexScript([{ hang: true }]) }
const codeOf = async (asked: Promise<Answer>): Promise<string> => {
  const { status, body } = await asked
  return `${status} ${String(body?.code)}`
}

describe("answers are as the document says", () => {
  it("of each route that answers JSON, and in every form of its success", async () => {
    await post("/run", { ...hang, dry_run: true })
    await post("/run", { ...message, codex_prompt: "" })
    await post("/spawn", { codex_prompt: codexScript([{ exit: 0 }]) })
    const { body } = await post("/run", hang)
    await post("/autopoll/tick", {})
    await post("/notify", message)
    await post("/kill", { dry_run: true })
    const left = contract.operations.filter(({ isJson, method, path }) => isJson && !seen.has(`${method} ${path}`))
    for (const { method, path } of left) {
      const answer = await ask(method, path, {
        run: String(body?.request_id),
        ...(method === "POST" && { body: {} })
      })
      assert.strictEqual(answer.status, 200, `${method} ${path}: ${answer.text}`)
    }
  })

  it("of each content", async () => {
    for (const { method, path, isJson } of contract.operations) {
      if (!isJson && method === "GET" && !path.includes("{id}")) {
        assert.strictEqual((await ask(method, path)).status, 200, path)
      }
    }
  })

  it("where the request is not as it should be", async () => {
    const json = { "content-type": "application/json" }
    assert.strictEqual(await codeOf(ask("POST", "/run", { raw: "{", headers: json })), "400 invalid_request")
    assert.strictEqual(await codeOf(post("/run", { ...message, codex_exec_delay_seconds: -1 })), "400 invalid_request")
    assert.strictEqual(await codeOf(post("/run", message, { authorization: "Bearer no" })), "401 unauthorized")
    assert.strictEqual(await codeOf(post("/kill", {}, { host: "evil.example" })), "403 host_not_allowed")
    assert.strictEqual(await codeOf(post("/kill", {}, { origin: "http://evil.example" })), "403 origin_not_allowed")
    assert.strictEqual(
      await codeOf(ask("GET", "/docs/{file}", { headers: { range: "x".repeat(20_000) } })),
      "431 headers_too_large"
    )
    assert.strictEqual(await codeOf(post("/notify", { zulip_message: "m".repeat(2 ** 20) })), "413 body_too_large")
    assert.strictEqual(
      await codeOf(ask("POST", "/run", { raw: "m", headers: { "content-type": "text/plain" } })),
      "415 unsupported_media_type"
    )
    assert.strictEqual(await codeOf(post("/run", message, { expect: "something" })), "417 expectation_failed")
  })

  it("where no route is reached", async () => {
    contract.holdsOutside(await looper.request("GET", "/nothing", { headers: token }), "not_found")
    contract.holdsOutside(await looper.request("PUT", "/run", { headers: token }), "method_not_allowed")
    const malformed = await sendRaw(looper.url, "POST /run HTTP/1.1\r\nHost\r\n\r\n")
    contract.holds(malformed, "POST", "/run")
    assert.strictEqual(malformed.body?.code, "malformed_request")
  })

  it("where a key comes twice", async () => {
    const key = { "idempotency-key": "contract" }
    const first = await post("/run", hang, key)
    const again = await post("/run", hang, key)
    assert.deepStrictEqual([again.headers["idempotency-replayed"], again.text], ["true", first.text])
    assert.strictEqual(await codeOf(post("/run", message, key)), "422 idempotency_key_reused")
  })

  it("where something is in the way", async () => {
    await post("/run", hang)
    assert.strictEqual(await codeOf(post("/spawn", { codex_prompt: "p" })), "409 run_alive")
    zulip.shut()
    const before = zulip.messages.length
    const first = post("/run", hang)
    await until(() => zulip.messages.length > before, "the first sends")
    assert.strictEqual(await codeOf(post("/run", hang)), "409 run_busy")
    assert.strictEqual(await codeOf(post("/kill", {})), "409 run_busy")
    zulip.open()
    assert.strictEqual((await first).status, 200)
  })

  it("where a step fails", async () => {
    assert.strictEqual(await codeOf(post("/run", { ...hang, codex_exec_binary: "no-such-codex" })), "500 tool_missing")
    assert.strictEqual(
      await codeOf(post("/run", { ...hang, workspace: "/no/such/folder" })),
      "500 workspace_not_directory"
    )
    assert.strictEqual(
      await codeOf(post("/run", { ...hang, zulip_script_path: "/no/such/script.js" })),
      "500 notify_failed"
    )
    const exits = { ...message, codex_prompt: codexScript([{ exit: 9 }]), codex_exec_startup_check_seconds: 30 }
    assert.strictEqual(await codeOf(post("/run", exits)), "500 exited_early")
  })

  it("where Looper stops", async () => {
    zulip.shut()
    const before = zulip.messages.length
    const waiting = post("/run", hang)
    await until(() => zulip.messages.length > before, "it sends")
    looper.signal("SIGTERM")
    assert.strictEqual(await codeOf(waiting), "503 shutting_down")
  })
})
