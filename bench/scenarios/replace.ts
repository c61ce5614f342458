/** POST /run over a run that dies on SIGTERM, and over one that ignores it together with its daemons. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { isAlive, until } from "../../test/support/processes.ts"
import { alternate, one } from "../support/alternate.ts"
import { prompts } from "../support/codex.ts"
import { makeHouse, type House } from "../support/house.ts"
import { type Looper, startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

/** How long Looper leaves processes between SIGTERM and SIGKILL. */
const graceMillis = 5_000

export const replace: Scenario = {
  name: "replace",
  run: async ({ isShort, rounds, looper: command }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    const over = (begin: () => Promise<number>) => async () => {
      const old = await begin()
      const { millis } = await looper.run(prompts.end)
      if (isAlive(old)) throw new Error(`the replaced run's codex, ${old}, lives`)
      await looper.settled()
      return millis
    }
    const nothing = async () => {
      const { millis } = await looper.run(prompts.end)
      await looper.settled()
      return millis
    }
    const willing = over(async () => (await looper.run(prompts.wait)).pid)
    const stubborn = over(() => startStubborn(looper, house))
    const count = isShort ? 10 : 20
    const sides = { nothing: one(nothing), willing: one(willing) }
    await alternate(5, sides)
    const values = await alternate(rounds * count, sides)
    const late = await alternate(rounds, { stubborn: one(stubborn) })
    return [
      {
        name: "over a run that dies on SIGTERM, p50",
        unit: "ms",
        value: median(values.willing),
        limit: { name: "nothing to kill", value: median(values.nothing) },
        goal: { kind: "difference", atMost: 10 }
      },
      {
        name: "over a run that ignores SIGTERM, with daemons, p50",
        unit: "ms",
        value: median(late.stubborn),
        limit: { name: "the grace", value: graceMillis },
        goal: { kind: "difference", atMost: 50 }
      }
    ]
  }
}

let started = 0

const startStubborn = async (looper: Looper, house: House): Promise<number> => {
  const ready = join(house.folder, `ready-${++started}`)
  const { pid } = await looper.run(prompts.stubborn(ready))
  await until(() => existsSync(ready), "the stubborn run and its daemons live")
  return pid
}
