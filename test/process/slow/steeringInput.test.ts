/** Bad input and bad callers of the routes that read history and stop runs: each is named, and changes nothing. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import type { Answer, RequestOptions } from "../../support/httpClient.ts"
import { followLog } from "../../support/logFollower.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, isAlive, until } from "../../support/processes.ts"
import { noChange, type ResidentLooper, runOf, startResidentLooper } from "../../support/residentLooper.ts"

const token = "correct-horse-battery-staple"
const asOwner = { headers: { authorization: `Bearer ${token}` } }
let open: ResidentLooper
let guarded: LooperProcess
let held: { readonly id: string; readonly pid: number; readonly ticket: string }
/** The resident run's id and the bytes of its log. */
let id: string
let log: Buffer
beforeAll(async () => {
  ;[open, guarded] = await Promise.all([startResidentLooper(), startLooper({ env: { LOOPER_API_TOKEN: token } })])
  const [path = ""] = open.looper.runLogs()
  id = /-([0-9a-f]{8})\.log$/.exec(path)?.[1] ?? ""
  log = readFileSync(path)
  const file = join(guarded.folder, "environment")
  const script = [{ environmentTo: file }, { writeFile: { path: `${file}.up`, text: "" } }, { hang: true }] as const
  const body = { zulip_message: "m", codex_prompt: codexScript(script) }
  // So that there is a second page.
  await guarded.request("POST", "/run", { ...asOwner, body: { zulip_message: "m", codex_prompt: "p" } })
  const answer = await guarded.request("POST", "/run", { ...asOwner, body })
  await until(() => existsSync(`${file}.up`), "the run is up")
  const { LOOPER_RUN_TICKET: ticket } = JSON.parse(readFileSync(file, "utf8")) as { LOOPER_RUN_TICKET: string }
  held = { id: String(answer.body?.request_id), pid: runOf(answer).pid, ticket }
})
afterAll(async () => {
  await open?.[Symbol.asyncDispose]()
  await guarded?.[Symbol.asyncDispose]()
})

const ask = (method: string, path: string, options?: RequestOptions) => open.looper.request(method, path, options)
const routes = (run: string) =>
  [
    ["GET", "/status"],
    ["GET", "/runs"],
    ["GET", `/runs/${run}`],
    ["GET", `/runs/${run}/log`],
    ["GET", `/runs/${run}/log?follow=1`],
    ["POST", `/runs/${run}/stop`]
  ] as const

describe("a query that is none", () => {
  const numbers = ["", "abc", "-1", "1.5", "0x10", "1e1", "%201", "NaN", "%00", "%D9%A1", "99999999999999999999", "%zz"]
  const cursors = [
    "",
    "abc",
    "%00",
    "../..",
    "%F0%9F%92%A9",
    "A".repeat(5_000),
    "WzFd",
    "W10",
    "bnVsbA",
    "WyIxIiwiMSJd"
  ]
  const bad: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    ["/runs", "limit", [...numbers, "0", "501"]],
    ["/runs", "state", ["", "bogus", "RUNNING", "%00", "%FF", "running,", "running;failed", "x".repeat(5_000)]],
    ["/runs", "autopoll", ["yes", "TRUE", "2", "%00", "%20", "null"]],
    ["/runs", "cursor", cursors],
    ["/log", "tail", [...numbers, "1000001"]],
    ["/log", "follow", ["yes", "2", "%00", "null"]]
  ]
  it.each(bad)("on %s: every such '%s' is 400 and named", async (path, field, values) => {
    for (const value of values) {
      const answer = await ask("GET", `${path === "/log" ? `/runs/${id}/log` : path}?${field}=${value}`)
      assert.strictEqual(answer.status, 400, `${value}: ${answer.text}`)
      assert.strictEqual(answer.body?.code, "invalid_request")
      assert.isBelow(answer.text.length, 500)
      await open.isRefused(answer, 400, new RegExp(`^'${field}' must be `))
    }
  })

  it("of a name that nobody knows is ignored", async () => {
    for (const path of ["/status?x=%00", "/runs?Limit=0", "/runs?limit[]=0", "/runs?&&=&?", `/runs/${id}/log?x=1`])
      assert.strictEqual((await ask("GET", path)).status, 200, path)
  })

  it("in the second of two: the last counts, and each is validated", async () => {
    assert.strictEqual((await ask("GET", "/runs?limit=1&limit=bogus")).status, 400)
  })

  it("cut or changed is no cursor", async () => {
    const paged = await guarded.request("GET", "/runs?limit=1", asOwner)
    const cursor = String(paged.body?.next_cursor)
    assert.strictEqual((await guarded.request("GET", `/runs?cursor=${cursor}`, asOwner)).status, 200)
    for (const other of [cursor.slice(0, -1), cursor.slice(0, 6), `${cursor}A`, cursor.toUpperCase()])
      assert.strictEqual((await guarded.request("GET", `/runs?cursor=${other}`, asOwner)).status, 400, other)
  })
})

