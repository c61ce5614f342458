/** `GET /metrics` over HTTP: who may read it, and what it counts of requests and followers. */
import { get } from "node:http"
import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"
import { increases, seriesOf } from "../support/scrape.ts"

let looper: LooperProcess
const headers = { authorization: "Bearer s3cret" }
beforeAll(async () => {
  looper = await startLooper({ env: { LOOPER_API_TOKEN: "s3cret" } })
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const scrape = async () => {
  const { status, text } = await looper.request("GET", "/metrics", { headers })
  assert.strictEqual(status, 200, text)
  return text
}

const followers = async () => seriesOf(await scrape()).get("looper_log_followers")

describe("GET /metrics", () => {
  it("asks for the token, and answers in Prometheus' text format", async () => {
    assert.strictEqual((await looper.request("GET", "/metrics")).status, 401)
    const answer = await looper.request("GET", "/metrics", { headers })
    assert.strictEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
    assert.match(answer.text, /^# HELP looper_/m)
    assert.match(answer.text, /\n$/)
  })

  it("counts requests by their route's template, never by what a caller writes", async () => {
    const before = await scrape()
    await looper.request("GET", "/runs/0a1b2c3d", { headers })
    await looper.request("GET", "/runs/0a1b2c3e", { headers })
    await looper.request("GET", "/no/such/route", { headers })
    await looper.request("PROPFIND", "/status", { headers })
    const requests = increases(before, await scrape(), /http_(requests_total|request_duration_seconds_count)/)
    assert.deepStrictEqual(requests, {
      'looper_http_requests_total{method="GET",route="/metrics",status="200"}': 1,
      'looper_http_requests_total{method="GET",route="/runs/:id",status="404"}': 2,
      'looper_http_requests_total{method="GET",route="other",status="404"}': 1,
      'looper_http_requests_total{method="other",route="/status",status="405"}': 1,
      'looper_http_request_duration_seconds_count{method="GET",route="/metrics"}': 1,
      'looper_http_request_duration_seconds_count{method="GET",route="/runs/:id"}': 2,
      'looper_http_request_duration_seconds_count{method="GET",route="other"}': 1,
      'looper_http_request_duration_seconds_count{method="other",route="/status"}': 1
    })
  })

  it("knows how many follow a log, until they go away", async () => {
    const started = await looper.request("POST", "/run", {
      headers,
      body: { zulip_message: "m", codex_prompt: codexScript([{ print: "up" }, { hang: true }]) }
    })
    const { request_id: id } = started.body as { request_id: string }
    assert.strictEqual(await followers(), 0)
    const follow = async () => {
      const request = get(`${looper.url}/runs/${id}/log?follow=1`, { headers })
      const [response] = await once(request, "response")
      response.resume()
      request.on("error", () => {})
      return request
    }
    const [one, other] = [await follow(), await follow()]
    await until(async () => (await followers()) === 2, "two follow")
    one.destroy()
    await until(async () => (await followers()) === 1, "one follows")
    other.destroy()
    await until(async () => (await followers()) === 0, "nobody follows")
  })
})
