/** SIGTERM and SIGINT, to Looper and to npm: everything ends, in time and completely. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync } from "node:fs"
import { connect } from "node:net"
import { basename, join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { makeLooperGate } from "../../support/gatedLooper.ts"
import type { Answer } from "../../support/httpClient.ts"
import { readRunLog } from "../../support/logs.ts"
import { type LooperOptions, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, isAlive, procStat, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"

interface StartedRun {
  readonly pid: number
  readonly logPath: string
  readonly hearts: ReadonlyArray<string>
}

const kinds = ["group", "ownGroup", "session", "daemon"] as const

/** Starts a run with a child of each kind, and waits until all of them live. */
const startRun = async (
  looper: LooperProcess,
  options: {
    readonly isStubborn?: boolean
    readonly kinds?: typeof kinds | readonly []
    readonly last?: CodexStep
  } = {}
): Promise<StartedRun> => {
  const ready = join(looper.folder, "ready")
  const children = (options.kinds ?? []).map((kind) => ({
    kind,
    heartbeat: join(looper.folder, `heart-${kind}`),
    ignoresTerm: options.isStubborn ?? false
  }))
  const steps: ReadonlyArray<CodexStep> = [
    ...(options.isStubborn ? [{ ignore: ["SIGTERM", "SIGINT", "SIGHUP"] } as const] : []),
    ...children.map((child) => ({ child })),
    { print: "last words" },
    { writeFile: { path: ready, text: "" } },
    options.last ?? { hang: true }
  ]
  const answer = await looper.run(codexScript(steps))
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => existsSync(ready), "the run is up")
  const hearts = children.map(({ heartbeat }) => heartbeat)
  await Promise.all(hearts.map(beats))
  const { pid, log_path: logPath } = runOf(answer)
  return { pid, logPath, hearts }
}

/** Nothing of the run lives, and its log is complete. */
const assertEnded = async (looper: LooperProcess, run: StartedRun, code: string): Promise<true> => {
  assert.deepStrictEqual(carriers(/-([0-9a-f]{8})\.log$/.exec(run.logPath)?.[1] ?? ""), [])
  const dead = await Promise.all(run.hearts.map((heart) => stopsGrowing(heart)))
  assert.isTrue(dead.every(Boolean), `${dead}`)
  const log = readRunLog(run.logPath)
  assert.deepStrictEqual([log.code, log.body.toString(), log.rest.length], [code, "last words", 0])
  assert.match(looper.serverLog(), new RegExp(` codex\\.exec\\.ended .*return_code=${code}\\b`))
  assert.match(looper.serverLog(), /^last words$/m)
  return true
}

const assertCleanExit = async (looper: LooperProcess) => {
  assert.deepStrictEqual(await looper.exited, { code: 0, signal: null }, looper.output())
  assert.notInclude(looper.output(), "looper: ")
  await until(() => !isAlive(looper.pid), "Looper itself is gone")
  assert.isFalse(existsSync(join(looper.logDir, "looper.holder")))
}

/** Starts runs in a Looper, and gives what must be true of them at the end. */
type Prepare = (looper: LooperProcess) => Promise<() => Promise<true>>

const states: Readonly<Record<string, Prepare>> = {
  idle: async () => async () => true,
  "with a live run": async (looper) => {
    const run = await startRun(looper)
    return () => assertEnded(looper, run, "143")
  },
  "with a run that has daemons": async (looper) => {
    const run = await startRun(looper, { kinds })
    return () => assertEnded(looper, run, "143")
  },
  "with a stubborn run that has stubborn daemons": async (looper) => {
    const run = await startRun(looper, { kinds, isStubborn: true })
    return () => assertEnded(looper, run, "137")
  },
  "with the daemons of a run that has ended": async (looper) => {
    const run = await startRun(looper, { kinds, last: { exit: 3 } })
    await until(() => looper.serverLog().includes(" codex.exec.ended "), "the run has ended")
    assert.isTrue((await Promise.all(run.hearts.map(beats))).every(Boolean))
    return () => assertEnded(looper, run, "3")
  }
}

