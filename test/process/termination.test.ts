/** Termination through POST /run and POST /kill: whatever an old run left or does, nothing of it survives. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript, type StandInChild } from "../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { readRunLog } from "../support/logs.ts"
import { beats, carriers, isAlive, killHard, procStat, stopsGrowing, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { type RunWatcher, type StartedRun, watchRuns } from "../support/watchedRun.ts"

let looper: LooperProcess
let runs: RunWatcher
beforeAll(async () => {
  looper = await startLooper()
  runs = watchRuns(looper)
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const kinds = ["group", "ownGroup", "session", "daemon"] as const

interface Child {
  readonly pid: number
  readonly heartbeat: string
}

interface RunWithChildren extends StartedRun {
  readonly pid: number
  readonly supervisorPid: number
  readonly children: ReadonlyArray<Child>
}

/** Starts a run whose children all beat, waits until they do, then lets the run do its last steps. */
const startWith = async (
  children: ReadonlyArray<Omit<StandInChild, "heartbeat" | "pidTo">>,
  steps: { readonly first?: ReadonlyArray<CodexStep>; readonly last?: ReadonlyArray<CodexStep> } = {}
): Promise<RunWithChildren> => {
  const ready = runs.file("ready")
  const files = children.map(({ kind }) => ({ heartbeat: runs.file(`${kind}-beat`), pidTo: runs.file(`${kind}-pid`) }))
  const started = await runs.start([
    ...(steps.first ?? []),
    ...children.map((child, index): CodexStep => ({ child: { ...child, ...files[index] } })),
    { writeFile: { path: ready, text: "" } },
    ...(steps.last ?? [{ hang: true }])
  ])
  assert.strictEqual(started.answer.status, 200, started.answer.text)
  const { pid } = runOf(started.answer)
  const supervisorPid = procStat(pid)?.ppid ?? 0
  await until(() => existsSync(ready), "the run has started its children")
  return {
    ...started,
    pid,
    supervisorPid,
    children: files.map(({ heartbeat, pidTo }) => ({ heartbeat, pid: Number(readFileSync(pidTo, "utf8")) }))
  }
}

const kill = async () => {
  const answer = await looper.request("POST", "/kill")
  assert.strictEqual(answer.status, 200, answer.text)
  assert.deepStrictEqual(answer.body?.remaining_codex_exec_pids, [])
  return answer.body?.killed_codex_exec_pids
}

/** Asserts that codex, its supervisor, its children and every carrier of its marker are dead. */
const assertNothingLives = async (run: RunWithChildren) => {
  assert.deepStrictEqual(carriers(run.id), [])
  for (const pid of [run.pid, ...run.children.map((child) => child.pid)]) assert.isFalse(isAlive(pid), `${pid}`)
  const hasStopped = await Promise.all(run.children.map(({ heartbeat }) => stopsGrowing(heartbeat)))
  assert.deepStrictEqual(
    hasStopped,
    run.children.map(() => true)
  )
}

const allBeat = (run: RunWithChildren) => Promise.all(run.children.map(({ heartbeat }) => beats(heartbeat)))

