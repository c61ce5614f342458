/** `POST /runs/:id/stop`: one run, or the sequence that is about to start one, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../../support/gatedZulip.ts"
import type { Answer } from "../../support/httpClient.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun, storedSteps } from "../../support/runRecords.ts"

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

const stop = (id: string) => looper.request("POST", `/runs/${id}/stop`)
const idOf = (answer: Answer) => String(answer.body?.request_id)
const heartbeatOf = (name: string) => join(looper.folder, `${name}.beat`)

/** Starts a run of these steps in place of the one before; gives its id and pid. */
const begin = async (steps: ReadonlyArray<CodexStep>) => {
  const answer = await looper.run(codexScript(steps))
  assert.strictEqual(answer.status, 200, answer.text)
  return { id: idOf(answer), ...runOf(answer) }
}

/** A sequence of its own that is in this step; `answer` comes at its end. */
const beginSequence = async (step: string, fields: Readonly<Record<string, unknown>>) => {
  const records = () => looper.serverLog().split(` action=${step}`).length
  const before = records()
  const answer = looper.run({ zulip_message: "m", codex_prompt: codexScript([{ hang: true }]), ...fields })
  await until(() => records() > before, `the sequence is in ${step}`)
  const { holder } = (await looper.request("GET", "/status")).body as { holder: { request_id: string } }
  return { id: holder.request_id, answer }
}

const isFree = async () => {
  const answer = await looper.request("POST", "/kill", { body: { dry_run: true } })
  return (answer.body?.codex_exec_pids as ReadonlyArray<number> | undefined)?.length === 0
}

describe("POST /runs/:id/stop of a run that lives", () => {
  it("stops it with all of its tree, and its record says who did", async () => {
    const [child, daemon] = [heartbeatOf("child"), heartbeatOf("daemon")]
    const run = await begin([
      { child: { kind: "group", heartbeat: child, ignoresTerm: true } },
      { child: { kind: "daemon", heartbeat: daemon } },
      { hang: true }
    ])
    await until(() => existsSync(child) && existsSync(daemon), "its children are up")
    const answer = await stop(run.id)
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body, {
      ok: true,
      request_id: run.id,
      outcome: "stopped",
      killed_codex_exec_pids: [run.pid],
      remaining_codex_exec_pids: []
    })
    assert.isFalse(isAlive(run.pid))
    assert.isTrue(await stopsGrowing(child))
    assert.isTrue(await stopsGrowing(daemon))
    assert.deepStrictEqual(carriers(run.id), [])
    assert.strictEqual(readRunLog(run.log_path).code, "143")
    assert.include(storedRun(looper.logDir, run.id), { state: "stopped", cause: "request", return_code: 143 })
    assert.deepStrictEqual(storedSteps(looper.logDir, run.id).at(-1), ["stop", "ok"])
  })

  it("leaves every other codex exec alone, which POST /kill would stop", async () => {
    await using everything = await startLooper({ env: { CODEX_EXEC_KILL_SCOPE: "workspace" } })
    const heartbeat = join(everything.folder, "other.beat")
    const words = ["exec", codexScript([{ child: { kind: "group", heartbeat } }, { hang: true }])]
    const answer = await everything.run(codexScript([{ hang: true }]))
    const other = spawn(everything.codexPath, words, { cwd: everything.workspace, stdio: "ignore" })
    try {
      await until(() => existsSync(heartbeat), "the other codex is up")
      const plan = await everything.request("POST", "/kill", { body: { dry_run: true } })
      assert.include(plan.body?.codex_exec_pids as ReadonlyArray<number>, other.pid)
      const stopped = await everything.request("POST", `/runs/${idOf(answer)}/stop`)
      assert.deepStrictEqual(stopped.body?.killed_codex_exec_pids, [runOf(answer).pid])
      await beats(heartbeat)
      assert.isTrue(isAlive(other.pid ?? 0))
    } finally {
      await everything.request("POST", "/kill")
    }
  })

  it("is 409 while another sequence holds the lock, and the run goes on", async () => {
    const heartbeat = heartbeatOf("busy")
    const run = await begin([{ child: { kind: "group", heartbeat } }, { hang: true }])
    await until(() => existsSync(heartbeat), "its child is up")
    zulip.shut()
    const other = await beginSequence("notify", {})
    const answer = await stop(run.id)
    assert.strictEqual(answer.status, 409)
    assert.include(answer.body, { code: "run_busy", error: "busy: another run is in progress" })
    assert.deepInclude(answer.body?.holder, { request_id: other.id, step: "notify" })
    await beats(heartbeat)
    await stop(other.id)
    zulip.open()
    assert.strictEqual((await stop(run.id)).body?.outcome, "stopped")
  })

  it("a second time, and of one that ended by itself, changes nothing and is no failure", async () => {
    const ended = await begin([{ print: "short" }])
    await until(() => storedRun(looper.logDir, ended.id)?.state === "succeeded", "it has ended")
    const stopped = await begin([{ hang: true }])
    await stop(stopped.id)
    for (const [id, state] of [
      [ended.id, "succeeded"],
      [stopped.id, "stopped"]
    ] as const) {
      const answer = await stop(id)
      assert.strictEqual(answer.status, 200, answer.text)
      assert.include(answer.body, { outcome: "already_ended", request_id: id })
      assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [])
      assert.strictEqual(storedRun(looper.logDir, id)?.state, state)
    }
  })
})

