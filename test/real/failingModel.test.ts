/** A model that fails: the real codex ends with 1, and its own words are in the log and in the early exit's answer. */
import { assert, describe, it } from "@effect/vitest"
import { beforeAll } from "vitest"
import type { Turn } from "../support/ModelApi.ts"
import { until } from "../support/processes.ts"
import {
  assertEndsIn,
  atOnce,
  codexPids,
  fetchDeadlineMillis,
  openHouse,
  outputIn,
  prepareRealCodex,
  startedBy
} from "../support/realHouse.ts"

beforeAll(prepareRealCodex, fetchDeadlineMillis)

interface Failure {
  readonly name: string
  readonly turn: Turn
  readonly words: string
}

const failures: ReadonlyArray<Failure> = [
  { name: "401", turn: { httpStatus: 401 }, words: "unexpected status 401 Unauthorized: scripted failure, url: " },
  { name: "429", turn: { httpStatus: 429 }, words: "exceeded retry limit, last status: 429 Too Many Requests" },
  {
    name: "500",
    turn: { httpStatus: 500 },
    words: "We’re currently experiencing high demand, which may cause temporary errors."
  },
  { name: "a dropped stream", turn: "drop", words: "stream disconnected before completion: " }
]

/** codex says an error twice. */
const linesWith = (text: string, words: string) => text.split("\n").filter((line) => line.startsWith(`ERROR: ${words}`))

describe("a model that answers", { timeout: 120_000 }, () => {
  it.each(failures)(
    "$name within the startup check is an early exit with codex' own words",
    async ({ turn, words }) => {
      const env = { ...atOnce, CODEX_EXEC_STARTUP_CHECK_SECONDS: "60" }
      await using house = await openHouse([{ when: /^try$/, turns: [turn] }], { env })
      const { status, body, text } = await house.run("try")
      assert.strictEqual(status, 500, text)
      assert.deepInclude(body, { ok: false, code: "exited_early", step: "startup_check" })
      const [logPath = "", ...others] = house.looper.runLogs()
      assert.isEmpty(others)
      const error = String(body?.["error"])
      assert.isTrue(error.startsWith(`codex exec exited early (rc=1, log_path=${logPath}, tail=`), error)
      assert.include(error, `ERROR: ${words}`)
      await assertEndsIn(logPath, 1)
      assert.lengthOf(linesWith(outputIn(logPath), words), 2, outputIn(logPath))
      assert.lengthOf(house.model.requests, 1)
      assert.deepStrictEqual(codexPids(), [])
    }
  )

  it("an error in a later turn ends a run that was started: its code and words are in the logs", async () => {
    const { words, turn } = failures[0] as Failure
    await using house = await openHouse([{ when: /^try$/, turns: [{ shell: "true" }, turn] }], { env: atOnce })
    const run = startedBy(await house.run("try"))
    await assertEndsIn(run.logPath, 1)
    const ended = new RegExp(` codex\\.exec\\.ended request_id=${run.id} .*return_code=1\\b`)
    await until(() => ended.test(house.looper.serverLog()), "the end is recorded")
    assert.lengthOf(linesWith(outputIn(run.logPath), words), 2)
    assert.lengthOf(linesWith(house.looper.serverLog(), words), 2)
    assert.deepStrictEqual(codexPids(), [])
  })

  it("with an error is tried again by the next run", async () => {
    const rules = [
      { when: /^try$/, turns: [{ httpStatus: 500 }] },
      { when: /^try again$/, turns: [{ say: "It worked." }] }
    ] as const
    await using house = await openHouse(rules, { env: atOnce })
    await assertEndsIn(startedBy(await house.run("try")).logPath, 1)
    const second = startedBy(await house.run("try again"))
    await assertEndsIn(second.logPath, 0)
    assert.isTrue(outputIn(second.logPath).endsWith("It worked.\n"))
  })
})
