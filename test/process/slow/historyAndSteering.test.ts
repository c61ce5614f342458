/** What `/status` and `/runs` say against what is true, at every moment of a run's life and over Looper's own deaths. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../../support/gatedZulip.ts"
import { assertPossible, seenEnd, seenPage, seenRun, type SeenRun, seenStatus } from "../../support/history.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, killHard, procStat, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"

let zulip: GatedZulip
let looper: LooperProcess
beforeAll(async () => {
  zulip = await startGatedZulip()
  looper = await startLooper({ env: zulip.env })
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  await zulip?.[Symbol.asyncDispose]()
})

const begin = async (steps: ReadonlyArray<CodexStep>, on = looper, over: Readonly<Record<string, unknown>> = {}) => {
  const answer = await on.run({ zulip_message: "m", codex_prompt: codexScript(steps), ...over })
  assert.strictEqual(answer.status, 200, answer.text)
  return { id: String(answer.body?.request_id), pid: runOf(answer).pid, logPath: runOf(answer).log_path }
}
const stop = (id: string, on = looper) => on.request("POST", `/runs/${id}/stop`)
const inStep = (step: string) =>
  until(async () => {
    const now = await seenStatus(looper)
    return now.holder?.step === step && now
  }, `the sequence is in ${step}`)

describe("a run's life", () => {
  it("is told as it is in each step, while it runs, and at its end", async () => {
    zulip.shut()
    const [up, go] = [join(looper.folder, "up"), join(looper.folder, "go")]
    const steps: ReadonlyArray<CodexStep> = [
      { writeFile: { path: up, text: "" } },
      { waitForFile: go },
      { flood: { bytes: 5_000 } }
    ]
    const answer = looper.run({
      zulip_message: "m",
      codex_prompt: codexScript(steps),
      codex_exec_delay_seconds: 0.5,
      codex_exec_startup_check_seconds: 0.5
    })
    const announced = await inStep("notify")
    const id = announced.holder?.request_id ?? ""
    const assertNotYet = async (now: typeof announced) => {
      assert.strictEqual(now.holder?.request_id, id)
      assert.isNull(now.run)
      assert.isNull(now.idle)
      const run = await seenRun(looper, id)
      assertPossible(run)
      assert.include(run, { state: "starting", pid: null, duration_ms: null, ended_at: null })
      assert.strictEqual((await seenPage(looper, "limit=1")).runs[0]?.request_id, id)
    }
    await assertNotYet(announced)
    zulip.open()
    await assertNotYet(await inStep("delay"))
    const checked = await inStep("startup_check")
    const started = await seenRun(looper, id)
    assertPossible(started)
    assert.isTrue(isAlive(started.pid ?? 0))
    assert.isNull(checked.idle)
    assert.strictEqual((await answer).status, 200)
    const running = await seenStatus(looper)
    assert.isNull(running.holder)
    assert.include(running.run, { request_id: id, state: "running", pid: runOf(await answer).pid })
    await until(() => existsSync(up), "it is up")
    const seen: Array<SeenRun> = []
    for (let n = 0; n < 30; n++) {
      if (n === 10) writeFileSync(go, "")
      seen.push(await seenRun(looper, id))
    }
    seen.push(await seenEnd(looper, id))
    seen.forEach(assertPossible)
    for (const field of ["duration_ms", "log_bytes"] as const) {
      const values = seen.filter(({ state }) => state === "running").map((run) => run[field] ?? -1)
      assert.deepStrictEqual(
        values,
        values.toSorted((a, b) => a - b),
        field
      )
    }
    const end = seen.at(-1)
    assert.include(end, { state: "succeeded", cause: "exited", return_code: 0, log_bytes: sizeOf(end?.log_path ?? "") })
    assert.isNull((await seenStatus(looper)).run)
  })

  const ends: ReadonlyArray<readonly [string, ReadonlyArray<CodexStep>, string, number]> = [
    ["of itself with 0", [{ print: "x" }], "succeeded", 0],
    ["of itself with 7", [{ exit: 7 }], "failed", 7],
    ["by its own SIGTERM", [{ kill: "SIGTERM" }], "failed", 143],
    ["by its own SIGKILL", [{ kill: "SIGKILL" }], "failed", 137]
  ]
  it.each(ends)("that ends %s", async (_, steps, state, return_code) => {
    const { id, pid } = await begin(steps)
    assert.include(await seenEnd(looper, id), { state, cause: "exited", return_code, pid })
    assert.include((await stop(id)).body, { outcome: "already_ended" })
    assert.include(await seenRun(looper, id), { state, cause: "exited" })
  })

  it("that ends in its startup check", async () => {
    const body = { zulip_message: "m", codex_prompt: codexScript([{ exit: 3 }]), codex_exec_startup_check_seconds: 30 }
    const answer = await looper.run(body)
    assert.deepInclude(answer.body, { code: "exited_early", return_code: 3 })
    assert.include(await seenEnd(looper, String(answer.body?.request_id)), { state: "failed", return_code: 3 })
  })

  it("that is replaced, and one that is stopped", async () => {
    const first = await begin([{ hang: true }])
    const second = await begin([{ hang: true }])
    assert.include(await seenRun(looper, first.id), { state: "stopped", cause: "replacement", return_code: 143 })
    assert.include((await stop(second.id)).body, { outcome: "stopped" })
    const end = await seenRun(looper, second.id)
    assertPossible(end)
    assert.include(end, { state: "stopped", cause: "request", return_code: 143 })
  })

  it("whose supervisor is killed runs on, and how it ended is not known", async () => {
    const { id, pid } = await begin([{ hang: true }])
    killHard(procStat(pid)?.ppid ?? 0)
    assert.include((await seenStatus(looper)).run, { request_id: id, state: "running", pid })
    killHard(pid)
    assert.include(await seenEnd(looper, id), { state: "interrupted", return_code: "unknown" })
  })

  it("that never began: neither a message alone nor a failed preflight is a run", async () => {
    const alone = await looper.run({ zulip_message: "m", codex_prompt: "" })
    const failed = await looper.run({ zulip_message: "m", codex_prompt: "p", workspace: "/nowhere" })
    assert.deepStrictEqual([alone.status, failed.status], [200, 500])
    for (const { body } of [alone, failed])
      assert.strictEqual((await looper.request("GET", `/runs/${body?.request_id}`)).status, 404)
  })
})

describe("a run that starts", () => {
  it("has the bytes that its log has", async () => {
    const body = { zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 }
    const answer = looper.run(body)
    const id = (await inStep("delay")).holder?.request_id ?? ""
    const { log_path, log_bytes } = await seenRun(looper, id)
    await stop(id)
    await answer
    assert.strictEqual(log_path === null, log_bytes === null)
  })
})

describe("pages", () => {
  it("have every run once, newest first, also while runs are added and end", async () => {
    for (let n = 0; n < 6; n++) await begin([{ exit: n % 2 }])
    const all = (await seenPage(looper, "limit=500")).runs
    const ids = all.map(({ request_id }) => request_id)
    assert.strictEqual(new Set(ids).size, ids.length)
    const times = all.map(({ started_at }) => started_at)
    assert.deepStrictEqual(times, times.toSorted().toReversed())
    const paged: Array<string> = []
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await seenPage(looper, `limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`)
      assert.isTrue(page.next === null || page.runs.length === 3)
      paged.push(...page.runs.map(({ request_id }) => request_id))
      cursor = page.next
      await begin([{ hang: true }])
    }
    assert.deepStrictEqual(paged, ids)
  })

  it("of a filter add up to all", async () => {
    await until(async () => (await seenStatus(looper)).holder === null, "nothing starts")
    const sizes = await Promise.all(
      ["starting", "running", "succeeded", "failed", "stopped", "interrupted"].map(async (state) => {
        const { runs } = await seenPage(looper, `state=${state}&limit=500`)
        assert.isTrue(runs.every((run) => run.state === state))
        return runs.length
      })
    )
    const { runs } = await seenPage(looper, "limit=500")
    assert.strictEqual(
      sizes.reduce((a, b) => a + b),
      runs.length
    )
    assert.deepStrictEqual((await seenPage(looper, "autopoll=0&limit=500")).runs.length, runs.length)
    assert.deepStrictEqual((await seenPage(looper, "autopoll=1")).runs, [])
  })
})

describe("a limit", () => {
  it("that stops a run is its cause, and retention tells which log is gone", async () => {
    await using limited = await startLooper({ env: { CODEX_EXEC_MAX_SECONDS: "0.3", LOOPER_LOG_RETENTION_RUNS: "1" } })
    const first = await begin([{ hang: true }], limited)
    const data = await seenEnd(limited, first.id)
    assert.include(data, { state: "stopped", cause: "max_seconds", return_code: 143 })
    assert.isAtLeast(data.duration_ms ?? 0, 300)
    const second = await begin([{ print: "x" }], limited)
    await seenEnd(limited, second.id)
    await until(() => !existsSync(first.logPath), "the older log is pruned")
    const pruned = await until(async () => {
      const run = await seenRun(limited, first.id)
      return run.is_log_pruned && run
    }, "it is told")
    assertPossible(pruned)
    assert.include(pruned, { state: "stopped", cause: "max_seconds", return_code: 143 })
    for (const query of ["", "?tail=1", "?follow=1"]) {
      const gone = await limited.request("GET", `/runs/${first.id}/log${query}`)
      assert.strictEqual(gone.status, 410)
      assert.include(gone.body, { code: "log_gone" })
    }
    assert.isFalse((await seenRun(limited, second.id)).is_log_pruned)
  })
})

/** Starts a Looper with these runs' ends in its history, kills it, waits until `isOver`, and starts another. */
const overDeath = async (
  steps: ReadonlyArray<CodexStep>,
  between: (run: { pid: number; logPath: string }) => unknown
) => {
  const first = await startLooper()
  const run = await begin(steps, first)
  first.child.kill("SIGKILL")
  await first.exited
  await between(run)
  return { second: await startLooper({ reuse: first }), run }
}