describe("POST /runs/:id/stop with the id of the sequence in progress", () => {
  it("cuts the delay: the caller gets 409, nothing is started, the lock is free", async () => {
    const { id, answer } = await beginSequence("delay", { codex_exec_delay_seconds: 600 })
    const stopped = await stop(id)
    assert.strictEqual(stopped.status, 200, stopped.text)
    assert.include(stopped.body, { outcome: "cancelled", request_id: id })
    const refused = await answer
    assert.strictEqual(refused.status, 409)
    assert.deepInclude(refused.body, { ok: false, code: "cancelled", request_id: id, step: "delay" })
    assert.include(storedRun(looper.logDir, id), { state: "stopped", cause: "request", return_code: null })
    assert.deepStrictEqual(storedSteps(looper.logDir, id).at(-1), ["delay", "Cancelled"])
    assert.notInclude(readdirSync(looper.logDir).join(), id)
    assert.isTrue(await isFree())
    assert.strictEqual((await looper.request("POST", "/kill")).status, 200)
  })

  it("cuts the startup check and stops the codex that was started, before anybody else can start one", async () => {
    const heartbeat = heartbeatOf("checked")
    const steps: ReadonlyArray<CodexStep> = [
      { child: { kind: "session", heartbeat, ignoresTerm: true } },
      { ignore: ["SIGTERM"] },
      { hang: true }
    ]
    const { id, answer } = await beginSequence("startup_check", {
      codex_prompt: codexScript(steps),
      codex_exec_startup_check_seconds: 600
    })
    await until(() => existsSync(heartbeat), "its child is up")
    const stopping = stop(id)
    await until(() => looper.serverLog().includes("process.kill.sigterm"), "it is being stopped")
    const other = await looper.run(codexScript([{ hang: true }]))
    assert.strictEqual(other.status, 409, other.text)
    const stopped = await stopping
    assert.include(stopped.body, { outcome: "cancelled" })
    const run = (await looper.request("GET", `/runs/${id}`)).body?.run as { pid: number } | undefined
    assert.deepStrictEqual(stopped.body?.killed_codex_exec_pids, [run?.pid])
    assert.include((await answer).body, { code: "cancelled", step: "startup_check" })
    assert.isTrue(await stopsGrowing(heartbeat))
    assert.include(storedRun(looper.logDir, id), { state: "stopped", cause: "request", return_code: 137 })
  })

  it("cuts the announcement: nothing is stopped or started", async () => {
    const heartbeat = heartbeatOf("announced")
    const run = await begin([{ child: { kind: "group", heartbeat } }, { hang: true }])
    await until(() => existsSync(heartbeat), "the run before is up")
    zulip.shut()
    const { id, answer } = await beginSequence("notify", {})
    assert.include((await stop(id)).body, { outcome: "cancelled" })
    zulip.open()
    assert.include((await answer).body, { code: "cancelled", step: "notify" })
    await beats(heartbeat)
    assert.strictEqual((await stop(run.id)).body?.outcome, "stopped")
  })

  it("cuts a message that is sent alone, too", async () => {
    zulip.shut()
    const sending = looper.run({ zulip_message: "alone", codex_prompt: "" })
    const id = await until(async () => {
      const { holder } = (await looper.request("GET", "/status")).body as { holder: { request_id: string } | null }
      return holder?.request_id
    }, "it holds the lock")
    assert.include((await stop(id)).body, { outcome: "cancelled", request_id: id })
    zulip.open()
    assert.include((await sending).body, { code: "cancelled", step: "notify" })
  })

  it("in the kill lets that finish, and starts nothing after it", async () => {
    const stubborn = await begin([{ ignore: ["SIGTERM"] }, { print: "ready" }, { hang: true }])
    await until(() => readFileSync(stubborn.log_path, "utf8").includes("\nready"), "it ignores SIGTERM")
    const { id, answer } = await beginSequence("kill", {})
    assert.include((await stop(id)).body, { outcome: "cancelled" })
    assert.isFalse(isAlive(stubborn.pid))
    assert.include((await answer).body, { code: "cancelled" })
    await until(() => storedRun(looper.logDir, stubborn.id)?.state !== "running", "the end of the run is recorded")
    assert.include(storedRun(looper.logDir, stubborn.id), { state: "stopped", cause: "replacement" })
    assert.include(storedRun(looper.logDir, id), { state: "stopped", cause: "request", return_code: null })
    assert.isTrue(await isFree())
  })
})

