/** Looper ends in the middle of a sequence, in each step, by a signal and by a failure that nobody caught. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { startGatedZulip } from "../../support/gatedZulip.ts"
import { type Failure, makeLooperGate } from "../../support/gatedLooper.ts"
import type { Answer } from "../../support/httpClient.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperOptions, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"

const graceSeconds = 5

const openHouse = async (over: LooperOptions["env"] = {}) => {
  await using stack = new AsyncDisposableStack()
  const gate = stack.use(makeLooperGate())
  const zulip = stack.use(await startGatedZulip())
  const env = { ...zulip.env, ...gate.env, LOOPER_SHUTDOWN_GRACE_SECONDS: String(graceSeconds), ...over }
  const looper = stack.use(await startLooper({ env }))
  const held = stack.move()
  return { gate, zulip, looper, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

type House = Awaited<ReturnType<typeof openHouse>>

/** What a request is replaced by when it is in the step, how it gets there, and what is true at the end. */
interface Case {
  readonly step: "preflight" | "notify" | "kill" | "delay" | "spawn" | "startup_check"
  readonly fields?: Readonly<Record<string, unknown>>
  readonly before?: (house: House) => void
  readonly isReached: (house: House) => Promise<unknown>
  /** Lets a step go on that cannot be cut. */
  readonly after?: (house: House) => void
  /** How many logs are left: of the old run, and of the new one if it was started. */
  readonly logs: number
  readonly messages: ReadonlyArray<string>
}

/** The second sequence is in the step. */
const isIn =
  (step: string) =>
  ({ looper }: House) =>
    until(() => looper.serverLog().split(` action=${step}`).length === 3, `the sequence is in ${step}`)

const cases: ReadonlyArray<Case> = [
  {
    step: "preflight",
    before: ({ gate }) => gate.shut("stat"),
    isReached: ({ gate }) => gate.isReached(),
    logs: 1,
    messages: ["old"]
  },
  {
    step: "notify",
    before: ({ zulip }) => zulip.shut(),
    isReached: ({ zulip }) => until(() => zulip.messages.length === 2, "Zulip has the message"),
    logs: 1,
    messages: ["old", "new"]
  },
  { step: "kill", isReached: isIn("kill"), logs: 1, messages: ["old", "new"] },
  {
    step: "delay",
    fields: { codex_exec_delay_seconds: 600 },
    isReached: isIn("delay"),
    logs: 1,
    messages: ["old", "new"]
  },
  {
    step: "spawn",
    fields: { codex_exec_startup_check_seconds: 600 },
    before: ({ gate }) => gate.shut("spawn"),
    isReached: ({ gate }) => gate.isReached(),
    after: ({ gate }) => gate.open(),
    logs: 2,
    messages: ["old", "new"]
  },
  {
    step: "startup_check",
    fields: { codex_exec_startup_check_seconds: 600 },
    isReached: isIn("startup_check"),
    logs: 2,
    messages: ["old", "new"]
  }
]

interface Stopped {
  readonly house: House
  readonly answer: Answer | string
  readonly old: { readonly pid: number; readonly path: string; readonly heart: string }
}

/** A run lives, a request is to replace it and is in the step; then `end` is done, and Looper ends. */
const endIn = async (house: House, each: Case, end: (house: House) => void): Promise<Stopped> => {
  const { looper } = house
  const heart = join(looper.folder, "heart")
  const isStubborn = each.step === "kill"
  const script: ReadonlyArray<CodexStep> = [
    ...(isStubborn ? [{ ignore: ["SIGTERM", "SIGINT"] } as const] : []),
    { child: { kind: "session", heartbeat: heart, ignoresTerm: isStubborn } },
    { hang: true }
  ]
  const first = await looper.run({ zulip_message: "old", codex_prompt: codexScript(script) })
  const { pid, log_path: path } = runOf(first)
  await until(() => existsSync(heart), "the old run is up")
  await beats(heart)
  each.before?.(house)
  const waiting = looper
    .run({ zulip_message: "new", codex_prompt: codexScript([{ hang: true }]), ...each.fields })
    .catch((error: NodeJS.ErrnoException) => String(error.code))
  await each.isReached(house)
  end(house)
  await until(() => / server\.(stop|crash)/.test(looper.serverLog()) || !isAlive(looper.pid), "Looper is stopping")
  each.after?.(house)
  return { house, answer: await waiting, old: { pid, path, heart } }
}