describe("a cursor with a NUL behind it", () => {
  it("is no cursor", async () => {
    const { next_cursor: cursor } = (await guarded.request("GET", "/runs?limit=1", asOwner)).body ?? {}
    assert.strictEqual((await guarded.request("GET", `/runs?cursor=${cursor}%00`, asOwner)).status, 400)
  })
})

describe("an id that is none", () => {
  const ids = ["zzzz", "00000000", "%00", "%zz", "%FF", "..%2f..%2fetc%2fpasswd", "a%2Fb", "%F0%9F%92%A9", "*", "-1"]
  it.each([...ids, "__proto__", "'%20OR%201=1--", "x".repeat(8_000)])("is 404 on each route: %s", async (other) => {
    for (const [method, path] of routes(other).slice(2)) {
      const answer = await ask(method, path)
      await open.isRefused(answer, 404, /^no run has the id "/)
      assert.strictEqual(answer.body?.code, "run_not_found")
    }
  })

  it("is the id in capitals, with a blank, a NUL, a newline, a slash or a log's name", async () => {
    const [name = ""] = open.looper.runLogs()
    // One id of forty has digits alone.
    const capitals = /[a-f]/.test(id) ? [id.toUpperCase()] : []
    for (const other of [...capitals, `${id}%20`, `${id}%00`, `${id}%0a`, `auto${id}`, encodeURIComponent(name)])
      for (const [method, path] of routes(other).slice(2)) await open.isRefused(await ask(method, path), 404)
    for (const path of [`/runs/${id}/`, "/runs/", "/runs//log", "/runs/../x", `/runs/${id}/log/x`, "/status/"])
      assert.isTrue(await open.isRefused(await ask("GET", path), 404, /^no such route$/))
  })
})

describe("a method or a body that is none", () => {
  it("is 405 with Allow on each route", async () => {
    for (const [method, path] of routes(id)) {
      const allowed = method === "GET" ? ["GET", "HEAD"] : ["POST"]
      for (const other of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST", "TRACE"]) {
        if (allowed.includes(other)) continue
        const answer = await ask(other, path)
        assert.strictEqual(answer.status, 405, `${other} ${path}`)
        assert.strictEqual(answer.headers.allow, allowed.join(", "))
      }
    }
    assert.deepStrictEqual(open.changes(), noChange)
  })

  it("of a stop is refused before anything is stopped, and one that is empty is fine", async () => {
    const json = { "content-type": "application/json" }
    const bad: ReadonlyArray<readonly [number, RequestOptions]> = [
      [415, { raw: "x", headers: { "content-type": "text/plain" } }],
      [415, { raw: "{}" }],
      [400, { raw: "{", headers: json }],
      [400, { raw: "[]", headers: json }],
      [400, { raw: "null", headers: json }],
      [400, { raw: Buffer.from([0x22, 0xff, 0x22]), headers: json }],
      [413, { raw: Buffer.alloc(2 ** 21, 32), headers: json }]
    ]
    for (const [status, options] of bad) await open.isRefused(await ask("POST", `/runs/${id}/stop`, options), status)
    for (const options of [{}, { body: {} }, { body: { x: 1 } }, { raw: "", headers: json }])
      assert.isTrue(await open.isRefused(await ask("POST", "/runs/00000000/stop", options), 404))
  })
})

let peers = 1
/** A peer that has not failed before. */
const newPeer = () => `127.0.2.${++peers}`

describe("a caller who may not", () => {
  it("has no, a wrong or a run's token: 401 on each route", async () => {
    const wrong: ReadonlyArray<Readonly<Record<string, string>>> = [
      {},
      { authorization: "Bearer wrong" },
      { authorization: `Basic ${token}` },
      { "x-looper-token": "wrong" },
      { "x-looper-token": "" },
      { authorization: `Bearer ${held.ticket}` },
      { "x-looper-token": held.ticket }
    ]
    for (const [method, path] of [...routes(held.id), ...routes("zzzz")])
      for (const headers of wrong) {
        const answer = await guarded.request(method, path, { headers, from: newPeer() })
        assert.strictEqual(answer.status, 401, `${method} ${path} ${JSON.stringify(headers)}`)
        assert.include(answer.body, { code: "unauthorized", error: "unauthorized" })
      }
    assert.isTrue(isAlive(held.pid))
  })

  it("comes with a Host or Origin of somebody else, or through a proxy: 403 on each route", async () => {
    const bad: ReadonlyArray<readonly [Readonly<Record<string, string>>, string]> = [
      [{ host: "evil.example" }, "host_not_allowed"],
      [{ origin: "http://evil.example" }, "origin_not_allowed"],
      [{ origin: "null" }, "origin_not_allowed"],
      [{ forwarded: "for=1.2.3.4" }, "remote_not_allowed"],
      [{ "x-forwarded-for": "127.0.0.1" }, "remote_not_allowed"],
      [{ "x-real-ip": "127.0.0.1" }, "remote_not_allowed"],
      [{ via: "1.1 proxy" }, "remote_not_allowed"]
    ]
    for (const [method, path] of routes(id))
      for (const [headers, code] of bad) {
        const answer: Answer = await ask(method, path, { headers })
        await open.isRefused(answer, 403)
        assert.strictEqual(answer.body?.code, code, path)
      }
    await beats(open.resident.heartbeat)
  })

  it("shows the token in X-Looper-Token: then every route answers", async () => {
    const headers = { "x-looper-token": token }
    for (const [method, path] of routes(held.id).filter(([, each]) => !each.includes("follow")))
      assert.strictEqual((await guarded.request(method, path, { headers })).status, 200, path)
    assert.isFalse(isAlive(held.pid))
  })
})

const get = (range: string, over: RequestOptions["headers"] = {}, method = "GET") =>
  ask(method, `/runs/${id}/log`, { headers: { range, ...over } })

describe("Range", () => {
  it("of bytes that are there gives them, whichever way it is written", async () => {
    const size = log.length
    const good: ReadonlyArray<readonly [string, number, number]> = [
      ["bytes=0-0", 0, 0],
      ["bytes=5-9", 5, 9],
      ["bytes=5-", 5, size - 1],
      ["bytes=-3", size - 3, size - 1],
      [`bytes=${size - 1}-`, size - 1, size - 1],
      [`bytes=0-${size + 9}`, 0, size - 1],
      [`bytes=-${size + 9}`, 0, size - 1],
      [`bytes=0-${"9".repeat(30)}`, 0, size - 1],
      ["BYTES=0-3", 0, 3]
    ]
    for (const [range, first, last] of good) {
      const answer = await get(range)
      assert.strictEqual(answer.status, 206, range)
      assert.strictEqual(answer.headers["content-range"], `bytes ${first}-${last}/${size}`)
      assert.strictEqual(answer.headers["content-length"], String(last - first + 1))
      assert.strictEqual(answer.text, log.subarray(first, last + 1).toString())
    }
  })

  it("beyond the end is 416 with the size", async () => {
    for (const range of [`bytes=${log.length}-`, "bytes=999999-9999999", "bytes=-0", `bytes=${"9".repeat(30)}-`]) {
      const answer = await get(range)
      assert.strictEqual(answer.status, 416, range)
      assert.strictEqual(answer.headers["content-range"], `bytes */${log.length}`)
      assert.deepInclude(answer.body, { code: "offset_beyond_end", size: log.length })
    }
  })

  it("that is malformed, of another unit, of several parts or with If-Range is as if it were not there", async () => {
    const malformed = ["bytes=", "bytes=5-3", "bytes=a-b", "bytes=-", "bytes=--3", "bytes=+1-3", "bytes=0x1-3", "0-3"]
    for (const range of [...malformed, "items=0-3", "bytes=1.5-3", "bytes=0-1,3-4"]) {
      const answer = await get(range)
      assert.strictEqual(answer.status, 200, range)
      assert.strictEqual(answer.text, log.toString())
    }
    assert.strictEqual((await get("bytes=0-3", { "if-range": '"x"' })).status, 200)
    assert.strictEqual((await get("bytes=0-3", { "if-range": "Sun, 06 Nov 1994 08:49:37 GMT" })).status, 200)
  })

  it("HEAD tells the length of what GET gives", async () => {
    for (const query of ["", "?tail=0", "?tail=1", "?tail=2", "?tail=1000000"]) {
      const [head, whole] = await Promise.all(["HEAD", "GET"].map((method) => ask(method, `/runs/${id}/log${query}`)))
      assert.strictEqual(head?.status, 200)
      assert.strictEqual(head?.text, "")
      assert.strictEqual(head?.headers["content-length"], String(Buffer.byteLength(whole?.text ?? "")))
    }
  })

  it("with HEAD is ignored: RFC 9110 section 14.2 defines it for GET alone", async () => {
    assert.strictEqual((await get("bytes=0-3", {}, "HEAD")).status, 200)
  })

  it("Last-Event-ID that is none is 400, beyond the end 416", async () => {
    for (const last of ["x", "-1", "1.5", "0x1", "1e1", "9".repeat(30)]) {
      const answer = await ask("GET", `/runs/${id}/log?follow=1`, { headers: { "last-event-id": last } })
      await open.isRefused(answer, last === "9".repeat(30) && answer.status === 416 ? 416 : 400)
    }
    using beyond = await followLog(open.looper.url, id, { after: log.length + 1 })
    assert.strictEqual(beyond.status, 416)
  })
})
