/** `GET /runs/:id/log` over real connections: the file's bytes, a part of them, or live. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { appendFileSync, readFileSync, rmSync, truncateSync } from "node:fs"
import { get, type IncomingMessage } from "node:http"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"

let looper: LooperProcess
beforeAll(async () => {
  looper = await startLooper()
})
afterAll(() => looper?.[Symbol.asyncDispose]())

interface Run {
  readonly id: string
  readonly path: string
}

const begin = async (steps: ReadonlyArray<CodexStep>, of = looper): Promise<Run> => {
  const answer = await of.run(codexScript(steps))
  return { id: String(answer.body?.request_id), path: runOf(answer).log_path }
}

const finished = async (steps: ReadonlyArray<CodexStep>): Promise<Run> => {
  const run = await begin(steps)
  await until(() => storedRun(looper.logDir, run.id)?.state === "succeeded", "the run has ended")
  return run
}

const open = async (of: LooperProcess, path: string, headers: Readonly<Record<string, string>> = {}) => {
  const request = get(`${of.url}${path}`, { headers, agent: false })
  const [response] = (await once(request, "response")) as [IncomingMessage]
  return { request, response }
}

const bytesOf = async (path: string, headers?: Readonly<Record<string, string>>) => {
  const { response } = await open(looper, path, headers)
  const chunks: Array<Buffer> = await response.toArray()
  return { status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) }
}

/** Reads the events of a stream until it ends, its connection breaks, or `isEnough`. */
const follow = async (
  path: string,
  options: {
    readonly of?: LooperProcess
    readonly headers?: Readonly<Record<string, string>>
    readonly isEnough?: (bytes: number) => boolean
  } = {}
) => {
  const { request, response } = await open(options.of ?? looper, path, options.headers)
  assert.strictEqual(response.statusCode, 200)
  assert.strictEqual(response.headers["content-type"], "text/event-stream")
  const pieces: Array<Buffer> = []
  const seen = { length: 0, offset: 0, last: "", end: undefined as undefined | Record<string, unknown> }
  let text = ""
  try {
    for await (const chunk of response.setEncoding("utf8")) {
      text += chunk
      const events = text.split("\n\n")
      text = events.pop() ?? ""
      for (const event of events) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(event)?.[1]
        const data = field("data")
        if (data === undefined) continue
        const decoded = JSON.parse(data)
        seen.last = field("event") ?? "message"
        if (seen.last === "message") {
          const piece = "text" in decoded ? Buffer.from(decoded.text) : Buffer.from(decoded.base64, "base64")
          pieces.push(piece)
          seen.length += piece.length
        } else seen.end = decoded
        seen.offset = Number(field("id") ?? seen.offset)
      }
      if (options.isEnough?.(seen.length)) break
    }
  } catch {
    // The connection broke, which is one of the ways in which a follower loses its Looper.
  }
  request.destroy()
  return { ...seen, bytes: Buffer.concat(pieces) }
}

