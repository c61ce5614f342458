/** What 2,000 more processes on the machine cost a run. */
import { alternate } from "../support/alternate.ts"
import { prompts } from "../support/codex.ts"
import { startCrowd } from "../support/crowd.ts"
import { makeHouse } from "../support/house.ts"
import { longestStallMillis } from "../support/stalls.ts"
import { startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

export const processes: Scenario = {
  name: "processes",
  run: async ({ isShort, rounds, looper: command }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    const stalls: Array<number> = []
    const count = isShort ? 10 : 20
    const runs = async () => {
      const values: Array<number> = []
      for (let n = 0; n < count; n++) {
        values.push((await looper.run(prompts.end)).millis)
        await looper.settled()
      }
      return values
    }
    await runs()
    const values = await alternate(rounds, {
      alone: runs,
      crowded: async () => {
        await using _crowd = await startCrowd()
        await longestStallMillis(looper.client)
        const millis = await runs()
        stalls.push(await longestStallMillis(looper.client))
        return millis
      }
    })
    return [
      {
        name: "`POST /run` beside 2,000 more processes, p50",
        unit: "ms",
        value: median(values.crowded),
        limit: { name: "without them", value: median(values.alone) },
        goal: { kind: "ratio", atMost: 2 }
      },
      {
        name: "longest event-loop stall meanwhile",
        unit: "ms",
        value: Math.max(...stalls),
        goal: { kind: "value", atMost: 20 }
      }
    ]
  }
}
