/** The command line: `looper --help`, and `looper status` with its one request. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { alternate, one } from "../support/alternate.ts"
import { makeHouse } from "../support/house.ts"
import { looperEnvironment, startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

const run = promisify(execFile)
const oneRequest = join(import.meta.dirname, "../limits/oneRequest.mjs")

export const commandLine: Scenario = {
  name: "command-line",
  run: async ({ rounds, looper: command }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    const env = { ...looperEnvironment(house), LOOPER_URL: looper.url }
    const [program = "", ...words] = command
    /** Its output has to hold the text: a command that fails early is fast. */
    const millisOf = (file: string, args: ReadonlyArray<string>, text: string) => async () => {
      const begunAt = performance.now()
      const { stdout } = await run(file, args, { env })
      const millis = performance.now() - begunAt
      if (!stdout.includes(text)) throw new Error(`${file} ${args.join(" ")} printed: ${stdout}`)
      return millis
    }
    const values = await alternate(rounds * 4, {
      help: one(millisOf(program, [...words, "--help"], "USAGE")),
      node: one(millisOf(process.execPath, ["-e", "0"], "")),
      status: one(millisOf(program, [...words, "status"], "Autopoll:")),
      oneRequest: one(millisOf(process.execPath, [oneRequest, `${looper.url}/status`], '"version"'))
    })
    return [
      {
        name: "`looper --help`",
        unit: "ms",
        value: median(values.help),
        limit: { name: "`node -e 0`", value: median(values.node) },
        goal: { kind: "ratio", atMost: 2.5 }
      },
      {
        name: "`looper status`",
        unit: "ms",
        value: median(values.status),
        limit: { name: "Node with one request", value: median(values.oneRequest) },
        goal: { kind: "ratio", atMost: 2.5 }
      }
    ]
  }
}