describe("GET /runs/:id/log", () => {
  it("gives the bytes of the file, whatever they are", async () => {
    const binary = Buffer.from(Array.from({ length: 1_024 }, (_, index) => index % 256))
    const run = await finished([{ printBase64: binary.toString("base64") }, { flood: { bytes: 300_000 } }])
    const { status, headers, bytes } = await bytesOf(`/runs/${run.id}/log`)
    assert.strictEqual(status, 200)
    assert.isTrue(bytes.equals(readFileSync(run.path)))
    assert.include(headers, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(bytes.length),
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox"
    })
    const head = await looper.request("HEAD", `/runs/${run.id}/log`)
    assert.strictEqual(head.headers["content-length"], String(bytes.length))
    assert.strictEqual(head.text, "")
  })

  it("gives one range of them, and says of how many", async () => {
    const run = await finished([{ print: "0123456789" }])
    const file = readFileSync(run.path)
    const { status, headers, bytes } = await bytesOf(`/runs/${run.id}/log`, { range: "bytes=10-19" })
    assert.strictEqual(status, 206)
    assert.strictEqual(headers["content-range"], `bytes 10-19/${file.length}`)
    assert.isTrue(bytes.equals(file.subarray(10, 20)))
    const beyond = await bytesOf(`/runs/${run.id}/log`, { range: `bytes=${file.length}-` })
    assert.strictEqual(beyond.status, 416)
    assert.strictEqual(beyond.headers["content-range"], `bytes */${file.length}`)
    assert.deepInclude(JSON.parse(String(beyond.bytes)), { code: "offset_beyond_end", size: file.length })
    const conditional = await bytesOf(`/runs/${run.id}/log`, { range: "bytes=0-1", "if-range": '"x"' })
    assert.strictEqual(conditional.status, 200)
  })

  it("gives the last lines, and where they begin", async () => {
    const run = await finished([{ print: "one\n" }, { print: "two\n" }, { print: "three\n" }])
    const file = readFileSync(run.path)
    const { headers, bytes } = await bytesOf(`/runs/${run.id}/log?tail=3`)
    assert.strictEqual(String(bytes), "three\n\n# codex_exec_return_code=0\n")
    assert.strictEqual(Number(headers["x-log-offset"]), file.length - bytes.length)
    assert.isTrue((await bytesOf(`/runs/${run.id}/log?tail=1000000`)).bytes.equals(file))
    assert.strictEqual((await bytesOf(`/runs/${run.id}/log?tail=0`)).bytes.length, 0)
  })

  it.each<readonly [string, Readonly<Record<string, string>>, RegExp]>([
    ["?tail=-1", {}, /^'tail' must be a whole number from 0 to 1000000$/],
    ["?tail=1.5", {}, /^'tail' must be/],
    ["?tail=", {}, /^'tail' must be/],
    ["?follow=maybe", {}, /^'follow' must be 1, true, 0 or false$/],
    ["?follow=1", { "last-event-id": "3f9c21ab" }, /^'Last-Event-ID' must be a whole number/]
  ])("refuses %s", async (query, headers, sentence) => {
    const run = await finished([{ print: "x" }])
    const { status, bytes } = await bytesOf(`/runs/${run.id}/log${query}`, headers)
    assert.strictEqual(status, 400)
    assert.match(JSON.parse(String(bytes)).error, sentence)
  })

  it("is 410 where the log was deleted, and 404 where there never was such a run", async () => {
    const run = await finished([{ print: "x" }])
    rmSync(run.path)
    for (const query of ["", "?tail=1", "?follow=1"]) {
      const { status, bytes } = await bytesOf(`/runs/${run.id}/log${query}`)
      assert.strictEqual(status, 410)
      assert.include(JSON.parse(String(bytes)), { ok: false, code: "log_gone" })
    }
    for (const id of ["00000000", "..%2flooper-server", "%00", "..%2f..%2fetc%2fpasswd"]) {
      assert.strictEqual((await bytesOf(`/runs/${id}/log`)).status, 404)
    }
  })
})

