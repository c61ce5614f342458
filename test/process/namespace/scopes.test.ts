/** What `CODEX_EXEC_KILL_SCOPE` counts as a target when others run codex too: for kills, for `run_alive`, for `alive_tasks`. */
import { assert, describe, it } from "@effect/vitest"
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { readRunLog } from "../../support/logs.ts"
import { beats, isAlive, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { type Outsider, Outsiders, requireOwnNamespace, type StartedOutsider } from "./outsiders.ts"

requireOwnNamespace()

let outsiders: Outsiders
let near: string
let far: string
beforeEach(() => {
  outsiders = new Outsiders()
  ;[near, far] = ["near", "far"].map((name) => join(outsiders.folder, name)) as [string, string]
  for (const folder of [near, far]) mkdirSync(folder)
})
afterEach(() => outsiders[Symbol.dispose]())

/** The default workspace is `near`. */
const start = (killScope: "all" | "workspace" | "own") =>
  startLooper({ env: { CODEX_EXEC_KILL_SCOPE: killScope, LOOPER_DEFAULT_WORKSPACE: near } })

const hang = codexScript([{ hang: true }])
const codex = (cwd: string, ...args: ReadonlyArray<string>): Outsider => ({ program: outsiders.codex, args, cwd })

const pidsOf = (started: ReadonlyArray<StartedOutsider>) => started.map(({ pid }) => pid).toSorted((a, b) => a - b)
const whoLives = (started: ReadonlyArray<StartedOutsider>) => started.filter((each) => each.lives())

const kill = async (looper: LooperProcess) => {
  const answer = await looper.request("POST", "/kill")
  assert.strictEqual(answer.status, 200, answer.text)
  return answer.body?.killed_codex_exec_pids
}
const spawnIn = (looper: LooperProcess, workspace: string) =>
  looper.request("POST", "/spawn", { body: { codex_prompt: hang, workspace } })
const runIn = (looper: LooperProcess, workspace: string) =>
  looper.run({ zulip_message: "m", codex_prompt: hang, workspace })

describe("kill scope all", () => {
  it("counts every codex exec, wherever it runs", async () => {
    await using looper = await start("all")
    const started = await outsiders.startAll([codex(near, "exec", "hi"), codex(far, "-C", far, "exec", "hi")])
    const logs = looper.runLogs()
    const spawn = await spawnIn(looper, near)
    assert.deepStrictEqual([spawn.status, spawn.body?.code], [409, "run_alive"], spawn.text)
    assert.deepStrictEqual(spawn.body?.pids, pidsOf(started))
    const tick = await looper.request("POST", "/autopoll/tick")
    assert.deepInclude(tick.body, { outcome: "skipped", reason: "alive_tasks" }, tick.text)
    assert.deepStrictEqual(looper.runLogs(), logs)
    assert.deepStrictEqual(whoLives(started), started)
    const run = await runIn(looper, near)
    assert.deepStrictEqual(run.body?.killed_codex_exec_pids, pidsOf(started), run.text)
    assert.deepStrictEqual(whoLives(started), [])
    assert.deepStrictEqual(await kill(looper), [runOf(run).pid])
  })

  it("neither counts nor signals those of another user or pid namespace, but names them", async () => {
    await using looper = await start("all")
    const isRoot = process.getuid?.() === 0
    if (isRoot) chmodSync(outsiders.folder, 0o755)
    const unprivileged = isRoot ? [] : ["--user", "--map-current-user"]
    const wrapped: ReadonlyArray<Outsider> = [
      { program: "unshare", args: [...unprivileged, "--pid", "--fork", "--kill-child", outsiders.codex, "exec", "hi"] },
      ...(isRoot
        ? [{ program: "setpriv", args: ["--reuid=65534", "--clear-groups", outsiders.codex, "exec", "hi"] }]
        : [])
    ]
    const started = await outsiders.startAll(wrapped)
    const named = await until(async () => {
      const answer = await looper.request("POST", "/kill")
      assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [], answer.text)
      const pids = answer.body?.foreign_codex_exec_pids as ReadonlyArray<number>
      return pids.length === wrapped.length && pids
    }, "all are named")
    assert.deepStrictEqual(whoLives(started), started)
    assert.isTrue(named.every(isAlive))
    const spawn = await spawnIn(looper, near)
    assert.strictEqual(spawn.status, 200, spawn.text)
  })
})

