/** A target that stays a zombie because its parent never asks for its end. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { startLooper } from "../../support/looperProcess.ts"
import { allPids, argvOf, procStat, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { Outsiders, requireOwnNamespace } from "./outsiders.ts"

requireOwnNamespace()

const childOf = (pid: number) => allPids().find((each) => procStat(each)?.ppid === pid)

describe("a zombie", () => {
  it("counts as dead at once: killed, not remaining, and no reason against the next run", async () => {
    using outsiders = new Outsiders()
    await using looper = await startLooper({ env: { CODEX_EXEC_KILL_SCOPE: "all" } })
    // A background job's stdin is empty unless it is given one.
    const program = 'exec 3<&0; "$0" exec hi <&3 & exec sleep 1000'
    const parent = await outsiders.start({ program: "sh", args: ["-c", program, outsiders.codex] })
    await until(() => argvOf(parent.pid)[0] === "sleep", "a parent that never waits")
    const target = await until(() => childOf(parent.pid), "its child")
    await until(() => argvOf(target)[1] === outsiders.codex, "the target is a codex exec")
    const startedAt = performance.now()
    const kill = await looper.request("POST", "/kill")
    assert.deepInclude(kill.body, { ok: true, killed_codex_exec_pids: [target], remaining_codex_exec_pids: [] })
    assert.isBelow(performance.now() - startedAt, 4_000)
    assert.strictEqual(procStat(target)?.state, "Z")
    assert.isTrue(parent.lives())
    const again = await looper.request("POST", "/kill")
    assert.deepStrictEqual(again.body?.killed_codex_exec_pids, [])
    const run = await looper.run("p")
    assert.deepStrictEqual([run.status, run.body?.killed_codex_exec_pids], [200, []], run.text)
    assert.isAbove(runOf(run).pid, 0)
    assert.strictEqual(procStat(target)?.state, "Z")
    assert.notMatch(readFileSync(looper.serverLogPath, "utf8"), new RegExp(`process\\.kill\\.sigkill pid=${target}\\b`))
  })
})