describe("POST /runs/:id/stop with the id of a sequence that has no wait", () => {
  it.each(["/kill", "stop"])("lets it finish and answer as it would, and finds no run: %s", async (path) => {
    const stubborn = await begin([{ ignore: ["SIGTERM"] }, { print: "ready" }, { hang: true }])
    await until(() => readFileSync(stubborn.log_path, "utf8").includes("\nready"), "it ignores SIGTERM")
    const killing = path === "stop" ? stop(stubborn.id) : looper.request("POST", path)
    const id = await until(async () => {
      const { holder } = (await looper.request("GET", "/status")).body as { holder: { request_id: string } | null }
      return holder?.request_id
    }, "it holds the lock")
    assert.strictEqual((await stop(id)).status, 404)
    const killed = await killing
    assert.strictEqual(killed.status, 200, killed.text)
    assert.deepStrictEqual(killed.body?.killed_codex_exec_pids, [stubborn.pid])
    assert.isTrue(await isFree())
  })
})

describe("POST /runs/:id/stop of a run that a tick is about to start", () => {
  it("is no failure of autopoll's", async () => {
    await using idle = await startLooper({
      env: { LOOPER_DEFAULT_PROMPT: codexScript([{ hang: true }]), CODEX_EXEC_STARTUP_CHECK_SECONDS: "600" }
    })
    const status = async () =>
      (await idle.request("GET", "/status")).body as {
        holder: { request_id: string; step: string } | null
        autopoll: { failures_in_a_row: number; backoff_until: string | null }
      }
    const tick = idle.request("POST", "/autopoll/tick")
    const id = await until(async () => {
      const { holder } = await status()
      return holder?.step === "startup_check" && holder.request_id
    }, "its codex was started")
    assert.include((await idle.request("POST", `/runs/${id}/stop`)).body, { outcome: "cancelled" })
    assert.include((await tick).body, { code: "cancelled" })
    assert.include((await status()).autopoll, { failures_in_a_row: 0 })
  })
})

describe("POST /runs/:id/stop of an id that is none", () => {
  it.each(["zzzz", "00000000", "..%2f..%2fetc", "%00", "a%2Fb", "%F0%9F%92%A9", "x".repeat(60), "%zz"])(
    "is 404 for %s, and names it in a sentence",
    async (id) => {
      const answer = await stop(id)
      assert.strictEqual(answer.status, 404, answer.text)
      assert.include(answer.body, { ok: false, code: "run_not_found" })
      assert.match(String(answer.body?.error), /^no run has the id ".{1,45}"; ids are 8 hex digits/)
    }
  )
})