/** Nothing lives, every log has its one trailer, no log of a run that never started and no side file is left. */
const assertNothingLeft = async ({ house, old }: Stopped, each: Case) => {
  const { looper, zulip } = house
  assert.isFalse(isAlive(old.pid))
  assert.isTrue(await stopsGrowing(old.heart))
  assert.lengthOf(looper.runLogs(), each.logs)
  for (const path of looper.runLogs()) {
    const log = readRunLog(path)
    assert.deepStrictEqual([log.rest.length, carriers(log.id)], [0, []])
    assert.strictEqual(log.code, each.step === "kill" ? "137" : "143", path)
  }
  const files = readdirSync(looper.logDir).filter((name) => /\.state$|holder/.test(name))
  assert.deepStrictEqual(files, [])
  assert.deepStrictEqual(zulip.messages, each.messages)
}

const assertShuttingDown = (answer: Answer | string) => {
  assert.isObject(answer)
  const { status, body, headers, text } = answer as Answer
  assert.strictEqual(status, 503, text)
  assert.include(body, { ok: false, code: "shutting_down" })
  assert.strictEqual(headers.connection, "close")
  assert.match(String(headers["retry-after"]), /^\d+$/)
}

describe.concurrent("SIGTERM while a sequence is in the step", () => {
  it.each(cases)("$step: the caller gets 503, everything ends in time, nothing is left", async (each) => {
    await using house = await openHouse()
    let signalledAt = 0
    const stopped = await endIn(house, each, ({ looper }) => {
      signalledAt = performance.now()
      looper.signal("SIGTERM")
    })
    assert.deepStrictEqual(await house.looper.exited, { code: 0, signal: null }, house.looper.output())
    assert.isBelow(performance.now() - signalledAt, graceSeconds * 1_000 + 1_000)
    assertShuttingDown(stopped.answer)
    await assertNothingLeft(stopped, each)
  })

  it("kill, and once more after a second: the grace ends at once", async () => {
    await using house = await openHouse({ LOOPER_SHUTDOWN_GRACE_SECONDS: "10" })
    const each = cases.find(({ step }) => step === "kill") as Case
    const { looper } = house
    const stopped = await endIn(house, each, () => looper.signal("SIGTERM"))
    const seenAt = performance.now()
    await until(() => performance.now() - seenAt > 1_050, "more than a second has passed")
    assert.isTrue(await beats(stopped.old.heart), "the grace goes on")
    looper.signal("SIGTERM")
    assert.deepStrictEqual(await looper.exited, { code: 0, signal: null }, looper.output())
    assert.include(looper.serverLog(), "is_forced=true")
    await assertNothingLeft(stopped, each)
    const took = Number(/ process\.kill\.done .*duration_ms=(\d+)/.exec(looper.serverLog())?.[1])
    assert.isBelow(took, 5_000, "the whole grace was waited for")
  })

  it("kill: it is completed, also of a codex that Looper did not start", async () => {
    await using house = await openHouse({ CODEX_EXEC_KILL_SCOPE: "workspace" })
    const { looper } = house
    const heart = join(looper.folder, "outside")
    const script: ReadonlyArray<CodexStep> = [
      { ignore: ["SIGTERM", "SIGINT"] },
      { child: { kind: "session", heartbeat: heart, ignoresTerm: true } },
      { hang: true }
    ]
    const outsider = spawn(looper.codexPath, ["exec", "-C", looper.workspace, codexScript(script)], {
      env: { PATH: process.env["PATH"], TEST_FOLDER: looper.folder },
      stdio: "ignore"
    })
    const exited = once(outsider, "exit")
    await beats(heart)
    const kill = looper.request("POST", "/kill")
    const found = `process.kill.found .*pids=\\[${outsider.pid}\\]`
    await until(() => new RegExp(found).test(looper.serverLog()), "it is being stopped")
    looper.signal("SIGTERM")
    assertShuttingDown(await kill)
    assert.deepStrictEqual(await looper.exited, { code: 0, signal: null }, looper.output())
    assert.deepStrictEqual(await exited, [null, "SIGKILL"])
    assert.isTrue(await stopsGrowing(heart))
  })
})

describe.concurrent("a failure that nobody caught while a sequence is in the step", () => {
  const failures = ["an exception", "a rejection"] as const
  const table = cases.map((each, index): [string, Failure, Case] => [each.step, failures[index % 2 ? 1 : 0], each])

  it.each(table)("%s, as %s: everything ends, exit code 1, the log says why", async (_, failure, each) => {
    await using house = await openHouse()
    const { looper } = house
    const stopped = await endIn(house, each, ({ gate }) => gate.fail(failure))
    assert.deepStrictEqual(await looper.exited, { code: 1, signal: null }, looper.output())
    assertShuttingDown(stopped.answer)
    await assertNothingLeft(stopped, each)
    assert.include(looper.output(), "looper: out of the blue\n")
    assert.match(looper.serverLog(), / server\.crash .*out of the blue/)
  })
})