describe("kill scope workspace", () => {
  it("counts those whose -C or working directory is the workspace", async () => {
    await using looper = await start("workspace")
    const inside = await outsiders.startAll([
      codex(near, "exec", "hi"),
      codex("/", "-C", near, "exec", "hi"),
      codex(far, "exec", "--cd=../near", "hi")
    ])
    const outside = await outsiders.startAll([
      codex(far, "exec", near),
      codex("/", "exec", "-C", far, "hi"),
      codex("/", "exec", "hi")
    ])
    const spawn = await spawnIn(looper, near)
    assert.deepStrictEqual([spawn.status, spawn.body?.pids], [409, pidsOf(inside)], spawn.text)
    const tick = await looper.request("POST", "/autopoll/tick")
    assert.deepInclude(tick.body, { outcome: "skipped", reason: "alive_tasks" }, tick.text)
    assert.deepStrictEqual(await kill(looper), pidsOf(inside))
    assert.deepStrictEqual(whoLives([...inside, ...outside]), outside)
    const run = await runIn(looper, near)
    assert.deepStrictEqual(run.body?.killed_codex_exec_pids, [], run.text)
    const next = await runIn(looper, far)
    assert.deepStrictEqual(next.body?.killed_codex_exec_pids, pidsOf(outside.slice(0, 2)), next.text)
    assert.deepStrictEqual(whoLives(outside), outside.slice(2))
    assert.isTrue(isAlive(runOf(run).pid))
    assert.deepStrictEqual(await kill(looper), [runOf(run).pid])
    assert.isTrue(isAlive(runOf(next).pid))
  })

  it("reads the workspace of whoever runs the configured binary", async () => {
    const binary = outsiders.script("my-codex")
    const env = { CODEX_EXEC_KILL_SCOPE: "workspace", LOOPER_DEFAULT_WORKSPACE: near, CODEX_EXEC_BINARY: binary }
    await using looper = await startLooper({ env })
    const { pid } = await outsiders.start({ program: binary, args: ["exec", "-C", near, "hi"], cwd: "/" })
    const other = await outsiders.start({ program: binary, args: ["exec", "-C", far, "hi"], cwd: "/" })
    assert.deepStrictEqual(await kill(looper), [pid])
    assert.isTrue(other.lives())
  })

  it("takes a workspace and a link to it for the same", async () => {
    const link = join(outsiders.folder, "link")
    symlinkSync(near, link)
    await using looper = await start("workspace")
    const started = await outsiders.startAll([codex(link, "exec", "hi"), codex("/", "-C", link, "exec", "hi")])
    const spawn = await spawnIn(looper, near)
    assert.deepStrictEqual(spawn.body?.pids, pidsOf(started), spawn.text)
    const again = await spawnIn(looper, link)
    assert.deepStrictEqual(again.body?.pids, pidsOf(started), again.text)
  })

  it("ends a run whole although a codex elsewhere carries its marker, and spares a run for such a one", async () => {
    await using looper = await start("workspace")
    const runBeating = async (workspace: string) => {
      const [heartbeat, ready] = ["beat", "ready"].map((name) => join(workspace, name)) as [string, string]
      const script = codexScript([
        { child: { kind: "daemon", heartbeat } },
        { writeFile: { path: ready, text: "" } },
        { hang: true }
      ])
      const answer = await looper.run({ zulip_message: "m", codex_prompt: script, workspace })
      await until(() => existsSync(ready), "the run is up")
      const marker = { LOOPER_RUN_ID: String(answer.body?.request_id) }
      return { pid: runOf(answer).pid, heartbeat, marker }
    }
    const [doomed, spared] = [await runBeating(near), await runBeating(far)]
    await outsiders.start(codex(far, "exec", "hi"), doomed.marker)
    const inside = await outsiders.start(codex(near, "exec", "hi"), spared.marker)
    assert.deepStrictEqual(
      await kill(looper),
      [doomed.pid, inside.pid].toSorted((a, b) => a - b)
    )
    assert.isTrue(await stopsGrowing(doomed.heartbeat))
    await beats(spared.heartbeat)
    assert.isTrue(isAlive(spared.pid))
  })
})

describe("kill scope own", () => {
  it("counts Looper's own runs alone", async () => {
    await using looper = await start("own")
    const started = await outsiders.startAll([codex(near, "exec", "hi"), codex("/", "-C", near, "exec", "hi")])
    const tick = await looper.request("POST", "/autopoll/tick")
    assert.deepInclude(tick.body, { outcome: "started" }, tick.text)
    const { pid: ticked, log_path: path } = runOf(tick)
    await until(() => readRunLog(path).code, "the default prompt is answered")
    const spawn = await spawnIn(looper, near)
    assert.strictEqual(spawn.status, 200, spawn.text)
    const refused = await spawnIn(looper, near)
    assert.deepStrictEqual([refused.status, refused.body?.pids], [409, [runOf(spawn).pid]], refused.text)
    const run = await runIn(looper, far)
    assert.deepStrictEqual(run.body?.killed_codex_exec_pids, [runOf(spawn).pid], run.text)
    assert.deepStrictEqual(await kill(looper), [runOf(run).pid])
    assert.deepStrictEqual(whoLives(started), started)
    assert.isFalse(isAlive(ticked))
  })

  it("ends what its own ended run left without marker while somebody else's codex lives", async () => {
    await using looper = await start("own")
    const started = await outsiders.start(codex(near, "exec", "hi"))
    const [heartbeat, pidTo] = ["beat", "pid"].map((name) => join(outsiders.folder, name)) as [string, string]
    const script = codexScript([{ child: { kind: "group", dropsMarker: true, heartbeat, pidTo } }, { exit: 0 }])
    const { log_path: path } = runOf(await looper.run({ zulip_message: "m", codex_prompt: script }))
    await until(() => readRunLog(path).code, "the run has ended")
    await until(() => / codex\.exec\.ended /.test(looper.serverLog()), "its end is recorded")
    await beats(heartbeat)
    assert.deepStrictEqual(await kill(looper), [])
    assert.isTrue(await stopsGrowing(heartbeat))
    assert.isFalse(isAlive(Number(readFileSync(pidTo, "utf8"))))
    assert.isTrue(started.lives())
  })
})
