/** How the real codex is started: npm's launcher above it, by somebody else, with further arguments. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { beforeAll } from "vitest"
import { beats, carriers, isAlive, killHard, procStat, sizeOf, stopsGrowing, until } from "../support/processes.ts"
import {
  assertEndsIn,
  assertOnlyRun,
  atOnce,
  codexPids,
  deadlineMillis,
  fetchDeadlineMillis,
  killedBy,
  openHouse,
  outputIn,
  prepareRealCodex,
  startedBy,
  withoutSandbox
} from "../support/realHouse.ts"
import { writeStubbornScripts } from "../support/stubbornScripts.ts"
import { isPossible } from "../support/possible.ts"

beforeAll(prepareRealCodex, fetchDeadlineMillis)

/** A folder of PATH whose `node` has no `process.execve`: there codex stays below npm's launcher. */
const folderOfOldNode = (): string | undefined =>
  (process.env["PATH"] ?? "").split(delimiter).find((folder) => {
    const node = join(folder, "node")
    if (!existsSync(node)) return false
    return execFileSync(node, ["-p", "typeof process.execve"], { encoding: "utf8" }).trim() === "undefined"
  })

const oldNode = folderOfOldNode()
const withLauncher = { ...atOnce, PATH: `${oldNode}${delimiter}${process.env["PATH"]}` }

describe.runIf(isPossible(oldNode !== undefined, "a Node without process.execve on PATH"))(
  "npm's launcher as a process of its own",
  { timeout: 120_000 },
  () => {
    const rules = [
      { when: /^be stubborn$/, turns: [{ shell: "sh stubborn.sh" }] },
      { when: /^wait/, turns: ["hang"] }
    ] as const

    it("is replaced together with codex", async () => {
      await using house = await openHouse(rules, { env: withLauncher })
      const old = startedBy(await house.run("wait"))
      await house.model.waitForRequests(1)
      const [native = 0] = codexPids()
      assert.strictEqual(procStat(native)?.ppid, old.pid)
      const answer = await house.run("wait again")
      const fresh = startedBy(answer)
      assert.includeMembers([...killedBy(answer)], [old.pid, native])
      await assertEndsIn(old.logPath, 143)
      assert.deepStrictEqual(carriers(old.id), [])
      await house.model.waitForRequests(2)
      await assertOnlyRun(fresh)
    })

    it.each(["all", "own"])(
      "dies alone of SIGKILL; codex and its tool stay and are targets under %s",
      async (scope) => {
        const env = { ...withLauncher, ...withoutSandbox, CODEX_EXEC_KILL_SCOPE: scope }
        await using house = await openHouse(rules, { env })
        const { heart } = writeStubbornScripts(house.looper.workspace)
        const old = startedBy(await house.run("be stubborn"))
        const hearts = ["tool", "background", "session"].map(heart)
        await until(() => hearts.every(sizeOf), "every heart beats", deadlineMillis)
        // What codex writes without its launcher comes after the trailer.
        await until(() => outputIn(old.logPath).includes("'sh stubborn.sh' in "), "codex has said what it runs")
        const [native = 0] = codexPids()
        killHard(old.pid)
        await assertEndsIn(old.logPath, 137)
        await Promise.all(hearts.map(beats))
        assert.isTrue(isAlive(native), "codex has lost its launcher and lives")
        const tick = await house.looper.request("POST", "/autopoll/tick")
        assert.deepInclude(tick.body, { outcome: "skipped", reason: "alive_tasks" })

        const answer = await house.run("wait")
        const fresh = startedBy(answer)
        assert.include(killedBy(answer), native)
        assert.deepStrictEqual(carriers(old.id), [])
        assert.deepStrictEqual(await Promise.all(hearts.map((each) => stopsGrowing(each))), [true, true, true])
        await assertEndsIn(old.logPath, 137)
        assert.isTrue(isAlive(fresh.pid))
      }
    )
  }
)

const runOutside = (codex: string, args: ReadonlyArray<string>, options: Parameters<typeof spawn>[2]): ChildProcess =>
  spawn(codex, args, { ...options, stdio: "ignore" })

describe("a codex that somebody else started", { timeout: 120_000 }, () => {
  it.each(["e", "exec"])("as `codex %s` is found and stopped", async (subcommand) => {
    await using house = await openHouse([{ when: /^wait/, turns: ["hang"] }], { env: atOnce })
    const { workspace } = house.looper
    const env = { PATH: process.env["PATH"], HOME: house.looper.folder, CODEX_HOME: house.codexHome }
    const outsider = runOutside(house.codex, [subcommand, "wait outside"], { cwd: workspace, env })
    const exited = once(outsider, "exit")
    await house.model.waitForRequests(1)
    const plan = await house.looper.request("POST", "/kill", { body: { dry_run: true } })
    assert.strictEqual(plan.status, 200, plan.text)
    assert.isTrue(isAlive(outsider.pid ?? 0), "a dry run stops nobody")
    const answer = await house.run("wait")
    const fresh = startedBy(answer)
    assert.include(killedBy(answer), outsider.pid)
    assert.deepStrictEqual(await exited, [null, "SIGTERM"])
    await house.model.waitForRequests(2)
    await assertOnlyRun(fresh)
  })
})

describe("arguments of the configuration", { timeout: 120_000 }, () => {
  it("reach codex, and the prompt stays whole behind them", async () => {
    const env = {
      ...atOnce,
      CODEX_EXEC_EXTRA_ARGS: `-m another-model -c 'model_reasoning_effort="high"' --add-dir /var/tmp`
    }
    await using house = await openHouse([{ when: /^finish$/, turns: [{ say: "Finished." }] }], { env })
    const answer = await house.run("finish")
    const run = startedBy(answer)
    await assertEndsIn(run.logPath, 0)
    const output = outputIn(run.logPath)
    assert.include(output, "\nmodel: another-model\n")
    assert.include(output, "\nreasoning effort: high\n")
    assert.match(output, /^sandbox: workspace-write \[workdir, .*\/var\/tmp/m)
    assert.deepStrictEqual(
      house.model.requests.map(({ model, prompt }) => [model, prompt]),
      [["another-model", "finish"]]
    )
  })

  it("that name a second sandbox are refused by codex itself, in its own words", async () => {
    const env = { ...atOnce, CODEX_EXEC_EXTRA_ARGS: "-s danger-full-access", CODEX_EXEC_STARTUP_CHECK_SECONDS: "30" }
    await using house = await openHouse([], { env })
    const { status, body, text } = await house.run("never start")
    assert.strictEqual(status, 500, text)
    assert.match(
      String(body?.["error"]),
      /^codex exec exited early \(rc=2, .*'--sandbox <SANDBOX_MODE>' cannot be used/
    )
    assert.isEmpty(house.model.requests)
  })

  it.each(["resume", "review", "help", "-x is what I mean"])(
    "do not make the prompt `%s` a part of theirs",
    async (prompt) => {
      const rules = [{ when: new RegExp(`^${prompt}$`), turns: [{ say: "Understood." }] }]
      await using house = await openHouse(rules, { env: atOnce })
      const run = startedBy(await house.run(prompt))
      await assertEndsIn(run.logPath, 0)
      assert.isTrue(outputIn(run.logPath).endsWith("Understood.\n"))
      assert.deepStrictEqual(
        house.model.requests.map((request) => request.prompt),
        [prompt]
      )
    }
  )
})