describe("GET /runs/:id/log?follow", () => {
  it("gives every byte while they come, and ends with how the run ended", async () => {
    const run = await begin([{ flood: { bytes: 2_000_000 } }, { print: "ünï" }, { sleep: 200 }, { exit: 7 }])
    const { bytes, offset, last, end } = await follow(`/runs/${run.id}/log?follow=1`)
    const file = readFileSync(run.path)
    assert.isTrue(bytes.equals(file))
    assert.strictEqual(offset, file.length)
    assert.strictEqual(last, "end")
    assert.deepStrictEqual(end, { state: "failed", return_code: 7, cause: "exited" })
  })

  it("begins with the last lines that are asked for, unless an event came before", async () => {
    const run = await finished([{ print: "one\n" }, { print: "two\n" }])
    const file = readFileSync(run.path)
    const tail = await follow(`/runs/${run.id}/log?follow=1&tail=3`)
    assert.strictEqual(String(tail.bytes), "two\n\n# codex_exec_return_code=0\n")
    const resumed = await follow(`/runs/${run.id}/log?follow=1&tail=3`, { headers: { "last-event-id": "5" } })
    assert.isTrue(resumed.bytes.equals(file.subarray(5)))
    const whole = await follow(`/runs/${run.id}/log?follow=1`, { headers: { "last-event-id": String(file.length) } })
    assert.deepInclude(whole, { last: "end", offset: file.length })
    assert.strictEqual(whole.bytes.length, 0)
  })

  it("is 416 for the id of another run's event that lies behind this log's end", async () => {
    const run = await finished([{ print: "short" }])
    const { size } = { size: readFileSync(run.path).length }
    const { status, bytes } = await bytesOf(`/runs/${run.id}/log?follow=1`, { "last-event-id": String(size + 1) })
    assert.strictEqual(status, 416)
    assert.include(JSON.parse(String(bytes)), { code: "offset_beyond_end", size })
  })

  it("goes on over a restart of Looper, at the byte where it stopped", async () => {
    await using first = await startLooper({ env: { LOOPER_ON_SHUTDOWN: "leave" } })
    const run = await begin(
      [{ print: "before" }, { child: { kind: "group", holdsOutput: true, printsEveryMillis: 5 } }, { sleep: 4_000 }],
      first
    )
    const path = `/runs/${run.id}/log?follow=1`
    const followed = follow(path, { of: first, isEnough: () => false })
    await until(() => readFileSync(run.path).length > 400, "it writes")
    await first.stop()
    const before = await followed
    assert.notStrictEqual(before.last, "end")
    await using second = await startLooper({ reuse: first, env: { LOOPER_ON_SHUTDOWN: "leave" } })
    const after = await follow(path, { of: second, headers: { "last-event-id": String(before.offset) } })
    assert.strictEqual(after.last, "end")
    const file = readFileSync(run.path)
    assert.isAbove(before.bytes.length, 0)
    assert.isTrue(Buffer.concat([before.bytes, after.bytes]).equals(file.subarray(0, after.offset)))
    await second.request("POST", "/kill")
  })

  it("tells who follows a log that somebody cuts that it is gone, and does not stop the run", async () => {
    const run = await begin([{ print: "x".repeat(5_000) }, { hang: true }])
    await until(() => readFileSync(run.path).length > 5_000, "it has written")
    const followed = follow(`/runs/${run.id}/log?follow=1`)
    await until(async () => (await bytesOf(`/runs/${run.id}/log`)).bytes.length > 5_000, "it can be read")
    truncateSync(run.path, 100)
    const { last, end } = await followed
    assert.strictEqual(last, "gone")
    assert.deepStrictEqual(end, { reason: "the log was truncated" })
    assert.strictEqual(storedRun(looper.logDir, run.id)?.state, "running")
    appendFileSync(run.path, "more\n")
    await looper.request("POST", `/runs/${run.id}/stop`)
  })

  it("of a live log that was deleted goes on from the file that codex holds", async () => {
    const run = await begin([{ print: "kept\n" }, { sleep: 500 }, { print: "later\n" }])
    await until(() => readFileSync(run.path, "utf8").includes("kept"), "it has written")
    rmSync(run.path)
    const { bytes, last } = await follow(`/runs/${run.id}/log?follow=1`)
    assert.match(String(bytes), /kept\nlater\n/)
    assert.strictEqual(last, "end")
  })

  it("of a run that is cancelled before it starts ends, too", async () => {
    const sequence = looper.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 })
    const id = await until(async () => {
      const { body } = await looper.request("GET", "/status")
      return (body?.holder as { request_id: string } | null)?.request_id
    }, "the sequence waits")
    const followed = follow(`/runs/${id}/log?follow=1`, { isEnough: () => false })
    await until(() => looper.serverLog().includes(`/runs/${id}/log`), "it is followed")
    await looper.request("POST", `/runs/${id}/stop`)
    await sequence
    const { last, end } = await followed
    assert.strictEqual(last, "end")
    assert.deepStrictEqual(end, { state: "stopped", return_code: null, cause: "request" })
  })

  it("costs nobody else anything where 200 followers never read", async () => {
    const run = await begin([{ flood: { bytes: 20_000_000 } }, { hang: true }])
    const idle = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { request, response } = await open(looper, `/runs/${run.id}/log?follow=1`)
        response.pause()
        return request
      })
    )
    await until(() => sizeOf(run.path) > 20_000_000, "the run has written everything")
    const size = sizeOf(run.path)
    const { bytes } = await follow(`/runs/${run.id}/log?follow=1`, { isEnough: (length) => length >= size })
    assert.isTrue(bytes.equals(readFileSync(run.path)))
    assert.deepStrictEqual((await looper.request("GET", "/health")).body, { ok: true })
    for (const request of idle) request.destroy()
    assert.strictEqual((await looper.request("POST", `/runs/${run.id}/stop`)).body?.outcome, "stopped")
  })
})
