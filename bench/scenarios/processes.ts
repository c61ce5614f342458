/** What 2,000 more processes on the machine cost a run. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { alternate } from "../support/alternate.ts"
import { prompts } from "../support/codex.ts"
import { makeHouse } from "../support/house.ts"
import { longestStallMillis } from "../support/stalls.ts"
import { startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

const others = 2_000

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

/** Sleepers in one group, which ends with them. */
const startCrowd = async (): Promise<AsyncDisposable> => {
  const text = `n=0; while [ $n -lt ${others} ]; do sleep 86400 & n=$((n + 1)); done; echo ready; wait`
  const crowd = spawn("sh", ["-c", text], { detached: true, stdio: ["ignore", "pipe", "inherit"] })
  const exited = once(crowd, "exit")
  await once(crowd.stdout, "data")
  return {
    [Symbol.asyncDispose]: async () => {
      process.kill(-(crowd.pid ?? 0), "SIGKILL")
      await exited
    }
  }
}