describe("over Looper's death", () => {
  it("a run that lives is told as before, and one that ended meanwhile with its code", async () => {
    const { second, run } = await overDeath([{ hang: true }], () => undefined)
    await using later = second
    const { run: adopted } = await seenStatus(later)
    assert.include(adopted, { request_id: run.id, state: "running", pid: run.pid })
    later.child.kill("SIGKILL")
    await later.exited
    killHard(run.pid)
    await until(() => !isAlive(run.pid), "it is dead")
    const last = await startLooper({ reuse: later })
    assert.include(await seenEnd(last, run.id), { state: "failed", return_code: 137 })
    await last.stop()
  })

  it("a run that ended meanwhile ended then, not when Looper came back", async () => {
    const { second, run } = await overDeath([{ exit: 5 }], async ({ pid, logPath }) => {
      await until(() => !isAlive(pid), "it has ended")
      const at = statSync(logPath).mtimeMs
      await until(() => Date.now() > at + 1_500, "time goes by")
    })
    await using later = second
    const end = await seenEnd(later, run.id)
    const wroteTrailer = statSync(run.logPath).mtimeMs
    // `ended_at` is the instant at which the next Looper looked: an hour later it says that the run took an hour.
    assert.closeTo(Date.parse(end.ended_at ?? ""), wroteTrailer, 500)
  })

  it("a shutdown is the cause", async () => {
    const first = await startLooper()
    const run = await begin([{ hang: true }], first)
    assert.deepStrictEqual(await first.stop(), { code: 0, signal: null })
    await using second = await startLooper({ reuse: first })
    assert.include(await seenEnd(second, run.id), { state: "stopped", cause: "shutdown", return_code: 143 })
  })

  it("and that of the database, code and bytes come from the logs", async () => {
    await using first = await startLooper()
    const ended = await begin([{ print: "x" }, { exit: 6 }], first)
    const before = await seenEnd(first, ended.id)
    const lives = await begin([{ hang: true }], first)
    const files = () => readdirSync(first.logDir).filter((name) => name.startsWith("looper.db"))
    for (const name of files()) rmSync(join(first.logDir, name))
    assert.include((await seenStatus(first)).run, { request_id: lives.id, state: "running" })
    // The first look, which finds that the database is gone, says 404.
    const isBack = async () => (await first.request("GET", `/runs/${ended.id}`)).status === 200
    await until(isBack, "the history is made anew")
    assert.include(await seenEnd(first, ended.id), { state: "failed", return_code: 6, log_bytes: before.log_bytes })
    const closed = once(first.child, "exit")
    first.child.kill("SIGKILL")
    await closed
    for (const name of files()) rmSync(join(first.logDir, name))
    writeFileSync(join(first.logDir, "looper.db"), "no database ".repeat(1_000))
    const second = await startLooper({ reuse: first })
    assert.include((await seenStatus(second)).run, { request_id: lives.id, state: "running", pid: lives.pid })
    assert.include(await seenEnd(second, ended.id), { state: "failed", return_code: 6, log_bytes: before.log_bytes })
    assert.include((await stop(lives.id, second)).body, { outcome: "stopped" })
    await second.stop()
  })
})
