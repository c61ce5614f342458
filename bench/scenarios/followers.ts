/** 500 followers of one run that writes 1 MB a second. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { isAlive } from "../../test/support/processes.ts"
import { alternate } from "../support/alternate.ts"
import { prompts } from "../support/codex.ts"
import { startFollowers } from "../support/followers.ts"
import { makeHouse } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import { writeNumberedLines } from "../support/pattern.ts"
import { cpuMillis } from "../support/procfs.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

const crowd = 500
const pieceBytes = 100_000
/** In no step with the pieces of 0.1 s that the run writes. */
const runEveryMillis = 37

export const followers: Scenario = {
  name: "followers",
  run: async ({ isShort, rounds, looper: command }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    const pieces = isShort ? 30 : 100
    const pattern = join(house.folder, "pattern")
    const bytes = writeNumberedLines(pattern, (pieces * pieceBytes) / 100, 100)
    const cores: Array<number> = []
    let begun = 0
    const side = (count: number) => async () => {
      const go = join(house.folder, `go-${++begun}`)
      const { pid, requestId, logPath } = await looper.run(prompts.trickle(pattern, pieces, go))
      const atLeastBytes = bytes.length
      const { report } = await startFollowers({ url: looper.url, requestId, logPath, followers: count, atLeastBytes })
      const dryRuns = async () => {
        const values: Array<number> = []
        while (isAlive(pid)) {
          const body = { zulip_message: "m", codex_prompt: prompts.end, dry_run: true }
          values.push((await looper.client.post("/run", body)).millis)
          await delay(runEveryMillis)
        }
        return values
      }
      const [cpu, begunAt] = [cpuMillis(looper.pid), performance.now()]
      writeFileSync(go, "")
      const measured = await dryRuns()
      const writingMillis = performance.now() - begunAt
      const { exact } = await report
      // Also what they got after the run's end counts: for each second in which it wrote.
      if (count > 1) cores.push((cpuMillis(looper.pid) - cpu) / writingMillis)
      if (exact !== count) throw new Error(`${count - exact} of ${count} followers did not get every byte`)
      await looper.settled()
      return measured
    }
    const values = await alternate(rounds, { one: side(1), crowd: side(crowd) })
    return [
      {
        name: `${crowd} followers of a run that writes 1 MB/s: Looper's processor time`,
        unit: "cores",
        value: median(cores),
        goal: { kind: "value", atMost: 1 }
      },
      {
        name: "`POST /run` (`dry_run`) meanwhile, p50",
        unit: "ms",
        value: median(values.crowd),
        limit: { name: "one follower", value: median(values.one) },
        goal: { kind: "ratio", atMost: 2 }
      }
    ]
  }
}
