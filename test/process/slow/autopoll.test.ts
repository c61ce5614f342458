/** Autopoll on real processes: whatever a run is like, fifty fast ticks never make two. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { textFrom } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { argvOf, isAlive, sizeOf, until, withEnvironment } from "../../support/processes.ts"

const ticks = 50

let looper: LooperProcess
const folder = mkdtempSync(join(tmpdir(), "looper-autopoll-"))
const promptFile = join(folder, "prompt")
beforeAll(async () => {
  looper = await startLooper({
    env: {
      LOOPER_AUTO_START_WHEN_IDLE: "1",
      LOOPER_IDLE_POLL_SECONDS: "0.05",
      LOOPER_DEFAULT_PROMPT_FILE: promptFile,
      LOOPER_SHUTDOWN_GRACE_SECONDS: "1"
    }
  })
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const post = async (path: string) => (await looper.request("POST", path)).body

/** Records of autopoll and of runs since a byte of the server log. */
const recordsSince = (offset: number) => (event: string) =>
  textFrom(looper.serverLogPath, offset).match(new RegExp(` looper codex\\.exec\\.${event}\\b.*`, "g")) ?? []

/** Stops what runs and lets ticks start these steps; gives the records from here on. */
const begin = async (steps: ReadonlyArray<CodexStep>) => {
  assert.deepStrictEqual(await post("/autopoll/pause"), { ok: true, paused: true })
  await until(async () => (await post("/kill"))?.ok === true, "nothing runs")
  await delay(200)
  writeFileSync(promptFile, codexScript(steps))
  const records = recordsSince(sizeOf(looper.serverLogPath))
  assert.deepStrictEqual(await post("/autopoll/resume"), { ok: true, paused: false })
  return records
}

/** Living codex; one that has not replaced its shell yet is none. */
const livingCodex = () =>
  withEnvironment("TEST_FOLDER", looper.folder).filter((pid) => argvOf(pid)[1] === looper.codexPath)

/** Until fifty ticks have passed, looks how many codex live; gives the most. */
const mostAtOnce = async (records: ReturnType<typeof recordsSince>) => {
  let most = 0
  while (records("autopoll\\.(?:started|skipped|fail)").length < ticks) {
    most = Math.max(most, livingCodex().length)
    await delay(15)
  }
  return most
}

describe("at start", () => {
  it("a prompt that is missing is a warning, and the ticks go on", async () => {
    const enabled =
      / INFO looper codex\.exec\.autopoll\.enabled first_tick=now every_seconds=0\.05 workspace=\S+ prompt=(\S+) switch_off="LOOPER_AUTO_START_WHEN_IDLE=0"\n/
    const line = await until(() => enabled.exec(looper.serverLog()), "the line that says how autopoll works")
    assert.strictEqual(line[1], promptFile)
    const records = recordsSince(0)
    await until(() => records("autopoll\\.misconfigured").length > 1, "two ticks in vain")
    assert.include(looper.serverLog().match(/ WARNING looper codex.*/)?.[0], promptFile)
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    assert.lengthOf(looper.runLogs(), 0)
  })
})

const staying: Readonly<Record<string, ReadonlyArray<CodexStep>>> = {
  "a silent run": [{ hang: true }],
  "a writing run": [{ child: { kind: "group", holdsOutput: true, printsEveryMillis: 5 } }, { hang: true }]
}

describe("fifty ticks", () => {
  it.each(Object.keys(staying))("start nothing beside %s", async (name) => {
    const records = await begin(staying[name] ?? [])
    const logs = looper.runLogs().length
    assert.strictEqual(await mostAtOnce(records), 1)
    assert.lengthOf(records("spawned"), 1)
    assert.lengthOf(records("ended"), 0)
    assert.isAtMost(looper.runLogs().length, logs + 1)
    const started = records("autopoll\\.(?:started|skipped)").findIndex((line) => /\.started/.test(line))
    const later = records("autopoll\\.(?:started|skipped)").slice(started + 1)
    assert.isTrue(later.every((line) => /reason=alive_tasks/.test(line)))
  })

  it("start a run that ends well at once again and again, one at a time", async () => {
    const records = await begin([])
    assert.strictEqual(await mostAtOnce(records), 1)
    const spawned = records("spawned").length
    assert.isAtLeast(spawned, 5)
    assert.lengthOf(records("autopoll\\.backoff"), 0)
    assert.isAtLeast(records("ended").length, spawned - 2)
  })
})

describe("POST /autopoll/pause", () => {
  it("holds ticks back, also one that is asked for, until POST /autopoll/resume", async () => {
    const records = await begin([])
    await until(() => records("spawned").length > 0, "a run")
    assert.deepStrictEqual(await post("/autopoll/pause"), { ok: true, paused: true })
    await until(() => records("autopoll\\.skipped .*reason=paused").length > 0, "a tick that is held back")
    const spawned = records("spawned").length
    assert.deepStrictEqual(await post("/autopoll/tick"), { ok: true, outcome: "skipped", reason: "paused" })
    await until(() => records("autopoll\\.skipped .*reason=paused").length > 5, "further ticks")
    assert.lengthOf(records("spawned"), spawned)
    assert.deepStrictEqual(await post("/autopoll/resume"), { ok: true, paused: false })
    await until(() => records("spawned").length > spawned, "the next run")
  })
})

describe("fifty ticks", () => {
  it("start a run that dies at once ever more rarely, one at a time", async () => {
    const records = await begin([{ exit: 3 }])
    assert.strictEqual(await mostAtOnce(records), 1)
    const spawned = records("spawned").length
    assert.isAtLeast(spawned, 4)
    assert.isBelow(spawned, 20)
    assert.isAtLeast(records("autopoll\\.backoff").length, 1)
    assert.isAtLeast(records("ended").length, spawned - 1)
  })

  it("start nothing while a stubborn run is being stopped, and one run when it is gone", async () => {
    const records = await begin([{ ignore: ["SIGTERM"] }, { print: "up, whatever comes\n" }, { hang: true }])
    // Backoff may not be over.
    await until(async () => (await post("/autopoll/tick"))?.reason === "alive_tasks", "a run")
    await until(() => /^up, whatever comes$/m.test(looper.serverLog()), "the run ignores SIGTERM")
    const [old = 0] = livingCodex()
    const killed = post("/kill")
    assert.strictEqual(await mostAtOnce(records), 1)
    assert.isNotEmpty(records("autopoll\\.skipped .*reason=run_lock_busy"))
    assert.deepStrictEqual((await killed)?.killed_codex_exec_pids, [old])
    assert.isFalse(isAlive(old))
    await until(() => livingCodex().length === 1 && records("spawned").length === 2, "the next run")
    assert.lengthOf(records("autopoll\\.backoff"), 0)
  })
})
