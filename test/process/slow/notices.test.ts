/** Notices of a real Looper: what an operator reads, and that nothing waits for a chat server. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { startGatedZulip } from "../../support/gatedZulip.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { type Chat, startWebhook, startZulip } from "../../support/noticeHouse.ts"
import { killHard, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"

const tellsAll = { LOOPER_NOTIFY_ON: "autopoll,finish,failure,skip" }

const idOf = (logPath: string): string => /-([^-]+)\.log$/.exec(logPath)?.[1] ?? ""

const spawn = async (looper: LooperProcess, steps: ReadonlyArray<CodexStep>) => {
  const answer = await looper.request("POST", "/spawn", { body: { codex_prompt: codexScript(steps) } })
  assert.strictEqual(answer.status, 200, answer.text)
  const { log_path: logPath } = runOf(answer)
  return { logPath, requestId: idOf(logPath) }
}

const tick = async (looper: LooperProcess) => {
  const { status, body } = await looper.request("POST", "/autopoll/tick")
  assert.strictEqual(status, 200)
  return body?.reason ?? body?.outcome
}

/** Waits for so many messages; how long something took is no matter. */
const told = async (chat: Chat, count: number): Promise<ReadonlyArray<string>> => {
  await until(() => chat.contents().length >= count, `${count} messages have arrived`)
  return chat.contents().map((text) => text.replace(/after [^\n]+ s$/m, "after … s"))
}

const hasEnded = (looper: LooperProcess, requestId: string) =>
  until(() => storedRun(looper.logDir, requestId)?.state !== "running", `the end of ${requestId} is recorded`)

describe.concurrent.each([
  { name: "Zulip", start: startZulip, language: "text" },
  { name: "a webhook", start: startWebhook, language: "" }
])("over $name", ({ start, language }) => {
  it("a start, an end, a failure and a changed reason to skip are told once each, beside a run's own message", async () => {
    await using chat = await start()
    const goName = "go-on"
    await using looper = await startLooper({
      env: {
        ...chat.env,
        ...tellsAll,
        LOOPER_DEFAULT_PROMPT: codexScript([{ waitForFile: goName }, { exit: 0 }])
      }
    })
    assert.strictEqual(await tick(looper), "started")
    assert.strictEqual(await tick(looper), "alive_tasks")
    const [autoLog = ""] = looper.runLogs()
    await told(chat, 1)
    writeFileSync(join(looper.workspace, goName), "")
    await told(chat, 2)

    const last = `\u001b[31m@**all** <!channel> \`\`\`\n# see ${chat.secret}`
    const failing = await looper.run(codexScript([{ print: `first\n${last}\n` }, { exit: 3 }]))
    const { log_path: failedLog } = runOf(failing)
    await told(chat, 4)
    await looper.request("POST", "/autopoll/pause")
    for (let time = 1; time <= 2; time++) assert.strictEqual(await tick(looper), "paused")
    const stopped = await spawn(looper, [{ hang: true }])
    await looper.request("POST", `/runs/${stopped.requestId}/stop`)
    const { logPath, requestId } = await spawn(looper, [{ exit: 0 }])

    assert.deepStrictEqual(await told(chat, 6), [
      `Looper: autopoll started run \`${idOf(autoLog)}\` in \`${looper.workspace}\``,
      `Looper: run \`${idOf(autoLog)}\` finished with exit 0 after … s\nlog: \`${autoLog}\``,
      "m",
      [
        `Looper: run \`${idOf(failedLog)}\` failed with exit 3 after … s`,
        `log: \`${failedLog}\``,
        `\`\`\`${language}`,
        "first",
        "@\u200b**all** <\u200b!channel> ``\u200b`",
        "# see ***",
        "```"
      ].join("\n"),
      "Looper: autopoll starts nothing (paused): `autopoll is paused`",
      `Looper: run \`${requestId}\` finished with exit 0 after … s\nlog: \`${logPath}\``
    ])
  })
})

describe.concurrent("a chat server that never answers", () => {
  it("delays neither the record of an end nor the next run nor the shutdown", async () => {
    await using zulip = await startGatedZulip()
    zulip.shut()
    await using looper = await startLooper({ env: { ...zulip.env, ...tellsAll } })
    const runs = []
    for (const code of [3, 4]) {
      const run = await spawn(looper, [{ exit: code }])
      await hasEnded(looper, run.requestId)
      assert.strictEqual(storedRun(looper.logDir, run.requestId)?.return_code, code)
      runs.push(run.requestId)
    }
    await until(() => zulip.messages.length === 1, "the first notice is under way")
    assert.deepStrictEqual(await looper.stop(), { code: 0, signal: null }, looper.output())
    const dropped = [
      ...looper.serverLog().matchAll(/ WARNING .* run\.notice\.dropped .*request_id=(\w+) reason="Looper is/g)
    ]
    assert.deepStrictEqual(
      dropped.map(([, id]) => id),
      runs
    )
  })
})

describe.concurrent("a Looper after one that was killed", () => {
  it("tells the end of the run that it adopted, and of none that was told already", async () => {
    await using chat = await startZulip()
    const env = { ...chat.env, ...tellsAll }
    await using first = await startLooper({ env })
    const go = join(first.folder, "go")
    const run = await spawn(first, [{ waitForFile: go }, { exit: 0 }])
    const sidePath = run.logPath.replace(/\.log$/, ".state")
    const side = readFileSync(sidePath, "utf8")
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ env, reuse: first })
    writeFileSync(go, "")
    await hasEnded(second, run.requestId)
    const finished = `Looper: run \`${run.requestId}\` finished with exit 0 after … s\nlog: \`${run.logPath}\``
    assert.deepStrictEqual(await told(chat, 1), [finished])

    killHard(second.pid)
    await second.exited
    // As if it had died right after it recorded the end.
    writeFileSync(sidePath, `${side}0\ndone\n`)
    await using third = await startLooper({ env, reuse: first })
    await until(() => third.serverLog().split(" codex.exec.ended ").length === 3, "the end was seen twice")
    const next = await spawn(third, [{ exit: 0 }])
    assert.deepStrictEqual(await told(chat, 2), [
      finished,
      `Looper: run \`${next.requestId}\` finished with exit 0 after … s\nlog: \`${next.logPath}\``
    ])
    assert.deepStrictEqual(await third.stop(), { code: 0, signal: null })
  })

  it("tells an end that nobody saw", async () => {
    await using chat = await startZulip()
    const env = { ...chat.env, ...tellsAll }
    await using first = await startLooper({ env })
    const go = join(first.folder, "go")
    const run = await spawn(first, [{ waitForFile: go }, { print: "bye\n" }, { exit: 7 }])
    killHard(first.pid)
    await first.exited
    writeFileSync(go, "")
    await until(() => readFileSync(run.logPath, "utf8").includes("return_code=7"), "the run has ended")
    await using second = await startLooper({ env, reuse: first })
    assert.deepStrictEqual(await told(chat, 1), [
      `Looper: run \`${run.requestId}\` failed with exit 7, at a time unknown\nlog: \`${run.logPath}\`\n\`\`\`text\nbye\n\`\`\``
    ])
    assert.deepStrictEqual(await second.stop(), { code: 0, signal: null })
  })
})
