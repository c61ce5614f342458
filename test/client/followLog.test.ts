import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import { afterEach, beforeEach } from "vitest"
import { type FollowOptions, type LogEvent, makeClient } from "../../src/client/index.ts"
import {
  encodedHeartbeat,
  encodeLogChunk,
  encodeLogEnd,
  encodeLogGone,
  encodeLogShutdown
} from "../../src/domain/logEvents.ts"
import {
  events,
  json,
  piece,
  type Script,
  startScriptedServer,
  type ScriptedServer,
  whole
} from "../support/scriptedServer.ts"

let server: ScriptedServer
beforeEach(async () => {
  server = await startScriptedServer()
})
afterEach(() => server?.[Symbol.asyncDispose]())

const id = "0123abcd"
const log = Buffer.concat([
  Buffer.from("# header\n\nüber 😀 line\n"),
  Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
  Buffer.from("end\n")
])
const end = { state: "succeeded", return_code: 0, cause: "exited" } as const

/** The log's events from an offset on, `size` bytes each. */
const chunksFrom = (start: number, stop = log.length, size = 7): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = start; at < stop; at += size) {
    const next = Math.min(at + size, stop)
    chunks.push(encodeLogChunk(log.subarray(at, next), next))
  }
  return chunks
}
const cut: Script = (socket) => socket.resetAndDestroy()
const ended = encodeLogEnd(end, log.length)

const follow = (options: Partial<FollowOptions> = {}) =>
  makeClient({ url: server.url }).followLog({ id, retry: Schedule.forever, ...options })

const bytesOf = (given: ReadonlyArray<LogEvent>) =>
  Buffer.concat(given.map((event) => (event.kind === "bytes" ? event.bytes : new Uint8Array())))

/** Every byte once, then the end. */
const assertWhole = (given: ReadonlyArray<LogEvent>, from = 0) => {
  assert.deepStrictEqual(bytesOf(given), log.subarray(from))
  assert.deepStrictEqual(given.at(-1), { kind: "end", end, offset: log.length })
  assert.lengthOf(
    given.filter(({ kind }) => kind === "end"),
    1
  )
}
const lastEventIds = () => server.requests.map(({ headers }) => headers["last-event-id"])