interface Way {
  readonly to: "Looper" | "npm start" | "the group of npm start"
  readonly signal: "SIGTERM" | "SIGINT"
  readonly state: string
}

const signals = ["SIGTERM", "SIGINT"] as const
const ways: ReadonlyArray<Way> = [
  ...signals.flatMap((signal) => Object.keys(states).map((state): Way => ({ to: "Looper", signal, state }))),
  ...signals.flatMap((signal) =>
    (["npm start", "the group of npm start"] as const).flatMap((to) =>
      ["idle", "with a run that has daemons", "with a stubborn run that has stubborn daemons"].map(
        (state): Way => ({ to, signal, state })
      )
    )
  )
]

/** Short: 3 s of it are grace. */
const graceSeconds: LooperOptions["env"] = { LOOPER_SHUTDOWN_GRACE_SECONDS: "5" }

describe.concurrent("one signal ends it all with exit code 0", () => {
  it.each(ways)("$signal to $to, $state", async ({ to, signal, state }) => {
    await using looper = await startLooper({ command: to === "Looper" ? "node" : "npm", env: graceSeconds })
    const verify = await (states[state] as Prepare)(looper)
    const pid = looper.child.pid ?? 0
    process.kill(to === "the group of npm start" ? -pid : pid, signal)
    await assertCleanExit(looper)
    assert.isTrue(await verify())
  })
})

const stops = (looper: LooperProcess, isForced: boolean) =>
  looper
    .serverLog()
    .split("\n")
    .filter((line) => line.includes(" server.stop ") && line.includes(`is_forced=${isForced}`))

const isRefused = async (looper: LooperProcess) => {
  const answer = await looper.request("GET", "/health").catch((error: NodeJS.ErrnoException) => error.code)
  return answer === "ECONNREFUSED"
}

const assertShuttingDown = ({ status, body, headers, text }: Answer) => {
  assert.strictEqual(status, 503, text)
  assert.include(body, { ok: false, code: "shutting_down", error: "shutting down" })
  assert.match(String(headers["retry-after"]), /^\d+$/)
  assert.strictEqual(headers.connection, "close")
}

/** Waits until a signal is another one than the first, which `stops` has shown. */
const moreThanASecond = async () => {
  const seenAt = performance.now()
  await until(() => performance.now() - seenAt > 1_050, "more than a second has passed")
}

