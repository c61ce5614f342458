/** Kill scope `all`: whoever only mentions `codex exec` outlives every kill, and every real one dies. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import type { LooperProcess } from "../../support/looperProcess.ts"
import { argvOf, isAlive, procStat, withEnvironment } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { type Outsider, Outsiders, requireOwnNamespace, startLooperBy } from "./outsiders.ts"

requireOwnNamespace()

let outsiders: Outsiders
let looper: LooperProcess
beforeAll(async () => {
  outsiders = new Outsiders()
  for (const name of ["exec", "codex", "login", "resume", "codex exec", "codex exec hi"]) outsiders.script(name)
  // An ancestor of Looper that is a `codex exec` by its argv: `codex -c <text> exec hi <Looper's command line>`.
  const text = '"${@:2}" & trap "kill $!" TERM; wait $!; wait $!'
  looper = await startLooperBy(`exec -a codex /bin/bash -c '${text}' exec hi "$@"`, {
    folder: outsiders.folder,
    env: { CODEX_EXEC_KILL_SCOPE: "all" }
  })
})
afterAll(async () => {
  await looper?.[Symbol.asyncDispose]()
  outsiders?.[Symbol.dispose]()
})

/** Shown as `name`, run by bash: the first argument is a script in the folder. */
const named = (name: string, ...args: ReadonlyArray<string>): Outsider => ({ program: "/bin/bash", name, args })
const shell = (program: string, ...args: ReadonlyArray<string>): Outsider => ({ program, args })
/** Shown as `/bin/sh …/codex` with these arguments. */
const codex = (...args: ReadonlyArray<string>): Outsider => ({ program: outsiders.codex, args })

const isInstalled = (program: string) => spawnSync(program, ["--version"]).error === undefined

const bystanders = (): ReadonlyArray<Outsider> => {
  const { folder } = outsiders
  mkdirSync(join(folder, "codex.d"))
  const server = join(folder, "server.js")
  const hanging = "setInterval(() => {}, 1e6)"
  for (const file of [server, join(folder, "codex.d/exec.js")]) writeFileSync(file, hanging)
  const interpreters: ReadonlyArray<Outsider> = [
    shell("python3", "-c", "import time; time.sleep(1e6)", "codex", "exec", "hi"),
    shell("perl", "-e", "sleep 1e6", "codex", "exec", "hi"),
    shell("vim", "-es", "codex exec", "codex", "exec")
  ]
  return [
    shell("tail", "-f", join(folder, "codex exec")),
    shell("tail", "-f", "codex", "exec"),
    shell("grep", "codex exec"),
    shell("grep", "-e", "codex", "-e", "exec"),
    shell("sed", "-n", "/codex exec/p"),
    shell("tee", "codex-exec.log"),
    { ...shell("cat"), name: "codex exec" },
    { ...shell("cat"), name: "codex exec hi" },
    named("vim", "codex", "exec"),
    named("/usr/bin/emacs", "codex exec"),
    named("nano", "codex", "exec"),
    named("man", "codex", "exec"),
    named("pgrep", "-f", "codex", "exec"),
    named("sudo", "codex", "exec", "hi"),
    named("tmux", "codex exec hi"),
    named("codex.sh", "exec", "hi"),
    named("codex-exec", "exec", "hi"),
    named("codex-linux-sandbox", "exec", "hi"),
    named("/opt/codex/other", "exec", "hi"),
    shell("sh", "-c", "sleep 1000; : codex exec hi"),
    shell("bash", "-c", "sleep 1000; codex exec hi"),
    shell("bash", "-c", "sleep 1000; :", "codex", "exec", "hi"),
    shell("sh", "exec", "codex", "exec", "hi"),
    shell("env", "sh", "-c", "sleep 1000; :", "codex", "exec"),
    shell(process.execPath, server, "codex", "exec"),
    shell(process.execPath, "-e", hanging, "codex", "exec"),
    shell(process.execPath, join(folder, "codex.d/exec.js"), "exec", "hi"),
    named("codex"),
    named("codex", "login"),
    named("codex", "codex exec hi"),
    named("codex", "resume", "exec"),
    codex(),
    codex("codex exec hi"),
    codex("please exec this"),
    codex("--search"),
    codex("login"),
    codex("resume", "exec"),
    codex("review", "exec"),
    codex("mcp", "add", "exec"),
    codex("app-server", "--listen", "exec"),
    codex("exec-server"),
    codex("--", "exec"),
    codex("-m", "exec"),
    codex("-i", "a.png", "exec", "hi"),
    ...interpreters.filter(({ program }) => isInstalled(program))
  ]
}

/** What a round's targets carry in their environment, as does whatever they start. */
const roundVariable = "TEST_ROUND"

const targets = (): ReadonlyArray<Outsider> => {
  const { standIn } = outsiders
  const hang = codexScript([{ hang: true }])
  return [
    shell(standIn, "exec", hang),
    shell(standIn, "--ask-for-approval", "never", "exec", "--sandbox", "workspace-write", hang),
    shell(process.execPath, "--no-warnings", standIn, "-c", "k=v", "exec", hang),
    codex("e", "hi"),
    codex("--ask-for-approval", "never", "exec", "hi"),
    named("codex", "exec", "hi"),
    named("/usr/local/bin/codex", "exec", "hi"),
    named("codex", "--norc", "-c", "read -r line; :", "exec", "hi")
  ]
}

describe("kill scope all", () => {
  it("spares whoever only mentions codex exec, ten times, and ends and names every real one", async () => {
    const spared = await outsiders.startAll(bystanders())
    assert.isAtLeast(spared.length, 40)
    const ancestor = procStat(looper.pid)?.ppid ?? 0
    assert.deepStrictEqual(argvOf(ancestor).slice(0, 2), ["codex", "-c"])
    assert.deepStrictEqual(argvOf(ancestor).slice(3, 5), ["exec", "hi"])
    for (let round = 1; round <= 10; round++) {
      const doomed = await outsiders.startAll(targets(), { [roundVariable]: String(round) })
      const answer = await looper.request("POST", "/kill")
      assert.strictEqual(answer.status, 200, answer.text)
      const pids = doomed.map(({ pid }) => pid).toSorted((a, b) => a - b)
      assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, pids)
      assert.deepStrictEqual(answer.body?.remaining_codex_exec_pids, [])
      assert.deepStrictEqual(answer.body?.foreign_codex_exec_pids, [])
      assert.deepStrictEqual(withEnvironment(roundVariable, String(round)), [])
      const dead = spared.filter((each) => !each.lives())
      assert.deepStrictEqual(
        dead.map(({ argv }) => argv.join(" ")),
        []
      )
      assert.isTrue(isAlive(ancestor))
    }
  }, 120_000)

  it("does not take them for live targets", async () => {
    const answer = await looper.request("POST", "/spawn", { body: { codex_prompt: codexScript([{ hang: true }]) } })
    assert.strictEqual(answer.status, 200, answer.text)
    const kill = await looper.request("POST", "/kill")
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [runOf(answer).pid])
  })
})
