/** `scripts/run-codex-task.sh` against Looper: from a shell, and from inside the run that its call replaces. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type StartedLooper, startLooperForTests } from "../../../src/testing/startLooperForTests.ts"
import { jsonOf } from "../../support/httpClient.ts"
import { isAlive, until } from "../../support/processes.ts"
import { type Called, callWrapper, installWrapper, shells } from "../../support/wrapperScript.ts"

const token = "correct-horse-battery-staple"
const folders: Array<string> = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A workspace with the script in it. */
const makeWorkspace = () => {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), "looper-wrapped-")))
  folders.push(workspace)
  return { workspace, path: installWrapper(workspace) }
}

const resultOf = ({ stdout }: Called) => jsonOf(stdout)?.codex_exec_result as { pid: number; command: string } | null
const contents = ({ zulip }: StartedLooper) => zulip.messages.map(({ content }) => content)

/** A codex that calls the script: with `first` for the run after it, with `asks` for a message alone; else it stays. */
const codexThatCalls = (workspace: string, shell: string) => {
  const path = join(workspace, "codex")
  const lines = [
    "#!/bin/sh",
    "for prompt; do :; done",
    "case $prompt in",
    `  first) ${shell} scripts/run-codex-task.sh "from inside" "second 'quoted'" >first 2>&1; echo $? >>first ;;`,
    `  asks) ${shell} scripts/run-codex-task.sh "asked" "" >asked 2>&1; echo $? >>asked; mv asked answer ;;`,
    '  *) printf "%s" "$prompt" >next.part; mv next.part next ;;',
    "esac",
    "exec sleep 1000000"
  ]
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 })
  return path
}

describe.each(shells)("the wrapper in %s", (shell) => {
  it("starts a run in its workspace with the token, and says what is wrong with another", async () => {
    const { workspace, path } = makeWorkspace()
    await using looper = await startLooperForTests({ environment: { LOOPER_API_TOKEN: token } })
    const call = (words: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
      callWrapper({ shell, path, words, env: { LOOPER_URL: looper.url, ...env } })
    const prompt = codexScript([{ print: 'it\'s "on"\n' }, { hang: true }])
    const started = await call(["Next: 100 %", prompt], { LOOPER_API_TOKEN: token })
    assert.deepStrictEqual([started.code, started.stderr], [0, ""])
    assert.strictEqual(jsonOf(started.stdout)?.workspace, workspace)
    assert.deepStrictEqual(contents(looper), ["Next: 100 %"])
    await until(() => looper.runLogs()[0]?.text.includes('it\'s "on"\n'), "the run has said so")

    for (const env of [{}, { LOOPER_API_TOKEN: "other" }, { LOOPER_API_TOKEN: token, LOOPER_RUN_TICKET: "0.0" }]) {
      const { code, stderr } = await call(["m"], env)
      assert.deepStrictEqual([code, stderr], [5, "run-codex-task.sh: HTTP 401: unauthorized\n"])
    }
    const wrongDelay = await call(["m"], { LOOPER_API_TOKEN: token, PROMPT_SEND_DELAY_SECONDS: "soon" })
    assert.strictEqual(wrongDelay.code, 1)
    assert.match(wrongDelay.stderr, /^run-codex-task\.sh: HTTP 400: 'prompt_send_delay_seconds' must be a number\n$/)
    assert.isTrue(isAlive(resultOf(started)?.pid ?? 0))
  })

  it("ends with 3 while another sequence is in progress, which a shutdown then ends", async () => {
    const { path } = makeWorkspace()
    const looper = await startLooperForTests()
    const env = { LOOPER_URL: `${looper.url}/run` }
    const waiting = callWrapper({ shell, path, words: ["first"], env: { ...env, PROMPT_SEND_DELAY_SECONDS: "3600" } })
    await until(() => /action=delay/.test(looper.serverLog()), "the first sequence waits")
    const second = await callWrapper({ shell, path, words: ["second"], env })
    assert.deepStrictEqual([second.code, jsonOf(second.stdout)?.code], [3, "run_busy"])
    assert.strictEqual(second.stderr, "run-codex-task.sh: HTTP 409: busy: another run is in progress\n")
    await looper.stop()
    assert.strictEqual((await waiting).code, 1)
    assert.match((await waiting).stderr, /^run-codex-task\.sh: HTTP 503: /)
    assert.deepStrictEqual(contents(looper), ["first"])
  })

  it.each([{ LOOPER_API_TOKEN: token }, {}])(
    "replaces its own run from inside it, where Looper has %j",
    async (secret) => {
      const { workspace, path } = makeWorkspace()
      const environment = { ...secret, CODEX_EXEC_BINARY: codexThatCalls(workspace, shell) }
      await using looper = await startLooperForTests({ environment })
      const env = { LOOPER_URL: looper.url, ...secret }
      const asks = await callWrapper({ shell, path, words: ["one", "asks"], env })
      assert.strictEqual(asks.code, 0, asks.stderr)
      const answer = join(workspace, "answer")
      await until(() => existsSync(answer), "the run has its answer")
      const [json = "", code] = readFileSync(answer, "utf8").split("\n")
      assert.deepStrictEqual([jsonOf(json)?.codex_exec_started, code], [false, "0"])
      assert.isTrue(isAlive(resultOf(asks)?.pid ?? 0))

      const first = await callWrapper({ shell, path, words: ["two", "first"], env })
      assert.strictEqual(first.code, 0, first.stderr)
      const next = join(workspace, "next")
      await until(() => existsSync(next), "the run that it asked for is there")
      assert.strictEqual(readFileSync(next, "utf8"), "second 'quoted'")
      assert.isFalse(isAlive(resultOf(first)?.pid ?? 0))
      assert.notInclude(readFileSync(join(workspace, "first"), "utf8"), '"ok"', "its client ended with it")
      assert.deepStrictEqual(contents(looper), ["one", "asked", "two", "from inside"])
    }
  )
})
