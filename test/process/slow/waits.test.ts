/** Clients that stop in the middle: cut off in time, without memory, and without hindering others. */
import { assert, describe, it } from "@effect/vitest"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, beforeAll } from "vitest"
import type { Answer } from "../../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { peakMebibytes } from "../../support/processes.ts"
import { openRaw } from "../../support/rawConnection.ts"
import { watchHealth } from "../../support/steadyHealth.ts"

interface Waited {
  readonly answer: Answer | undefined
  readonly millis: number
}

const head = "POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

/** What a client sends first, and what it goes on to send every 500 ms. */
const clients: ReadonlyArray<readonly [name: string, first: string, drip: string]> = [
  ["nothing", "", ""],
  ["half a request line", "POST /not", ""],
  ["half a header", head, ""],
  ["header after header", head, "X: y\r\n"],
  ["half a body", `${head}Content-Length: 21\r\n\r\n{"zulip`, ""],
  ["half a chunk", `${head}Transfer-Encoding: chunked\r\n\r\n15\r\n{"zulip`, ""],
  ["a body byte by byte", `${head}Content-Length: 1000\r\n\r\n{"zulip_message":"`, "m"],
  ["chunk after chunk", `${head}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"]
]

let looper: LooperProcess
let waited: ReadonlyMap<string, Promise<Waited>>
/** All wait at once, and so for 31 s in all. */
beforeAll(async () => {
  looper = await startLooper()
  waited = new Map(clients.map(([name, first, drip]) => [name, wait(first, drip)]))
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const wait = async (first: string, drip: string): Promise<Waited> => {
  using connection = await openRaw(looper.url)
  connection.socket.on("error", () => undefined)
  connection.write(first)
  const begin = performance.now()
  const dripping = setInterval(() => connection.socket.writable && connection.write(drip), 500)
  const answer = await connection.next().catch(() => undefined)
  clearInterval(dripping)
  return { answer, millis: performance.now() - begin }
}

describe("clients that stop in the middle", () => {
  it.each<readonly [string, number]>([
    ["nothing", 10_000],
    ["half a request line", 10_000],
    ["half a header", 10_000],
    ["header after header", 10_000],
    ["half a body", 30_000],
    ["half a chunk", 30_000],
    ["a body byte by byte", 30_000],
    ["chunk after chunk", 30_000]
  ])("after %s get 408 within %d ms and a little", async (name, boundMillis) => {
    const { answer, millis } = (await waited.get(name)) ?? { answer: undefined, millis: 0 }
    assert.isAtLeast(millis, boundMillis - 1_000)
    assert.isAtMost(millis, boundMillis + 3_000)
    assert.strictEqual(answer?.status, 408)
    assert.include(answer?.body, { ok: false, code: "request_timeout", request_id: answer?.headers["x-request-id"] })
    assert.strictEqual(answer?.headers.connection, "close")
  })

  it("hinder nobody, and none of them had an effect", async () => {
    const health = watchHealth(looper)
    await Promise.all([...waited.values(), delay(1_000)])
    assert.deepStrictEqual((await health.stop()).bad, [])
    assert.deepStrictEqual(looper.runLogs(), [])
    assert.notMatch(looper.serverLog(), /http\.defect|zulip\.send/)
  })
})

describe("clients that do not read", () => {
  it("are served no further than their connection holds, and cost bounded memory", async () => {
    const before = peakMebibytes(looper.pid)
    using connection = await openRaw(looper.url)
    connection.socket.pause()
    connection.socket.on("error", () => undefined)
    const requests = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000)
    let sent = 0
    while (sent < 200) {
      const isTaken = new Promise((resolve) => connection.socket.write(requests, () => resolve(true)))
      if (!(await Promise.race([isTaken, delay(3_000, false)]))) break
      sent += 1
    }
    assert.isBelow(sent, 200)
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    assert.isBelow(peakMebibytes(looper.pid) - before, 300)
  })
})
