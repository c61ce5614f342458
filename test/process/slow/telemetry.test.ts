/** Spans and records over OTLP: a collector that takes them, one that refuses, one that never answers, and none. */
import { assert, describe, it } from "@effect/vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type Collector, startCollector } from "../../support/collector.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"

const token = "t0ken-of-looper"
const key = "key-of-collector"
const environment = (url: string) => ({
  LOOPER_API_TOKEN: token,
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${key}`,
  OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test"
})
const headers = { authorization: `Bearer ${token}` }
const run = (looper: LooperProcess, prompt: string) =>
  looper.request("POST", "/run", { headers, body: { zulip_message: "message-text", codex_prompt: prompt } })
const bodies = ({ requests }: Collector, path: string) =>
  requests.filter((request) => request.path === path).map(({ body }) => body)
const parse = (texts: ReadonlyArray<string>) => texts.map((text) => JSON.parse(text))
/** Names of all spans that came. */
const spansOf = (collector: Collector) =>
  parse(bodies(collector, "/v1/traces")).flatMap((data) =>
    data.resourceSpans[0].scopeSpans[0].spans.map((span: { name: string }) => span.name)
  )
/** Events of all records that came. */
const recordsOf = (collector: Collector) =>
  parse(bodies(collector, "/v1/logs")).flatMap((data) =>
    data.resourceLogs[0].scopeLogs[0].logRecords.map(
      (record: { body: { stringValue: string } }) => record.body.stringValue
    )
  )
/** Looper works, and ends in time. */
const works = async (looper: LooperProcess) => {
  const answer = await run(looper, codexScript([{ print: "worked" }]))
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => looper.serverLog().includes("codex.exec.ended"), "the run has ended")
}

describe("a collector", () => {
  it("gets spans and records, beside the server log, and neither secrets nor prompts", async () => {
    await using collector = await startCollector()
    await using looper = await startLooper({ env: environment(collector.url) })
    const prompt = codexScript([{ print: `${token} ${key} prompt-text` }, { exit: 3 }])
    const answer = await looper.request("POST", "/run", {
      headers,
      body: { zulip_message: "message-text", codex_prompt: prompt, codex_exec_startup_check_seconds: 20 }
    })
    assert.include(answer.text, "prompt-text", "what it printed is its error's tail")
    await looper.request("GET", "/status", { headers: { ...headers, "user-agent": `curl ${token} ${key}` } })
    await until(() => looper.serverLog().includes("codex.exec.ended"), "the run has ended")
    assert.strictEqual((await looper.stop()).code, 0, looper.output())
    const [spans, records] = [spansOf(collector), recordsOf(collector)]
    assert.includeMembers(spans, ["POST /run", "run", "notify", "ProcessTrees.terminate", "RunSupervisor.launch"])
    assert.includeMembers(records, ["server.listening", "http.start", "codex.exec.spawned", "codex.exec.ended"])
    for (const event of ["http.start", "codex.exec.ended"]) assert.include(looper.serverLog(), event)
    const all = collector.requests.map(({ body }) => body).join("\n")
    for (const hidden of [token, key, "prompt-text", "message-text"]) assert.notInclude(all, hidden)
    assert.include(all, String(answer.headers["x-request-id"]))
    assert.include(all, '{"key":"service.name","value":{"stringValue":"looper"}}')
    assert.include(all, '{"key":"deployment.environment","value":{"stringValue":"test"}}')
    for (const { authorization } of collector.requests) assert.strictEqual(authorization, `Bearer ${key}`)
  })

  it("that never answers delays nothing, and is named in the server log once", async () => {
    await using collector = await startCollector("silence")
    await using looper = await startLooper({ env: environment(collector.url) })
    await works(looper)
    await until(() => looper.serverLog().includes("server.telemetry.fail"), "the failure is told")
    assert.strictEqual((await looper.stop()).code, 0, looper.output())
    assert.strictEqual(looper.serverLog().split("server.telemetry.fail").length, 2)
    assert.include(looper.serverLog(), "no answer within 5 s")
  })

  it("that is still silent at the end does not hold the shutdown up", async () => {
    await using collector = await startCollector("silence")
    await using looper = await startLooper({
      env: { ...environment(collector.url), LOOPER_SHUTDOWN_GRACE_SECONDS: "2" }
    })
    await works(looper)
    await until(() => collector.requests.length > 0, "a batch is on its way")
    assert.strictEqual((await looper.stop()).code, 0, looper.output())
  })

  it("that refuses, or is not there, changes nothing", async () => {
    await using collector = await startCollector(503)
    for (const [url, reason] of [
      [collector.url, "status 503"],
      ["http://127.0.0.1:9", "TransportError"]
    ] as const) {
      await using looper = await startLooper({ env: environment(url) })
      await works(looper)
      await until(() => looper.serverLog().includes("server.telemetry.fail"), "the failure is told")
      assert.include(looper.serverLog(), reason)
      assert.strictEqual((await looper.stop()).code, 0, looper.output())
    }
  })
})

it("without a collector nothing is sent", async () => {
  await using collector = await startCollector()
  await using looper = await startLooper({
    env: { ...environment(collector.url), OTEL_EXPORTER_OTLP_ENDPOINT: undefined }
  })
  await works(looper)
  await looper.stop()
  assert.deepStrictEqual(collector.requests, [])
})