describe("a followed log", () => {
  it.live("is given byte by byte, then its run's end", () =>
    Effect.gen(function* () {
      server.script(events([encodedHeartbeat, ...chunksFrom(0), ended], "stays"))
      assertWhole(yield* Stream.runCollect(follow()))
      assert.deepInclude(server.requests[0], { method: "GET", target: `/runs/${id}/log?follow=true` })
      assert.deepStrictEqual(lastEventIds(), [undefined])
    })
  )

  it.live("goes on where any byte of the stream was the last one", () =>
    Effect.gen(function* () {
      const stream = Buffer.concat([...chunksFrom(0), ended])
      const cuts = Array.from({ length: stream.length }, (_, cut) => cut)
      for (const [index, cut] of cuts.entries()) {
        const goesOn: Script = (socket, { headers }) => {
          const from = Number(headers["last-event-id"] ?? 0)
          events([...chunksFrom(from), ended], "ends")(socket, server.requests[0]!)
        }
        const how = (["ends", "resets"] as const)[index % 2] ?? "ends"
        server.script(events(cut === 0 ? [] : [stream.subarray(0, cut)], how), goesOn)
        assertWhole(yield* Stream.runCollect(follow()))
      }
      assert.lengthOf(server.requests, cuts.length * 2)
    })
  )

  it.live("comes in pieces of any length, also inside a code point", () =>
    Effect.gen(function* () {
      const stream = Buffer.concat([...chunksFrom(0), ended])
      const pieces = Array.from(stream, (_, at) => stream.subarray(at, at + 1))
      server.script((socket) => {
        socket.setNoDelay(true)
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        const next = (at: number): void => {
          const bytes = pieces[at]
          if (bytes !== undefined) socket.write(piece(bytes), () => setImmediate(next, at + 1))
        }
        next(0)
      })
      assertWhole(yield* Stream.runCollect(follow()))
    })
  )

  it.live("goes on after Looper was away, stopping, and not whole yet, also behind a proxy", () =>
    Effect.gen(function* () {
      const error = { ok: false, error: "shutting down", request_id: id }
      server.script(
        events(chunksFrom(0, 14), "ends"),
        cut,
        (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-T"),
        json(503, { ...error, code: "shutting_down" }),
        json(503, { ...error, code: "history_unavailable" }),
        whole(502, "text/html", "<p>Bad Gateway</p>"),
        events([...chunksFrom(14), ended], "ends")
      )
      assertWhole(yield* Stream.runCollect(follow()))
      assert.deepStrictEqual(lastEventIds(), [undefined, ...Array.from({ length: 6 }, () => "14")])
    })
  )

  it.live("goes on after a Looper that says that it stops, and tells nobody", () =>
    Effect.gen(function* () {
      const stopping = encodeLogShutdown({ deadlineAtMillis: 0, onShutdown: "leave" })
      server.script(
        events([...chunksFrom(0, 14), stopping], "ends"),
        events([stopping], "ends"),
        events([...chunksFrom(14), ended], "ends")
      )
      assertWhole(yield* Stream.runCollect(follow()))
      assert.deepStrictEqual(lastEventIds(), [undefined, "14", "14"])
    })
  )

  it.live("begins at an offset, or with its last lines", () =>
    Effect.gen(function* () {
      server.script(events([...chunksFrom(9), ended], "stays"))
      assertWhole(yield* Stream.runCollect(follow({ from: 9 })), 9)
      assert.deepStrictEqual(lastEventIds(), ["9"])
      server.script(
        events([], "ends"),
        events(chunksFrom(log.length - 8, log.length - 1), "ends"),
        events([...chunksFrom(log.length - 1), ended], "ends")
      )
      assertWhole(yield* Stream.runCollect(follow({ tail: 2 })), log.length - 8)
      const targets = server.requests.slice(1).map(({ target }) => target)
      assert.deepStrictEqual(targets, [
        `/runs/${id}/log?tail=2&follow=true`,
        `/runs/${id}/log?tail=2&follow=true`,
        `/runs/${id}/log?follow=true`
      ])
    })
  )

  it.live("counts its tries anew after each byte that came, and gives up where it was told to", () =>
    Effect.gen(function* () {
      const options = { retry: Schedule.recurs(2) }
      server.script(
        cut,
        events(chunksFrom(0, 7), "ends"),
        cut,
        events(chunksFrom(7, 14), "ends"),
        cut,
        events([...chunksFrom(14), ended], "ends")
      )
      assertWhole(yield* Stream.runCollect(follow(options)))
      server.script(events(chunksFrom(0, 7), "ends"), cut, cut)
      const given: Array<LogEvent> = []
      const error = yield* Effect.flip(
        Stream.runForEach(follow(options), (event) => Effect.sync(() => given.push(event)))
      )
      assert.strictEqual(error._tag, "Unreachable")
      assert.deepStrictEqual(bytesOf(given), log.subarray(0, 7))
    })
  )

  it.live("is connected anew where a connection is silent", () =>
    Effect.gen(function* () {
      server.script(events(chunksFrom(0, 7), "stays"), () => {}, events([...chunksFrom(7), ended], "stays"))
      assertWhole(yield* Stream.runCollect(follow({ silence: "50 millis" })))
      assert.deepStrictEqual(lastEventIds(), [undefined, "7", "7"])
    })
  )

  it.live("is not silent while heartbeats come", () =>
    Effect.gen(function* () {
      server.script((socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        let beats = 0
        const timer = setInterval(() => {
          if (++beats <= 10) return void socket.write(piece(encodedHeartbeat))
          clearInterval(timer)
          for (const bytes of [...chunksFrom(0), ended]) socket.write(piece(bytes))
        }, 100)
      })
      assertWhole(yield* Stream.runCollect(follow({ silence: "800 millis", retry: Schedule.recurs(0) })))
      assert.lengthOf(server.requests, 1)
    })
  )

  it.live.each([
    {
      name: "404",
      script: json(404, { ok: false, error: "no run", code: "run_not_found", request_id: id }),
      tag: "RunNotFound"
    },
    { name: "410", script: json(410, { ok: false, error: "gone", code: "log_gone", request_id: id }), tag: "LogGone" },
    {
      name: "401",
      script: json(401, { ok: false, error: "unauthorized", code: "unauthorized", request_id: id }),
      tag: "Refused"
    },
    {
      name: "403",
      script: json(403, { ok: false, error: "no", code: "host_not_allowed", request_id: id }),
      tag: "Refused"
    },
    { name: "the log went away", script: events([encodeLogGone("it was deleted")], "stays"), tag: "LogLost" },
    { name: "a page", script: whole(200, "text/html", "<p>hello</p>"), tag: "NotLooper" },
    { name: "other events", script: events(["data: hello\n\n"], "stays"), tag: "NotLooper" },
    { name: "a gap", script: events([...chunksFrom(0, 7), ...chunksFrom(8)], "stays"), tag: "NotLooper" },
    { name: "a repeat", script: events([...chunksFrom(0, 7), ...chunksFrom(0)], "stays"), tag: "NotLooper" },
    { name: "an end before the last byte", script: events([...chunksFrom(0, 7), ended], "stays"), tag: "NotLooper" },
    { name: "a redirect", script: whole(302, "text/plain", "", ["Location: /login"]), tag: "NotLooper" }
  ])("ends with a definite answer: $name", ({ script, tag }) =>
    Effect.gen(function* () {
      server.script(script)
      const error = yield* Effect.flip(Stream.runDrain(follow()))
      assert.strictEqual(error._tag, tag)
      assert.lengthOf(server.requests, 1)
    })
  )

  it.live("is not asked for from where no byte can be", () =>
    Effect.gen(function* () {
      for (const [field, options] of Object.entries({ from: { from: -1 }, tail: { tail: 0.5 }, id: { id: "" } })) {
        const error = yield* Effect.flip(Stream.runDrain(follow(options)))
        assert.deepInclude(error, { _tag: "RequestInvalid", field })
        assert.match(error.message, new RegExp(`^'${field}' must `))
      }
      assert.lengthOf(server.requests, 0)
    })
  )

  it.live("is not connected any more once nobody follows", () =>
    Effect.gen(function* () {
      const closed = Promise.withResolvers<void>()
      server.script((socket, request) => {
        socket.once("close", () => closed.resolve())
        events(chunksFrom(0, 7), "stays")(socket, request)
      })
      const [first] = yield* Stream.runCollect(Stream.take(follow(), 1))
      assert.deepStrictEqual(first, { kind: "bytes", bytes: new Uint8Array(log.subarray(0, 7)), offset: 7 })
      yield* Effect.promise(() => closed.promise)
    })
  )
})
