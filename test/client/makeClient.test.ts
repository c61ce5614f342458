import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Pull, Schedule } from "effect"
import { afterEach, beforeEach } from "vitest"
import { makeClient, reconnectSchedule } from "../../src/client/index.ts"
import { encodeLogEnd } from "../../src/domain/logEvents.ts"
import { events, json, type Script, startScriptedServer, type ScriptedServer } from "../support/scriptedServer.ts"

let server: ScriptedServer
beforeEach(async () => {
  server = await startScriptedServer()
})
afterEach(() => server?.[Symbol.asyncDispose]())

const id = "0123abcd"
const end = { state: "succeeded", return_code: 0, cause: "exited" } as const
const ended = encodeLogEnd(end, 7)
const cut: Script = (socket) => socket.resetAndDestroy()

describe("a run that is waited for", () => {
  const run = {
    request_id: id,
    state: "running",
    cause: null,
    return_code: null,
    error: null,
    operation: null,
    reason: null,
    started_at: "2026-02-13T10:11:12.345Z",
    ended_at: null,
    duration_ms: 1,
    workspace: "/w",
    log_path: "/l",
    log_bytes: 1,
    is_log_pruned: false,
    is_autopoll: false,
    pid: 7,
    steps: []
  }
  const over = { ...run, ...end, ended_at: "2026-02-13T10:11:13.345Z" }
  const waitForEnd = () => makeClient({ url: server.url }).waitForEnd({ id, retry: Schedule.forever })

  it.live("is given as it ended, over a Looper that was away", () =>
    Effect.gen(function* () {
      server.script(cut, json(200, { ok: true, run }), events([], "ends"), cut, events([ended], "ends"), cut)
      server.script(json(200, { ok: true, run: over }))
      assert.deepStrictEqual(yield* waitForEnd(), over)
      assert.strictEqual(server.requests[2]?.target, `/runs/${id}/log?tail=0&follow=true`)
      assert.lengthOf(server.requests, 7)
    })
  )

  it.live("is given at once where it has ended, and where its log is gone", () =>
    Effect.gen(function* () {
      server.script(json(200, { ok: true, run: over }))
      assert.deepStrictEqual(yield* waitForEnd(), over)
      assert.lengthOf(server.requests, 1)
      server.script(
        json(200, { ok: true, run }),
        json(410, { ok: false, error: "gone", code: "log_gone", request_id: id }),
        json(200, { ok: true, run: over })
      )
      assert.deepStrictEqual(yield* waitForEnd(), over)
    })
  )

  it.live("is not waited for where it is unknown", () =>
    Effect.gen(function* () {
      server.script(json(404, { ok: false, error: "no run", code: "run_not_found", request_id: id }))
      assert.strictEqual((yield* Effect.flip(waitForEnd()))._tag, "RunNotFound")
    })
  )
})

describe("the waits between connections", () => {
  it.effect("grow to 15 seconds, each a fifth more or less, and go on", () =>
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(reconnectSchedule)
      for (const seconds of [0.5, 1, 2, 4, 8, ...Array.from({ length: 2000 }, () => 15)]) {
        const [, wait] = yield* step(0, undefined) as Pull.Pull<readonly [unknown, Duration.Duration], never, unknown>
        assert.approximately(Duration.toSeconds(wait), seconds, seconds * 0.2)
      }
    })
  )
})
