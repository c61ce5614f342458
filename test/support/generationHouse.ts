/** A Looper whose runs ask for their own successors, its Zulip, and what must be true of its logs. */
import { assert } from "@effect/vitest"
import { type GatedZulip, startGatedZulip } from "./gatedZulip.ts"
import { type GenerationOptions, type Generations, installGenerations } from "./generations.ts"
import type { Answer } from "./httpClient.ts"
import { readRunLog } from "./logs.ts"
import { type LooperProcess, startLooper } from "./looperProcess.ts"
import { beats, carriers, stopsGrowing, until } from "./processes.ts"

const token = "correct-horse-battery-staple"
/** What a caller from outside sends. */
export const headers = { authorization: `Bearer ${token}` }

export interface GenerationHouse extends AsyncDisposable {
  readonly looper: LooperProcess
  readonly zulip: GatedZulip
  readonly generations: Generations
  /** Starts generation 1. */
  start(): Promise<Answer>
}

export const openGenerations = async (options: GenerationOptions): Promise<GenerationHouse> => {
  await using stack = new AsyncDisposableStack()
  const generations = stack.use(installGenerations(options))
  const zulip = stack.use(await startGatedZulip())
  const looper = stack.use(await startLooper({ env: { ...zulip.env, ...generations.env, LOOPER_API_TOKEN: token } }))
  const held = stack.move()
  const body = { zulip_message: "generation 1", codex_prompt: "generation 1" }
  return {
    generations,
    zulip,
    looper,
    start: async () => {
      const answer = await looper.request("POST", "/run", { body, headers })
      assert.strictEqual(answer.status, 200, answer.text)
      return answer
    },
    [Symbol.asyncDispose]: () => held.disposeAsync()
  }
}

/** What the first so many generations print, and the messages that announce them. */
export const textsOf = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `generation ${index + 1}`)

/** Asserts one log for each code, with that trailer, or undefined for a run that lives; dead runs have left nobody. */
export const assertLogs = (looper: LooperProcess, codes: ReadonlyArray<string | undefined>): void => {
  const logs = Object.fromEntries(
    looper.runLogs().map((path) => {
      const log = readRunLog(path)
      return [log.body.toString().trimEnd(), log]
    })
  )
  const names = textsOf(codes.length)
  assert.sameMembers(Object.keys(logs), [...names])
  assert.deepStrictEqual(
    names.map((name) => [logs[name]?.code, logs[name]?.rest.length]),
    codes.map((code) => [code, 0])
  )
  assert.deepStrictEqual(
    names.map((name) => carriers(logs[name]?.id ?? "").length > 0),
    codes.map((code) => code === undefined)
  )
}

/** Asserts that the children of these generations beat no more. */
export const assertDead = async (generations: Generations, numbers: ReadonlyArray<number>): Promise<void> => {
  const areDead = await Promise.all(numbers.map((number) => stopsGrowing(generations.heart(number))))
  assert.deepStrictEqual(
    areDead,
    numbers.map(() => true)
  )
}

/** Lets so many generations follow one another: one lives at the end, logs are complete, messages are sent once. */
export const assertFollow = async (last: number): Promise<true> => {
  await using house = await openGenerations({ last })
  const { looper, zulip, generations } = house
  await house.start()
  await until(() => looper.serverLog().split(" run.success ").length === last + 1, "every sequence has ended", 60_000)
  await generations.isUp(last)

  assert.deepStrictEqual(zulip.messages, textsOf(last))
  assert.deepStrictEqual(generations.answers(), [], "no caller lives to see its answer")
  const former = Array.from({ length: last - 1 }, (_, index) => index + 1)
  const codes = former.map(() => "143")
  assertLogs(looper, [...codes, undefined])
  assert.isTrue(await beats(generations.heart(last)))
  await assertDead(generations, former)
  assert.strictEqual(generations.mostAlive(), 1)

  const kill = await looper.request("POST", "/kill", { headers })
  assert.deepStrictEqual(kill.body?.killed_codex_exec_pids, [generations.pids().at(-1)])
  assertLogs(looper, [...codes, "143"])
  await assertDead(generations, [last])
  return true
}
