/** A thousand runs one after another: what Looper holds and how fast it is may not change with them. */
import { setTimeout as delay } from "node:timers/promises"
import { prompts } from "../support/codex.ts"
import { makeHouse } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import { descriptors, pssMegabytes } from "../support/procfs.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

/** Sockets and buffers of the last run are closed by then. */
const restMillis = 1_000

export const thousandRuns: Scenario = {
  name: "thousand-runs",
  run: async ({ isShort, looper: command }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    const [runs, first] = isShort ? [150, 30] : [1_000, 100]
    const look = async () => {
      await delay(restMillis)
      return { open: descriptors(looper.pid), megabytes: pssMegabytes(looper.pid) }
    }
    const measure = async (count: number) => {
      const values: Array<number> = []
      for (let n = 0; n < count; n++) {
        values.push((await looper.run(prompts.end)).millis)
        await looper.settled()
      }
      return values
    }
    // Compiled code, not a run's remains: both ends are measured warm.
    await measure(20)
    const early = await measure(first)
    const before = await look()
    await measure(runs - 2 * first)
    const late = await measure(first)
    const after = await look()
    const name = `after the first ${first}`
    return [
      {
        name: `descriptors after ${runs} runs`,
        unit: "descriptors",
        value: after.open,
        limit: { name, value: before.open },
        goal: { kind: "difference", atMost: 0 }
      },
      {
        name: `memory (PSS) after ${runs} runs`,
        unit: "MB",
        value: after.megabytes,
        limit: { name, value: before.megabytes },
        goal: { kind: "ratio", atMost: 1.1 }
      },
      {
        name: `\`POST /run\`, p50 of the last ${first} of ${runs}`,
        unit: "ms",
        value: median(late),
        limit: { name: `of the first ${first}`, value: median(early) },
        goal: { kind: "ratio", atMost: 1.1 }
      }
    ]
  }
}
