/** What 100,000 finished runs cost what reads the history, and what does not. */
import { alternate, times } from "../support/alternate.ts"
import { type House, makeHouse } from "../support/house.ts"
import { type Looper, startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { seedRuns } from "../support/seedRuns.ts"
import { median } from "../support/statistics.ts"
import { firstAnswerMillis } from "./start.ts"

export const history: Scenario = {
  name: "history",
  run: async ({ isShort, rounds, looper: command }) => {
    const [few, many] = [100, isShort ? 20_000 : 100_000]
    await using shortHouse = await makeHouse()
    await using longHouse = await makeHouse()
    seedRuns(shortHouse, few)
    seedRuns(longHouse, many)
    const startOf = (house: House) => async () => {
      await using looper = await startLooper({ command, house })
      return await firstAnswerMillis(looper)
    }
    const count = isShort ? 3 : 2
    const starts = await alternate(rounds, {
      few: times(count, startOf(shortHouse)),
      many: times(count, startOf(longHouse))
    })
    await using short = await startLooper({ command, house: shortHouse })
    await using long = await startLooper({ command, house: longHouse })
    await expectRuns(short, few)
    await expectRuns(long, few)
    const asks = isShort ? 50 : 200
    const page = ({ client }: Looper) => times(asks, async () => (await client.get("/runs")).millis)
    const tick = (looper: Looper) => times(isShort ? 10 : 20, () => tickMillis(looper))
    const pages = { few: page(short), many: page(long) }
    const ticks = { few: tick(short), many: tick(long) }
    await alternate(1, pages)
    await alternate(1, ticks)
    const pageMillis = await alternate(rounds, pages)
    const tickMillisOf = await alternate(rounds, ticks)

    const figure = (name: string, values: Readonly<Record<"few" | "many", ReadonlyArray<number>>>) =>
      ({
        name: `${name}, p50, with ${many.toLocaleString("en")} finished runs`,
        unit: "ms",
        value: median(values.many),
        limit: { name: `with ${few}`, value: median(values.few) },
        goal: { kind: "ratio", atMost: 1.5 }
      }) as const
    return [
      figure("`GET /runs`", pageMillis),
      figure("a tick that starts a run", tickMillisOf),
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

const tickMillis = async (looper: Looper): Promise<number> => {
  const { text, millis } = await looper.client.post("/autopoll/tick")
  if (!text.includes('"outcome":"started"')) throw new Error(`a tick started nothing: ${text}`)
  await looper.settled()
  return millis
}
