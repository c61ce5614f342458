/** The real codex asks for its own successor, five times in a row. */
import { assert, describe, it } from "@effect/vitest"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll } from "vitest"
import { readRunLog } from "../support/logs.ts"
import type { Rule } from "../support/ModelApi.ts"
import { carriers, until } from "../support/processes.ts"
import { requireSandbox } from "../support/realCodex.ts"
import {
  assertEndsIn,
  atOnce,
  codexPids,
  deadlineMillis,
  fetchDeadlineMillis,
  openHouse,
  outputIn,
  prepareRealCodex,
  startedBy
} from "../support/realHouse.ts"

beforeAll(prepareRealCodex, fetchDeadlineMillis)

/** What an agent runs last; busy means that its own start is not answered yet. */
const postNext = `
const { LOOPER_URL, LOOPER_RUN_TICKET } = process.env
const headers = { "content-type": "application/json", authorization: "Bearer " + LOOPER_RUN_TICKET }
const next = "generation " + process.argv[2]
const body = JSON.stringify({ zulip_message: next, codex_prompt: next, workspace: process.cwd() })
let answer
do answer = await fetch(LOOPER_URL + "/run", { method: "POST", headers, body })
while (answer.status === 409)
console.log("answered", answer.status, await answer.text())
`

const last = 5
const numbers = Array.from({ length: last }, (_, index) => index + 1)

describe("generations of the real codex", { timeout: 120_000 }, () => {
  it("follow one another: one at a time, every log complete, every message sent once", async () => {
    const rules = numbers.map(
      (number): Rule => ({
        when: new RegExp(`^generation ${number}$`),
        turns: [number === last ? { say: "The last one." } : { shell: `node post-next.mjs ${number + 1}` }]
      })
    )
    await using house = await openHouse(rules, { networkAccess: true, token: "the-token-of-the-operator", env: atOnce })
    const { looper } = house
    await requireSandbox(house.codex, house.codexHome)
    writeFileSync(join(looper.workspace, "post-next.mjs"), postNext)
    startedBy(await house.run("generation 1", { zulip_message: "generation 1" }))
    await until(() => looper.runLogs().length === last, "the last generation is started", 2 * deadlineMillis)
    const logs = looper.runLogs().map((path) => ({ path, log: readRunLog(path) }))
    const byNumber = numbers.map((number) => logs.find(({ log }) => log.command.endsWith(` 'generation ${number}'`)))
    for (const [index, found] of byNumber.entries()) {
      const { path = "", log } = found ?? {}
      await assertEndsIn(path, index + 1 === last ? 0 : 143)
      await until(() => carriers(log?.id ?? "").length === 0, "nobody is left of it")
    }
    assert.isTrue(outputIn(byNumber.at(-1)?.path ?? "").endsWith("The last one.\n"))
    assert.deepStrictEqual(
      house.messages(),
      numbers.map((number) => `generation ${number}`)
    )
    assert.deepStrictEqual(
      house.model.requests.map(({ prompt, turn }) => [prompt, turn]),
      numbers.map((number) => [`generation ${number}`, 0])
    )
    assert.deepStrictEqual(codexPids(), [])
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
  })
})