describe.concurrent("a stopping Looper", () => {
  it("answers who waits with 503, closes idle connections and lets no more in", async () => {
    await using looper = await startLooper({ env: graceSeconds })
    const idle = connect(looper.port, "127.0.0.1")
    idle.on("error", () => undefined)
    const idleClosed = new Promise((resolve) => idle.once("close", resolve))
    const idleAnswer = new Promise((resolve) => idle.once("data", resolve))
    idle.write(`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    await idleAnswer
    const waiting = looper.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 })
    await until(() => looper.serverLog().includes("action=delay"), "the sequence is in its delay")
    assert.lengthOf(looper.runLogs(), 1)
    looper.signal("SIGTERM")
    assertShuttingDown(await waiting)
    await idleClosed
    await until(() => isRefused(looper), "connections are refused")
    await assertCleanExit(looper)
    assert.deepStrictEqual(looper.runLogs(), [])
    assert.notInclude(looper.serverLog(), " codex.exec.spawned ")
  })

  it("answers 503 to the caller whose startup check it cuts, and stops that run", async () => {
    await using looper = await startLooper({ env: graceSeconds })
    const ready = join(looper.folder, "ready")
    const waiting = looper.run({
      zulip_message: "m",
      codex_prompt: codexScript([{ writeFile: { path: ready, text: "" } }, { hang: true }]),
      codex_exec_startup_check_seconds: 600
    })
    await until(() => existsSync(ready), "the run is up")
    looper.signal("SIGTERM")
    assertShuttingDown(await waiting)
    await assertCleanExit(looper)
    assert.strictEqual(readRunLog(looper.runLogs()[0] ?? "").code, "143")
  })

  it("joins the kill that a request has begun, and answers that request with 503", async () => {
    await using looper = await startLooper({ env: graceSeconds })
    const run = await startRun(looper, { kinds, isStubborn: true })
    const waiting = looper.run("p")
    const found = `process.kill.found .*pids=\\[${run.pid}\\]`
    await until(() => new RegExp(found).test(looper.serverLog()), "the old run is being stopped")
    looper.signal("SIGTERM")
    assertShuttingDown(await waiting)
    await assertCleanExit(looper)
    await assertEnded(looper, run, "137")
    assert.deepStrictEqual(looper.runLogs(), [run.logPath])
  })

  it.each(["idle", "in the kill of POST /kill"])(
    "takes signals within a second for one, and ends the grace at a later one: %s",
    async (state) => {
      await using looper = await startLooper()
      const run = await startRun(looper, { kinds, isStubborn: true })
      const waiting = state === "idle" ? undefined : looper.request("POST", "/kill")
      if (waiting !== undefined) await until(() => looper.serverLog().includes(" process.kill.sigterm "), "the kill")
      looper.signal("SIGTERM")
      await until(() => stops(looper, false).length === 1, "the first signal is seen")
      looper.signal("SIGINT")
      await until(() => stops(looper, false).length === 2, "the second signal is the same one")
      await until(() => isRefused(looper), "connections are refused")
      await moreThanASecond()
      assert.isTrue((await Promise.all(run.hearts.map(beats))).every(Boolean), "the grace goes on")
      looper.signal("SIGTERM")
      await until(() => stops(looper, true).length === 1, "the later signal is seen")
      if (waiting !== undefined) assertShuttingDown(await waiting)
      await assertCleanExit(looper)
      await assertEnded(looper, run, "137")
      const took = Number(/ process\.kill\.done .*duration_ms=(\d+)/.exec(looper.serverLog())?.[1])
      assert.isBelow(took, 5_000, "the whole grace was waited for")
    }
  )

  it("exits at its deadline with 1, whatever is left, and names it", async () => {
    await using looper = await startLooper({ env: { LOOPER_SHUTDOWN_GRACE_SECONDS: "0.5" } })
    const { pid } = await startRun(looper, { isStubborn: true })
    const supervisor = procStat(pid)?.sid ?? 0
    process.kill(supervisor, "SIGSTOP")
    looper.signal("SIGTERM")
    assert.deepStrictEqual(await looper.exited, { code: 1, signal: null })
    assert.isTrue(isAlive(supervisor), "half a second would be waited for it")
    const said = looper
      .output()
      .split("\n")
      .filter((line) => line.startsWith("looper: "))
    assert.lengthOf(said, 1)
    assert.match(said[0] ?? "", /^looper: not stopped in time: .+$/)
  })

  it("stops the autopoll: no run is started any more", async () => {
    await using looper = await startLooper({
      env: {
        ...graceSeconds,
        LOOPER_AUTO_START_WHEN_IDLE: "1",
        LOOPER_IDLE_POLL_SECONDS: "0.05",
        LOOPER_DEFAULT_PROMPT: codexScript([{ hang: true }])
      }
    })
    await until(() => looper.serverLog().includes("reason=alive_tasks"), "the loop ticks")
    looper.signal("SIGTERM")
    await assertCleanExit(looper)
    assert.lengthOf(looper.runLogs(), 1)
    assert.strictEqual(readRunLog(looper.runLogs()[0] ?? "").code, "143")
  })
})

/** No side file of a run is left, and no log of a run that never was. */
const assertNoOther = (looper: LooperProcess, logs: ReadonlyArray<string>) => {
  const files = readdirSync(looper.logDir).filter((name) => name.startsWith("codex-exec-"))
  assert.deepStrictEqual(
    files,
    logs.map((path) => basename(path))
  )
}

/** Who started a sequence that kills nothing, and the step in which the signals find it. */
interface Begun {
  readonly by: "POST /spawn" | "POST /autopoll/tick" | "autopoll's own tick"
  readonly step: "delay" | "spawn" | "startup_check"
}

const begun: ReadonlyArray<Begun> = [
  { by: "POST /spawn", step: "delay" },
  ...(["POST /spawn", "POST /autopoll/tick", "autopoll's own tick"] as const).flatMap((by) =>
    (["spawn", "startup_check"] as const).map((step) => ({ by, step }))
  )
]

/** Begins it and waits for its step. */
const begin = async (looper: LooperProcess, { by, step }: Begun, isSpawning: () => Promise<void>) => {
  const [method = "", path = ""] = by.split(" ")
  const waiting = method === "POST" ? looper.request(method, path, { body: {} }) : undefined
  if (step === "spawn") await isSpawning()
  else await until(() => looper.serverLog().includes(` action=${step}`), `the sequence is in ${step}`)
  const isUp = () => readRunLog(looper.runLogs()[0] ?? "").body.toString() === "last words"
  if (step === "startup_check") await until(isUp, "the run is up")
  return { waiting }
}

describe.concurrent("signals while a run is being started", () => {
  it.each(begun)("by $by, in the step $step: the caller gets 503 and nothing is left", async (each) => {
    const { by, step } = each
    using gate = makeLooperGate()
    if (step === "spawn") gate.shut("spawn")
    const isStubborn = step === "startup_check"
    const last: ReadonlyArray<CodexStep> = [{ print: "last words" }, { hang: true }]
    await using looper = await startLooper({
      env: {
        ...(step === "spawn" && gate.env),
        LOOPER_AUTO_START_WHEN_IDLE: by === "autopoll's own tick" ? "1" : "0",
        LOOPER_DEFAULT_PROMPT: codexScript([
          ...(isStubborn ? [{ ignore: ["SIGTERM", "SIGINT"] } as const] : []),
          ...last
        ]),
        CODEX_EXEC_DELAY_SECONDS: step === "delay" ? "600" : "0",
        CODEX_EXEC_STARTUP_CHECK_SECONDS: "600"
      }
    })
    const { waiting } = await begin(looper, each, gate.isReached)
    looper.signal("SIGTERM")
    await until(() => stops(looper, false).length === 1, "the first signal is seen")
    looper.signal("SIGINT")
    gate.open()
    if (waiting !== undefined) assertShuttingDown(await waiting)
    if (isStubborn) {
      await moreThanASecond()
      assert.isTrue(isAlive(looper.pid), "the grace goes on")
      looper.signal("SIGTERM")
      await until(() => stops(looper, true).length === 1, "the later signal is seen")
    }
    await assertCleanExit(looper)
    assert.notMatch(looper.serverLog(), / (ERROR|CRITICAL) looper /)
    const logs = looper.runLogs()
    assert.lengthOf(logs, step === "delay" ? 0 : 1)
    assertNoOther(looper, logs)
    for (const log of logs.map(readRunLog)) {
      assert.deepStrictEqual([log.code, log.rest.length, carriers(log.id)], [isStubborn ? "137" : "143", 0, []])
    }
    if (!isStubborn) return
    const took = Number(/ process\.kill\.done .*duration_ms=(\d+)/.exec(looper.serverLog())?.[1])
    assert.isBelow(took, 5_000, "the whole grace was waited for")
  })
})

/** Makes Looper, and no other Node process, fail at SIGUSR2. */
const failing = (statement: string) => {
  const listener = `process.on("SIGUSR2", () => setImmediate(() => { ${statement} }))`
  const program = `if (/src.main.ts$/.test(process.argv[1])) ${listener}`
  return { ...graceSeconds, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` }
}

describe.concurrent("a failure that nobody caught", () => {
  it.each([
    ["an exception", `throw new Error("out of the blue")`],
    ["a rejection", `Promise.reject(new Error("out of the blue"))`]
  ])("as %s ends everything, says why in one line and exits with 1", async (_, statement) => {
    await using looper = await startLooper({ env: failing(statement) })
    const run = await startRun(looper, { kinds })
    looper.signal("SIGUSR2")
    assert.deepStrictEqual(await looper.exited, { code: 1, signal: null })
    await assertEnded(looper, run, "143")
    const said = looper
      .output()
      .split("\n")
      .filter((line) => line !== "" && !/^\d{4}-\d\d-\d\d /.test(line))
    assert.deepStrictEqual(said, ["looper: out of the blue"])
  })
})
