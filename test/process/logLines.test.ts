/** Lines of a run's log by their numbers, and what followers are told when Looper stops. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { seenEnd } from "../support/history.ts"
import { followLog } from "../support/logFollower.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"

describe("the number of a log's line", () => {
  let looper: LooperProcess
  let id = ""
  let text = ""
  beforeAll(async () => {
    looper = await startLooper()
    const answer = await looper.run(
      codexScript([{ printTimes: { text: "a line\n", times: 30_000 } }, { print: "open" }])
    )
    id = String(answer.body?.request_id)
    await seenEnd(looper, id)
    text = readFileSync(runOf(answer).log_path, "latin1")
  })
  afterAll(() => looper?.[Symbol.asyncDispose]())

  const lineOf = async (query: string, range?: string) => {
    const headers = range === undefined ? {} : { range }
    const answer = await looper.request("GET", `/runs/${id}/log?${query}`, { headers })
    return { status: answer.status, line: answer.headers["x-log-line"], text: answer.text }
  }
  const numberAt = (offset: number) => String(text.slice(0, offset).split("\n").length)

  it("comes with the whole log, its last lines, and any range", async () => {
    assert.deepInclude(await lineOf("numbered=1"), { status: 200, line: "1" })
    const tail = await lineOf("numbered=1&tail=3")
    assert.deepInclude(tail, { status: 200, line: numberAt(text.length - tail.text.length) })
    assert.strictEqual(tail.text.split("\n").length, 4)
    for (const start of [0, 1, 70, 150_000, text.length - 1, 99]) {
      const part = await lineOf("numbered", `bytes=${start}-${start + 200}`)
      assert.deepStrictEqual(part, { status: 206, line: numberAt(start), text: text.slice(start, start + 201) })
    }
    assert.deepInclude(await lineOf("numbered=1&tail=0"), { line: numberAt(text.length), text: "" })
  })

  it("comes to those alone who ask for it", async () => {
    for (const query of ["", "tail=3", "numbered=0"]) assert.isUndefined((await lineOf(query)).line, query)
    const refused = await looper.request("GET", `/runs/${id}/log?numbered=yes`)
    assert.deepStrictEqual([refused.status, refused.body?.error], [400, "'numbered' must be 1, true, 0 or false"])
  })
})

describe("followers of a Looper that stops", () => {
  it.each(["stop", "leave"])("are told until when, and what becomes of the run: %s", async (onShutdown) => {
    await using looper = await startLooper({ env: { LOOPER_ON_SHUTDOWN: onShutdown } })
    const answer = await looper.run(codexScript([{ print: "one\n" }, { hang: true }]))
    const id = String(answer.body?.request_id)
    using first = await followLog(looper.url, id)
    using second = await followLog(looper.url, id)
    using lazy = await followLog(looper.url, id, { neverReads: true })
    for (const follower of [first, second]) await until(() => follower.bytes().includes("one\n"), "it has all")
    const stoppedAt = Date.now()
    looper.signal("SIGTERM")
    await Promise.all([first.ended, second.ended])
    await looper.exited
    for (const { events, faults } of [first, second]) {
      assert.deepStrictEqual(faults, [])
      const last = events.at(-1)
      assert.deepInclude(last, { event: "shutdown", id: undefined })
      assert.deepStrictEqual(Object.keys(last?.data ?? {}), ["deadline_at", "on_shutdown"])
      assert.strictEqual(last?.data.on_shutdown, onShutdown)
      const leftMillis = Date.parse(String(last?.data.deadline_at)) - stoppedAt
      assert.isAtLeast(leftMillis, 9_000)
      assert.isAtMost(leftMillis, 15_000)
      assert.lengthOf(
        events.filter(({ event }) => event === "shutdown"),
        1
      )
    }
    assert.strictEqual(lazy.status, 200)
    if (onShutdown === "leave") {
      await using next = await startLooper({ reuse: looper, env: { LOOPER_ON_SHUTDOWN: "stop" } })
      using again = await followLog(next.url, id, { after: first.lastId() })
      await next.request("POST", "/kill")
      assert.strictEqual((await again.ended)?.event, "end")
    }
  })

  it("are not told anything else than those whose requests are refused", async () => {
    await using looper = await startLooper({ env: { LOOPER_ON_SHUTDOWN: "leave" } })
    const answer = await looper.run(codexScript([{ hang: true }]))
    using follower = await followLog(looper.url, String(answer.body?.request_id))
    const waiting = looper.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 })
    await until(async () => {
      const { body } = await looper.request("GET", "/status")
      return (body?.holder as { readonly step?: string } | null)?.step === "delay"
    }, "a sequence waits")
    looper.signal("SIGTERM")
    const refused = await waiting
    await follower.ended
    assert.strictEqual(refused.status, 503)
    assert.deepInclude(refused.body, { code: "shutting_down", on_shutdown: "leave" })
    const last = follower.events.at(-1)
    if (last?.event === "shutdown") assert.strictEqual(last.data.deadline_at, refused.body?.deadline_at)
    else assert.strictEqual(last?.event, "end")
    await looper.exited
  })
})
