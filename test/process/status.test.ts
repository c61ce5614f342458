/** `GET /status`: what runs, why nothing runs and when something will. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import type { StatusAnswer } from "../../src/domain/status.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../support/gatedZulip.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { sizeOf, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"

let zulip: GatedZulip
let looper: LooperProcess
const pollSeconds = 3_600
beforeAll(async () => {
  zulip = await startGatedZulip()
  looper = await startLooper({
    env: {
      ...zulip.env,
      CODEX_EXEC_KILL_SCOPE: "workspace",
      LOOPER_AUTO_START_WHEN_IDLE: "1",
      LOOPER_IDLE_POLL_SECONDS: String(pollSeconds),
      LOOPER_DEFAULT_PROMPT: codexScript([{ print: "by itself" }])
    }
  })
  await until(async () => {
    const { idle, autopoll } = await status()
    return autopoll.last_tick !== null && idle?.reason === "waiting"
  }, "the first tick's run has ended")
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  await zulip?.[Symbol.asyncDispose]()
})

const statusOf = async (of: LooperProcess): Promise<StatusAnswer> => {
  const answer = await of.request("GET", "/status")
  assert.strictEqual(answer.status, 200, answer.text)
  return answer.body as unknown as StatusAnswer
}
const status = () => statusOf(looper)
const idle = async () => (await status()).idle
const millis = (time: string | null | undefined) => Date.parse(time ?? "")

describe("GET /status while nothing runs", () => {
  it("says that the next tick starts something, and when", async () => {
    const { idle, run, holder, next_start_at, autopoll, server_time, started_at } = await status()
    assert.deepStrictEqual(idle, {
      reason: "waiting",
      text: "the next tick starts the default prompt",
      pids: [],
      blocking: [],
      log_changed_at: null
    })
    assert.isNull(run)
    assert.isNull(holder)
    assert.include(autopoll, { is_on: true, is_paused: false, failures_in_a_row: 0, backoff_until: null })
    assert.include(autopoll, { every_seconds: pollSeconds, backoff_seconds: null })
    assert.include(autopoll.last_tick, { outcome: "started", reason: null })
    assert.strictEqual(next_start_at, autopoll.next_tick_at)
    const wait = millis(next_start_at) - millis(autopoll.last_tick?.at)
    assert.isAtLeast(wait, pollSeconds * 1_000)
    assert.isAtMost(wait, pollSeconds * 1_000 + 60_000)
    assert.isAtLeast(millis(server_time), millis(started_at))
  })

  it("says that it is paused, and that nothing will start", async () => {
    await looper.request("POST", "/autopoll/pause")
    const { idle, next_start_at, autopoll } = await status()
    assert.include(idle, { reason: "paused", text: "autopoll is paused" })
    assert.isNull(next_start_at)
    assert.isTrue(autopoll.is_paused)
    await looper.request("POST", "/autopoll/resume")
    assert.strictEqual((await status()).idle?.reason, "waiting")
  })

  it("names what is missing, without a record in the log for each look", async () => {
    const away = `${looper.workspace}.away`
    renameSync(looper.workspace, away)
    const bytes = () => looper.serverLog().split("autopoll.misconfigured").length
    const before = bytes()
    assert.deepInclude((await status()).idle, {
      reason: "misconfigured",
      text: `workspace is not a directory: ${looper.workspace}`
    })
    assert.strictEqual(bytes(), before)
    renameSync(away, looper.workspace)
    assert.strictEqual((await idle())?.reason, "waiting")
  })

  it("names the codex exec of somebody else that it waits for", async () => {
    const ready = join(looper.folder, "other.beat")
    const script = codexScript([{ child: { kind: "group", heartbeat: ready } }, { hang: true }])
    const startedAt = Date.now()
    const other = spawn(looper.codexPath, ["exec", script], { cwd: looper.workspace, stdio: "ignore" })
    await until(() => sizeOf(ready) > 0, "the other codex is up")
    const found = await status()
    const blocking = found.idle?.blocking ?? []
    assert.deepStrictEqual(found.idle, {
      reason: "alive_tasks",
      text: `codex exec is running that no tick stops: pid ${other.pid}`,
      pids: [other.pid ?? 0],
      blocking: [
        { pid: other.pid ?? 0, cwd: realpathSync(looper.workspace), started_at: blocking[0]?.started_at ?? "" }
      ],
      log_changed_at: null
    })
    assert.closeTo(millis(blocking[0]?.started_at), startedAt, 1_000)
    assert.isNull(found.next_start_at)
    // Whoever starts something now stops it, whether autopoll would wait for it or not.
    await looper.request("POST", "/autopoll/pause")
    assert.deepInclude((await status()).idle, { reason: "paused", pids: [other.pid ?? 0] })
    await looper.request("POST", "/autopoll/resume")
    await looper.request("POST", "/kill")
    assert.strictEqual((await idle())?.reason, "waiting")
  })

  it.runIf(process.geteuid?.() === 0)("logs nothing of a foreign codex exec, however often it is asked", async () => {
    const options = { argv0: "codex", uid: 65_534, gid: 65_534, stdio: "ignore", env: {} } as const
    const foreign = spawn("/usr/bin/perl", ["-e", "sleep 60", "exec", "p"], options)
    const isNamed = async () => {
      const plan = await looper.request("POST", "/kill", { body: { dry_run: true } })
      return String(plan.body?.foreign_codex_exec_pids).split(",").includes(String(foreign.pid))
    }
    const record = new RegExp(` codex\\.exec\\.foreign .*\\b${foreign.pid}\\b`, "g")
    const naming = () => looper.serverLog().match(record)?.length ?? 0
    try {
      await until(isNamed, "it is seen")
      await status()
      await status()
      await isNamed()
      await until(() => naming() >= 2, "both looks of the kill are in the log")
      assert.strictEqual(naming(), 2)
    } finally {
      foreign.kill("SIGKILL")
    }
  })

  it("says how long it backs off, and that the first tick after it starts something", async () => {
    await using failing = await startLooper({
      env: {
        LOOPER_AUTO_START_WHEN_IDLE: "1",
        LOOPER_IDLE_POLL_SECONDS: "0.3",
        LOOPER_DEFAULT_PROMPT: codexScript([{ exit: 3 }])
      }
    })
    const found = await until(async () => {
      const now = await statusOf(failing)
      return now.autopoll.failures_in_a_row >= 5 && now.idle !== null && now
    }, "it failed five times")
    assert.strictEqual(found.idle?.reason, "backoff")
    assert.strictEqual(found.idle?.text, `autopoll failed ${found.autopoll.failures_in_a_row} times in a row and waits`)
    assert.isAtLeast(millis(found.next_start_at), millis(found.autopoll.backoff_until))
    const ticks = (millis(found.next_start_at) - millis(found.autopoll.next_tick_at)) / 300
    assert.closeTo(ticks, Math.round(ticks), 0.02)
    assert.isBelow(millis(found.next_start_at) - millis(found.autopoll.backoff_until), 301)
    assert.strictEqual(found.autopoll.every_seconds, 0.3)
    assert.closeTo(found.autopoll.backoff_seconds ?? 0, 0.3 * 2 ** (found.autopoll.failures_in_a_row - 2), 1e-9)
  })

  it("says that autopoll is off", async () => {
    await using quiet = await startLooper()
    const { idle, next_start_at, autopoll } = await statusOf(quiet)
    assert.include(idle, { reason: "off", text: "autopoll is off: LOOPER_AUTO_START_WHEN_IDLE" })
    assert.isNull(next_start_at)
    assert.deepInclude(autopoll, { is_on: false, last_tick: null, next_tick_at: null })
  })
})

describe("the defaults", () => {
  it("are what a run gets that names nothing, and where its message goes", async () => {
    const { defaults } = await status()
    assert.deepStrictEqual(defaults, {
      workspace: looper.workspace,
      prompt: codexScript([{ print: "by itself" }]),
      prompt_source: "LOOPER_DEFAULT_PROMPT",
      prompt_error: null,
      delay_seconds: 0,
      startup_check_seconds: 0,
      kill_grace_seconds: 5,
      announces_to: "stream coding, topic verified-cad"
    })
  })

  it("name the prompt's file, and what is wrong with it; no address of a webhook", async () => {
    const file = join(looper.folder, "prompt.txt")
    const env = {
      LOOPER_DEFAULT_PROMPT_FILE: file,
      LOOPER_NOTIFIER: "webhook",
      LOOPER_WEBHOOK_URL: "https://x.example/s3cr3t-hook"
    }
    await using other = await startLooper({ env })
    const missing = await other.request("GET", "/status")
    assert.notInclude(missing.text, "s3cr3t")
    assert.deepInclude((await statusOf(other)).defaults, {
      prompt: null,
      prompt_source: file,
      prompt_error: `prompt is unusable: ${file} cannot be read: ENOENT`,
      announces_to: "a webhook"
    })
    writeFileSync(file, " \n")
    assert.include((await statusOf(other)).defaults, { prompt: null, prompt_error: "the default prompt is empty" })
    writeFileSync(file, "go on\n")
    assert.include((await statusOf(other)).defaults, { prompt: "go on", prompt_error: null })
  })
})

describe("the limits of the run that lives", () => {
  it("say when each ends it if nothing changes", async () => {
    const env = {
      CODEX_EXEC_MAX_SECONDS: "3600",
      CODEX_EXEC_MAX_SILENT_SECONDS: "600",
      CODEX_EXEC_MAX_LOG_BYTES: "1000000"
    }
    await using limited = await startLooper({ env })
    const go = join(limited.folder, "go")
    await limited.run(codexScript([{ waitForFile: go }, { print: "one\n" }, { hang: true }]))
    const before = await statusOf(limited)
    assert.isNull(before.run?.last_output_at)
    writeFileSync(go, "")
    const { run, server_time: now } = await until(async () => {
      const found = await statusOf(limited)
      return typeof found.run?.last_output_at === "string" && found
    }, "it has written")
    assert.isAtMost(millis(run?.last_output_at), millis(now))
    assert.isAtLeast(millis(run?.last_output_at), millis(before.server_time) - 20)
    const [seconds, silent, bytes] = run?.limits ?? []
    assert.include(seconds, { limit: "max_seconds", value: 3_600 })
    assert.closeTo(millis(seconds?.at) - millis(run?.started_at), 3_600_000, 5_000)
    assert.include(silent, { limit: "max_silent_seconds", value: 600 })
    assert.closeTo(millis(silent?.at) - millis(run?.last_output_at), 600_000, 3_000)
    assert.deepStrictEqual(bytes, { limit: "max_log_bytes", value: 1_000_000, at: null })
  })
})

describe("GET /status while something happens", () => {
  it("names who holds the lock, the step it is in and those it has done", async () => {
    const sequence = looper.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 })
    const { holder, idle, run } = await until(async () => {
      const now = await status()
      return now.holder?.step === "delay" && now
    }, "the sequence waits")
    assert.isNull(idle)
    assert.isNull(run)
    assert.strictEqual(holder?.operation, "run")
    assert.deepStrictEqual(
      holder?.steps.map(({ step, result }) => [step, result]),
      [
        ["preflight", "ok"],
        ["notify", "ok"],
        ["kill", "ok"],
        ["delay", null]
      ]
    )
    assert.include(holder, { delay_seconds: 600, startup_check_seconds: 0 })
    // The preflight precedes the lock.
    assert.isAtMost(millis(holder?.since), millis(holder?.steps[1]?.started_at))
    await looper.request("POST", `/runs/${holder?.request_id}/stop`)
    assert.strictEqual((await sequence).status, 409)
  })

  it("shows the run that lives: since when, how long, how much it has written", async () => {
    const beat = join(looper.folder, "child.beat")
    const child = { kind: "daemon", heartbeat: beat } as const
    const answer = await looper.run(codexScript([{ print: "x".repeat(1_000) }, { child }, { hang: true }]))
    const { pid, log_path } = runOf(answer)
    await until(() => sizeOf(log_path) > 2_000 && sizeOf(beat) > 0, "it has written")
    const { run, idle, next_start_at } = await until(async () => {
      const now = await status()
      return now.run?.process_count === 2 && now
    }, "codex and its daemon are its processes")
    assert.deepInclude(run, {
      request_id: String(answer.body?.request_id),
      state: "running",
      pid,
      log_path,
      log_bytes: sizeOf(log_path),
      workspace: looper.workspace,
      is_autopoll: false,
      operation: "run",
      reason: null,
      // What `mtime` has is rounded, also up.
      last_output_at: new Date(Math.floor(statSync(log_path).mtimeMs)).toISOString(),
      limits: [],
      ended_at: null,
      cause: null,
      return_code: null
    })
    assert.isAbove(run?.duration_ms ?? 0, 0)
    assert.isNull(idle)
    assert.isNull(next_start_at)
    await looper.request("POST", "/kill")
    assert.isNull((await status()).run)
  })

  it("tells what the last tick skipped for, and what it failed with", async () => {
    await looper.run(codexScript([{ hang: true }]))
    await looper.request("POST", "/autopoll/tick")
    assert.include((await status()).autopoll.last_tick, { outcome: "skipped", reason: "alive_tasks" })
    await looper.request("POST", "/kill")
    rmSync(looper.codexPath)
    assert.strictEqual((await looper.request("POST", "/autopoll/tick")).body?.reason, "misconfigured")
    assert.include((await status()).autopoll.last_tick, { outcome: "skipped", reason: "misconfigured" })
    writeFileSync(looper.codexPath, "#!/bin/sh\nsleep 0.3; exit 9\n", { mode: 0o755 })
    await looper.request("POST", "/autopoll/tick")
    // With no startup check the tick has started it, and its end is what counts.
    await until(async () => (await status()).autopoll.failures_in_a_row === 1, "the run's end is counted")
    assert.include((await status()).autopoll.last_tick, { outcome: "started", reason: null })
  })
})

describe("GET /status of a Looper that adopted a run", () => {
  it("shows that run", async () => {
    await using first = await startLooper()
    const answer = await first.run(codexScript([{ hang: true }]))
    first.child.kill("SIGKILL")
    await once(first.child, "exit")
    await using second = await startLooper({ reuse: first })
    const { run } = await statusOf(second)
    assert.deepInclude(run, { request_id: String(answer.body?.request_id), state: "running", pid: runOf(answer).pid })
    assert.isAbove(run?.duration_ms ?? 0, 0)
  })
})
