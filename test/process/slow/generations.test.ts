/** Runs ask for their successors: twenty in a row, and something comes from outside in each step. */
import { assert, describe, it } from "@effect/vitest"
import {
  assertDead,
  assertFollow,
  assertLogs,
  type GenerationHouse,
  headers,
  openGenerations,
  textsOf
} from "../../support/generationHouse.ts"
import type { Answer } from "../../support/httpClient.ts"
import { readRunLog } from "../../support/logs.ts"
import { beats, carriers, isAlive, until } from "../../support/processes.ts"

describe("twenty generations", () => {
  it("follow one another: one lives at the end, every log is complete, every message is sent once", async () => {
    assert.isTrue(await assertFollow(20))
  })
})

/** A step of the sequence that replaces generation 2 by 3, and how it is held there. */
interface Step {
  readonly step: "notify" | "kill" | "delay" | "spawn" | "startup_check"
  /** The code in the logs of runs that are stopped. */
  readonly code: string
  readonly fields?: Readonly<Record<string, unknown>>
}

const steps: ReadonlyArray<Step> = [
  { step: "notify", code: "143" },
  // The runs ignore SIGTERM.
  { step: "kill", code: "137" },
  { step: "delay", code: "143", fields: { codex_exec_delay_seconds: 2 } },
  { step: "spawn", code: "143", fields: { codex_exec_startup_check_seconds: 2 } },
  { step: "startup_check", code: "143", fields: { codex_exec_startup_check_seconds: 2 } }
]

/** The third sequence, which replaces generation 2 by 3, is in the step when this returns. */
const reach = async ({ step, code, fields = {} }: Step): Promise<GenerationHouse> => {
  const house = await openGenerations({ last: 3, isGated: true, isStubborn: code === "137", fields })
  const { looper, zulip, generations } = house
  const occurrences = (record: string) => looper.serverLog().split(record).length - 1
  await house.start()
  generations.proceed(1)
  await generations.isUp(2)
  await until(() => occurrences(" run.success ") === 2, "the lock is free", 30_000)
  if (step === "notify") zulip.shut()
  generations.proceed(2)
  const isReached = () => (step === "notify" ? zulip.messages.length === 3 : occurrences(` action=${step}`) === 3)
  await until(isReached, `the sequence is in ${step}`)
  return house
}

/** The sequence goes on to its end as if nothing had come. */
const assertCompletes = async (house: GenerationHouse, code: string) => {
  const { looper, zulip, generations } = house
  zulip.open()
  await until(() => looper.serverLog().split(" run.success ").length === 4, "the sequence has completed", 30_000)
  await generations.isUp(3)
  assert.deepStrictEqual(zulip.messages, textsOf(3))
  assertLogs(looper, [code, code, undefined])
  await assertDead(generations, [1, 2])
  assert.isTrue(await beats(generations.heart(3)))
  assert.strictEqual(generations.mostAlive(), 1)
}

const assertIsBusy = ({ status, body, text }: Answer, step: string) => {
  assert.strictEqual(status, 409, text)
  assert.include(body, { ok: false, code: "run_busy" })
  const holder = body?.holder as { readonly step: string }
  // A spawn takes some milliseconds.
  assert.include(step === "spawn" ? ["spawn", "startup_check"] : [step], holder.step)
}

describe.concurrent("while a run's request for its successor is in the step", () => {
  it.each(steps)("$step, a /kill and another /run are refused without any effect", async ({ step, ...rest }) => {
    await using house = await reach({ step, ...rest })
    const { looper, generations } = house
    const body = { zulip_message: "from outside", codex_prompt: "outside" }
    const answers = await Promise.all([
      looper.request("POST", "/kill", { headers }),
      looper.request("POST", "/run", { body, headers })
    ])
    for (const answer of answers) assertIsBusy(answer, step)
    await assertCompletes(house, rest.code)
    const kill = await looper.request("POST", "/kill", { headers })
    assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [generations.pids()[2]], kill.text)
    assertLogs(looper, [rest.code, rest.code, rest.code])
    await assertDead(generations, [3])
  })

  it.each(steps)("$step, SIGTERM ends it: nothing is left, every log is complete", async ({ step, ...rest }) => {
    await using house = await reach({ step, ...rest })
    const { looper, zulip, generations } = house
    looper.signal("SIGTERM")
    assert.deepStrictEqual(await looper.exited, { code: 0, signal: null }, looper.output())
    assert.deepStrictEqual(zulip.messages, textsOf(3))
    assert.deepStrictEqual(generations.pids().filter(isAlive), [])
    await assertDead(generations, [1, 2])
    const isThirdStarted = step === "spawn" || step === "startup_check"
    assert.lengthOf(looper.runLogs(), isThirdStarted ? 3 : 2)
    for (const path of looper.runLogs()) {
      const log = readRunLog(path)
      assert.deepStrictEqual([log.code, log.rest.length, carriers(log.id)], [rest.code, 0, []])
    }
    assert.isAtMost(generations.mostAlive(), 1)
  })
})
