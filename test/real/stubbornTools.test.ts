/** What the real codex' tools and MCP servers leave behind: it ends with the run, or with the next kill. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll } from "vitest"
import { beats, carriers, isAlive, sizeOf, stopsGrowing, until } from "../support/processes.ts"
import { requireSandbox } from "../support/realCodex.ts"
import {
  assertEndsIn,
  assertOnlyRun,
  atOnce,
  codexPids,
  deadlineMillis,
  fetchDeadlineMillis,
  type House,
  killedBy,
  openHouse,
  prepareRealCodex,
  type RealRun,
  startedBy,
  textOf,
  withoutSandbox
} from "../support/realHouse.ts"
import { writeStubbornMcp, writeStubbornScripts } from "../support/stubbornScripts.ts"

beforeAll(prepareRealCodex, fetchDeadlineMillis)

const sandboxes = [
  ["workspace-write", atOnce],
  ["danger-full-access", { ...atOnce, ...withoutSandbox }]
] as const

/** Every heart has beaten, and none beats any more; nobody carries the run's marker. */
const assertGone = async (run: RealRun, hearts: ReadonlyArray<string>): Promise<void> => {
  assert.deepStrictEqual(carriers(run.id), [])
  assert.deepStrictEqual(
    await Promise.all(hearts.map((heart) => stopsGrowing(heart))),
    hearts.map(() => true)
  )
}

const startTool = async (house: House, command: string, names: ReadonlyArray<string>, sandbox: string) => {
  const { heart } = writeStubbornScripts(house.looper.workspace)
  const hearts = names.map(heart)
  if (sandbox === "workspace-write") await requireSandbox(house.codex, house.codexHome)
  const run = startedBy(await house.run(command))
  await until(() => hearts.every(sizeOf), "every heart beats", deadlineMillis)
  assert.match(textOf(run.logPath), new RegExp(`^sandbox: ${sandbox}`, "m"))
  return { run, hearts }
}

const stubborn = ["tool", "background", "session"]

describe("a tool that ignores signals and has children in the background", { timeout: 120_000 }, () => {
  const rules = [
    { when: /^be stubborn$/, turns: [{ shell: "sh stubborn.sh" }] },
    { when: /^wait$/, turns: ["hang"] }
  ] as const

  it.each(sandboxes)("under %s is gone when the run is replaced", async (sandbox, env) => {
    await using house = await openHouse(rules, { env })
    const { run, hearts } = await startTool(house, "be stubborn", stubborn, sandbox)
    await Promise.all(hearts.map(beats))
    const answer = await house.run("wait")
    const fresh = startedBy(answer)
    assert.include(killedBy(answer), run.pid)
    assert.deepStrictEqual(answer.body?.["remaining_codex_exec_pids"], [])
    await assertGone(run, hearts)
    await assertEndsIn(run.logPath, 143)
    await assertOnlyRun(fresh)
  })

  it.each(sandboxes)("under %s is gone when Looper ends", async (sandbox, env) => {
    await using house = await openHouse(rules, { env })
    const { run, hearts } = await startTool(house, "be stubborn", stubborn, sandbox)
    await Promise.all(hearts.map(beats))
    house.looper.signal("SIGTERM")
    assert.deepStrictEqual(await house.looper.exited, { code: 0, signal: null })
    await assertGone(run, hearts)
    await assertEndsIn(run.logPath, 143)
    assert.deepStrictEqual(codexPids(), [])
  })
})

describe("a tool whose call ended and that left daemons", { timeout: 120_000 }, () => {
  const names = ["session", "daemon"]
  const leave = { shell: "sh leave-daemons.sh" }
  const rules = [
    { when: /^leave daemons and wait$/, turns: [leave, "hang"] },
    { when: /^leave daemons and end$/, turns: [leave, { say: "They live on." }] },
    { when: /^wait$/, turns: ["hang"] }
  ] as const

  it("has none under workspace-write: they end with the call", async () => {
    await using house = await openHouse(rules, { env: atOnce })
    const { run, hearts } = await startTool(house, "leave daemons and wait", names, "workspace-write")
    await house.model.waitForRequests(2)
    await assertGone({ ...run, id: "" }, hearts)
    assert.isTrue(isAlive(run.pid), "the run goes on")
  })

  it("loses them under danger-full-access when the run is replaced", async () => {
    await using house = await openHouse(rules, { env: sandboxes[1][1] })
    const { run, hearts } = await startTool(house, "leave daemons and wait", names, "danger-full-access")
    await house.model.waitForRequests(2)
    await Promise.all(hearts.map(beats))
    const answer = await house.run("wait")
    assert.include(killedBy(answer), run.pid)
    await assertGone(run, hearts)
    await assertEndsIn(run.logPath, 143)
  })

  it("keeps them under danger-full-access after the run's own end, until the next kill", async () => {
    await using house = await openHouse(rules, { env: sandboxes[1][1] })
    const { run, hearts } = await startTool(house, "leave daemons and end", names, "danger-full-access")
    await assertEndsIn(run.logPath, 0)
    await until(() => codexPids().length === 0, "codex has ended")
    await Promise.all(hearts.map(beats))
    const kill = await house.looper.request("POST", "/kill")
    assert.strictEqual(kill.status, 200, kill.text)
    assert.deepStrictEqual(killedBy(kill), [])
    await assertGone(run, hearts)
  })
})

describe("an MCP server that ignores signals and the end of its input", { timeout: 120_000 }, () => {
  const rules = [{ when: /^wait/, turns: ["hang"] }] as const

  const open = async () => {
    const folder = mkdtempSync(join(tmpdir(), "looper-mcp-"))
    const { codexConfig, heart } = writeStubbornMcp(folder)
    const house = await openHouse(rules, { env: atOnce, codexConfig })
    const run = startedBy(await house.run("wait"))
    await house.model.waitForRequests(1)
    await beats(heart)
    return {
      house,
      heart,
      run,
      [Symbol.asyncDispose]: async () => {
        await house[Symbol.asyncDispose]()
        rmSync(folder, { recursive: true, force: true })
      }
    }
  }

  it("is gone when the run is killed", async () => {
    await using mcp = await open()
    const kill = await mcp.house.looper.request("POST", "/kill")
    assert.strictEqual(kill.status, 200, kill.text)
    assert.include(killedBy(kill), mcp.run.pid)
    await assertGone(mcp.run, [mcp.heart])
    await assertEndsIn(mcp.run.logPath, 143)
  })

  it("is gone when Looper ends", async () => {
    await using mcp = await open()
    mcp.house.looper.signal("SIGTERM")
    assert.deepStrictEqual(await mcp.house.looper.exited, { code: 0, signal: null })
    await assertGone(mcp.run, [mcp.heart])
    await assertEndsIn(mcp.run.logPath, 143)
  })
})
