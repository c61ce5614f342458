/** Why runs ended and what started them, as the history tells it. */
import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { startGatedZulip } from "../support/gatedZulip.ts"
import { seenEnd, seenPage } from "../support/history.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { until } from "../support/processes.ts"

const idOf = (answer: { readonly body?: Readonly<Record<string, unknown>> | undefined }) =>
  String(answer.body?.request_id)
/** Operation and reason of a run that has ended. */
const endOf = async (looper: LooperProcess, id: string) => {
  const { operation, reason } = await seenEnd(looper, id)
  return { operation, reason }
}
const counts = async (looper: LooperProcess) =>
  (await looper.request("GET", "/runs?limit=1&counts=1")).body?.counts as Readonly<Record<string, number>>

describe("the reason of a run", () => {
  it("is what it said of its failure, none of a success or a stop, and the same to the next Looper", async () => {
    await using looper = await startLooper()
    const failing = await looper.run(
      codexScript([
        { print: "working\nERROR: not this\n\u001b[31mERROR: usage limit reached\u001b[0m\ntokens used\n" },
        { exit: 3 }
      ])
    )
    const expected = { operation: "run", reason: "usage limit reached" }
    assert.deepStrictEqual(await endOf(looper, idOf(failing)), expected)
    const wordy = await looper.request("POST", "/spawn", {
      body: { codex_prompt: codexScript([{ print: `\n${"x".repeat(5_000)}\n\n` }, { exit: 1 }]) }
    })
    const said = { operation: "spawn", reason: `${"x".repeat(299)}…` }
    assert.deepStrictEqual(await endOf(looper, idOf(wordy)), said)
    const well = await looper.run(codexScript([{ print: "ERROR: none\n" }]))
    assert.deepStrictEqual(await endOf(looper, idOf(well)), { operation: "run", reason: null })
    const stopped = await looper.run(codexScript([{ print: "ERROR: none\n" }, { hang: true }]))
    await looper.request("POST", "/kill")
    assert.deepStrictEqual(await endOf(looper, idOf(stopped)), { operation: "run", reason: null })
    looper.child.kill("SIGKILL")
    await once(looper.child, "exit")
    await using next = await startLooper({ reuse: looper })
    assert.deepStrictEqual(await endOf(next, idOf(failing)), expected)
    assert.deepStrictEqual(await endOf(next, idOf(wordy)), said)
    assert.deepInclude(await counts(next), { total: 4, succeeded: 1, failed: 2, stopped: 1, running: 0, autopoll: 0 })
  })

  it("is the failure's sentence where it was not started, without the message that was to be sent", async () => {
    await using zulip = await startGatedZulip()
    await using looper = await startLooper({ env: zulip.env })
    const script = join(looper.folder, "send.cjs")
    writeFileSync(script, 'console.error(`cannot send "${process.argv[2]}"`); process.exit(7)')
    const answer = await looper.run({
      zulip_message: "the secret garden\nis open",
      codex_prompt: "p",
      zulip_script_path: script
    })
    assert.strictEqual(answer.status, 500)
    const { runs } = await seenPage(looper)
    assert.deepInclude(runs[0], {
      state: "failed",
      error: "notify_failed",
      operation: "run",
      reason: `failed to send Zulip message: ${script} ended with 7: cannot send "…\\nis open"`
    })
    rmSync(script)
  })

  it("is the limit that ended it, in words", async () => {
    await using looper = await startLooper({ env: { CODEX_EXEC_MAX_SILENT_SECONDS: "0.5" } })
    const answer = await looper.run(codexScript([{ print: "ERROR: not this\n" }, { hang: true }]))
    assert.deepStrictEqual(await endOf(looper, idOf(answer)), { operation: "run", reason: "silent for 0.5 s" })
  })

  it("is that of autopoll's runs, too, which their ids tell", async () => {
    await using looper = await startLooper({
      env: { LOOPER_DEFAULT_PROMPT: codexScript([{ printError: "no luck\n" }, { exit: 9 }]) }
    })
    await looper.request("POST", "/autopoll/tick")
    const run = await until(async () => {
      const { runs } = await seenPage(looper)
      return runs[0]?.ended_at !== null && runs[0]
    }, "it has ended")
    assert.deepInclude(run, { operation: "autopoll", reason: "no luck" })
    assert.deepInclude(await counts(looper), { total: 1, failed: 1, autopoll: 1 })
  })
})

describe("a history whose database is lost", () => {
  it("knows of autopoll's runs what started them, and of none why it failed: nobody would take secrets out of it", async () => {
    await using first = await startLooper({
      env: { LOOPER_DEFAULT_PROMPT: codexScript([{ print: "ERROR: no luck\n" }, { exit: 9 }]) }
    })
    const answer = await first.run(codexScript([{ print: "bad\n" }, { exit: 2 }]))
    await seenEnd(first, idOf(answer))
    await first.request("POST", "/autopoll/tick")
    await until(async () => (await counts(first)).failed === 2, "both have failed")
    await first.stop()
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(first.logDir, `looper.db${suffix}`), { force: true })
    await using second = await startLooper({ reuse: first })
    await until(async () => (await counts(second)).failed === 2, "the logs are read")
    const { runs } = await seenPage(second)
    const known = runs.map(({ operation, reason }) => [operation, reason])
    assert.sameDeepMembers(known, [
      ["autopoll", null],
      [null, null]
    ])
  })
})

describe("a page of the history", () => {
  it("begins before a date, and says what is wrong with one", async () => {
    await using looper = await startLooper()
    const ids: Array<string> = []
    for (let count = 0; count < 3; count++) {
      ids.push(idOf(await looper.run(codexScript([]))))
      await seenEnd(looper, ids[count] ?? "")
    }
    const { runs } = await seenPage(looper)
    assert.deepStrictEqual(
      runs.map(({ request_id }) => request_id),
      ids.toReversed()
    )
    const before = await seenPage(looper, `before=${runs[0]?.started_at}&limit=1`)
    assert.deepStrictEqual(
      before.runs.map(({ request_id }) => request_id),
      [ids[1]]
    )
    const rest = await seenPage(looper, `cursor=${before.next}`)
    assert.deepStrictEqual(
      rest.runs.map(({ request_id }) => request_id),
      [ids[0]]
    )
    assert.lengthOf((await seenPage(looper, "before=2020-01-01")).runs, 0)
    const answers = [
      await looper.request("GET", "/runs?before=soon"),
      await looper.request("GET", `/runs?before=2026-02-13&cursor=${before.next}`),
      await looper.request("GET", "/runs?counts=2")
    ]
    assert.deepStrictEqual(
      answers.map(({ status, body }) => [status, body?.error]),
      [
        [
          400,
          "'before' must be an ISO 8601 date, or a date and time with Z or an offset, such as 2026-02-13 or 2026-02-13T10:11:12Z"
        ],
        [400, "'before' must not stand beside 'cursor', whose page has its own beginning"],
        [400, "'counts' must be 1, true, 0 or false"]
      ]
    )
    assert.notProperty((await looper.request("GET", "/runs")).body, "counts")
  })
})