/** Asserts that the log has one trailer, with one of these codes. */
const assertEnded = async (run: RunWithChildren, ...codes: ReadonlyArray<string>) => {
  const log = await until(() => {
    const read = readRunLog(run.path)
    return read.code !== undefined && read
  }, `the trailer of ${run.id}`)
  assert.include(codes, log.code)
  const { ended } = await run.end()
  assert.include(ended, `return_code=${log.code}`)
  const trailers = readFileSync(run.path, "latin1").match(/\n# codex_exec_return_code=/g)
  assert.strictEqual(trailers?.length, 1)
}

describe("termination", () => {
  it("replaces a run that ignores TERM, like all its children and whatever one of them goes on to fork", async () => {
    const old = await startWith(
      kinds.map((kind) => ({ kind, ignoresTerm: true })),
      {
        first: [
          { ignore: ["SIGTERM"] },
          { forkStorm: { perSecond: 50, sessions: true, ignoresTerm: true } },
          { print: "begun\n" }
        ]
      }
    )
    await allBeat(old)
    const heartbeat = runs.file("fresh-beat")
    const startedAt = performance.now()
    const answer = await looper.run(codexScript([{ child: { kind: "group", heartbeat } }, { hang: true }]))
    const elapsedMillis = performance.now() - startedAt
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [old.pid])
    assert.deepStrictEqual(answer.body?.remaining_codex_exec_pids, [])
    assert.isAtLeast(elapsedMillis, 5_000)
    await assertNothingLives(old)
    await assertEnded(old, "137")
    assert.isTrue(isAlive(runOf(answer).pid))
    await until(() => existsSync(heartbeat), "the fresh run is up")
    await beats(heartbeat)
    assert.deepStrictEqual(await kill(), [runOf(answer).pid])
  })

  it("ends a run that obeys at once, however far its children have gone", async () => {
    const old = await startWith([
      ...kinds.map((kind) => ({ kind })),
      { kind: "group", dropsMarker: true },
      { kind: "ownGroup", dropsMarker: true },
      { kind: "session", dropsMarker: true }
    ])
    await allBeat(old)
    const startedAt = performance.now()
    assert.deepStrictEqual(await kill(), [old.pid])
    assert.isBelow(performance.now() - startedAt, 3_000)
    await assertNothingLives(old)
    await assertEnded(old, "143")
    assert.isFalse(isAlive(old.supervisorPid))
  })

  it("ends a stopped run with its stopped children, by TERM", async () => {
    const old = await startWith(
      kinds.map((kind) => ({ kind })),
      { last: [{ stopSelf: true }, { exit: 9 }] }
    )
    for (const { pid } of old.children) process.kill(pid, "SIGSTOP")
    for (const pid of [old.pid, ...old.children.map((child) => child.pid)]) {
      await until(() => procStat(pid)?.state === "T", `${pid} is stopped`)
    }
    const startedAt = performance.now()
    assert.deepStrictEqual(await kill(), [old.pid])
    assert.isBelow(performance.now() - startedAt, 3_000)
    await assertNothingLives(old)
    await assertEnded(old, "143")
  })

  it("signals nothing when a run ends by itself; the next kill removes what it left", async () => {
    const children = [
      { kind: "group", dropsMarker: true },
      { kind: "ownGroup", dropsMarker: true },
      { kind: "session" },
      { kind: "daemon" }
    ] as const
    const old = await startWith(children, { last: [{ exit: 3 }] })
    await assertEnded(old, "3")
    await allBeat(old)
    const next = await looper.request("POST", "/spawn", { body: { codex_prompt: codexScript([{ hang: true }]) } })
    assert.strictEqual(next.status, 200, next.text)
    await allBeat(old)
    assert.deepStrictEqual(await kill(), [runOf(next).pid])
    await assertNothingLives(old)
    await assertEnded(old, "3")
  })

  it("removes leftovers where no codex lives, before POST /run starts the fresh one", async () => {
    const old = await startWith([{ kind: "group", dropsMarker: true }, { kind: "daemon" }], {
      last: [{ kill: "SIGKILL" }]
    })
    await assertEnded(old, "137")
    await allBeat(old)
    const answer = await looper.run(codexScript([{ hang: true }]))
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [], answer.text)
    await assertNothingLives(old)
    assert.deepStrictEqual(await kill(), [runOf(answer).pid])
  })

  it("ends a run whose supervisor was killed, and writes its trailer", async () => {
    const old = await startWith([{ kind: "group", dropsMarker: true }, { kind: "session" }])
    killHard(old.supervisorPid)
    await allBeat(old)
    const spawn = await looper.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([spawn.status, spawn.body?.code, spawn.body?.pids], [409, "run_alive", [old.pid]])
    assert.isTrue(await stopsGrowing(old.path), "no trailer while codex lives")
    const answer = await looper.run(codexScript([{ hang: true }]))
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [old.pid], answer.text)
    await assertNothingLives(old)
    await assertEnded(old, "unknown")
    assert.deepStrictEqual(await kill(), [runOf(answer).pid])
  })

  it("writes the trailer of a run that was killed with its supervisor", async () => {
    const old = await startWith([{ kind: "group" }])
    killHard(old.supervisorPid)
    killHard(old.pid)
    await assertEnded(old, "unknown")
    await allBeat(old)
    assert.deepStrictEqual(await kill(), [])
    await assertNothingLives(old)
  })

  it("does not wait for ever for a supervisor that is stopped", async () => {
    const old = await startWith([{ kind: "group" }])
    process.kill(old.supervisorPid, "SIGSTOP")
    const startedAt = performance.now()
    assert.deepStrictEqual(await kill(), [old.pid])
    assert.isBelow(performance.now() - startedAt, 4_000)
    await assertNothingLives(old)
    await assertEnded(old, "143", "unknown")
    assert.isFalse(isAlive(old.supervisorPid))
  })

  it("ends what a killed Looper left", async () => {
    await using first = await startLooper()
    const files = ["beat", "pid", "ready"].map((name) => `${first.folder}/${name}`)
    const [heartbeat = "", pidTo = "", ready = ""] = files
    const child: StandInChild = { kind: "group", dropsMarker: true, heartbeat, pidTo }
    const script = codexScript([{ child }, { writeFile: { path: ready, text: "" } }, { hang: true }])
    const { pid, log_path: path } = runOf(await first.run(script))
    await until(() => existsSync(ready), "the run is up")
    killHard(first.pid)
    await first.exited
    await beats(heartbeat)
    await using second = await startLooper({ reuse: first })
    const spawn = await second.request("POST", "/spawn", { body: { codex_prompt: "p" } })
    assert.deepStrictEqual([spawn.status, spawn.body?.pids], [409, [pid]])
    const answer = await second.run(codexScript([{ hang: true }]))
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [pid], answer.text)
    assert.isTrue(await stopsGrowing(heartbeat))
    assert.isFalse(isAlive(pid))
    assert.isFalse(isAlive(Number(readFileSync(pidTo, "utf8"))))
    await until(() => readRunLog(path).code, "the trailer")
    assert.strictEqual(readRunLog(path).code, "143")
    assert.isTrue(isAlive(runOf(answer).pid))
  })
})
