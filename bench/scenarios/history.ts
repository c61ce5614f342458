/** What 100,000 finished runs cost what reads the history, and what does not. */
import { alternate, one } from "../support/alternate.ts"
import { type House, makeHouse } from "../support/house.ts"
import { type Looper, startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { seedRuns } from "../support/seedRuns.ts"
import { median } from "../support/statistics.ts"
import { firstAnswerMillis } from "./start.ts"

export const history: Scenario = {
  name: "history",
  run: async ({ isShort, rounds, looper: command }) => {
    const [few, many] = [100, isShort ? 10_000 : 100_000]
    await using shortHouse = await makeHouse()
    await using longHouse = await makeHouse()
    seedRuns(shortHouse, few)
    seedRuns(longHouse, many)
    const startOf = (house: House) => async () => {
      await using looper = await startLooper({ command, house })
      return await firstAnswerMillis(looper)
    }
    const starts = await alternate(rounds * 2, { few: one(startOf(shortHouse)), many: one(startOf(longHouse)) })
    await using short = await startLooper({ command, house: shortHouse })
    await using long = await startLooper({ command, house: longHouse })
    await expectRuns(short, few)
    await expectRuns(long, few)
    const pages = { few: one(() => pageMillis(short)), many: one(() => pageMillis(long)) }
    const ticks = { few: one(() => tickMillis(short)), many: one(() => tickMillis(long)) }
    await alternate(50, pages)
    await alternate(5, ticks)
    const pageTimes = await alternate(rounds * (isShort ? 50 : 200), pages)
    const tickTimes = await alternate(rounds * (isShort ? 10 : 20), ticks)

    const figure = (name: string, values: Readonly<Record<"few" | "many", ReadonlyArray<number>>>) =>
      ({
        name: `${name}, p50, with ${many.toLocaleString("en")} finished runs`,
        unit: "ms",
        value: median(values.many),
        limit: { name: `with ${few}`, value: median(values.few) },
        goal: { kind: "ratio", atMost: 1.5 }
      }) as const
    return [
      figure("`GET /runs`", pageTimes),
      figure("a tick that starts a run", tickTimes),
      figure("start to first answer", starts)
    ]
  }
}

/** The history is really there. */
const expectRuns = async ({ client }: Looper, atLeast: number): Promise<void> => {
  let found = 0
  for (let query = "?limit=50"; found < atLeast; ) {
    const { runs, next_cursor: next } = JSON.parse((await client.get(`/runs${query}`)).text) as {
      readonly runs: ReadonlyArray<unknown>
      readonly next_cursor: string | null
    }
    found += runs.length
    if (next === null) break
    query = `?limit=50&cursor=${encodeURIComponent(next)}`
  }
  if (found < atLeast) throw new Error(`of ${atLeast} finished runs the history has ${found}`)
}

const pageMillis = async ({ client }: Looper): Promise<number> => (await client.get("/runs")).millis

const tickMillis = async (looper: Looper): Promise<number> => {
  const { text, millis } = await looper.client.post("/autopoll/tick")
  if (!text.includes('"outcome":"started"')) throw new Error(`a tick started nothing: ${text}`)
  await looper.settled()
  return millis
}
