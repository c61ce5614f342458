/** From the start of the process to its first answer, and the memory it holds five idle seconds later. */
import { copyFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { alternate } from "../support/alternate.ts"
import { clientOf } from "../support/client.ts"
import { makeHouse } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import { pssMegabytes } from "../support/procfs.ts"
import type { Program } from "../support/program.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"
import { notInstalled, startWebhook } from "../support/webhook.ts"
import { warmMemory } from "../support/warmMemory.ts"
import { startBareHono } from "./health.ts"

const idleMillis = 5_000

/** Milliseconds from before the start of a program to its first answer. */
export const firstAnswerMillis = async (program: Program, path = "/health"): Promise<number> => {
  using client = clientOf(program.url)
  await client.get(path)
  return performance.now() - program.startedAt
}

type Measure = (program: Program, path: string) => Promise<number>

/** Starts a program, measures it and stops it. */
const sideOf = (begin: () => Promise<Program>, path: string, measure: Measure) => async () => {
  warmMemory(tmpdir())[Symbol.dispose]()
  await using program = await begin()
  return [await measure(program, path)]
}

/** Of Node's own pages a process has only its share, with whatever else runs the same file: nothing does that here. */
const idleMegabytes: Measure = async (program, path) => {
  await firstAnswerMillis(program, path)
  await delay(idleMillis)
  return pssMegabytes(program.pid)
}

export const start: Scenario = {
  name: "start",
  run: async ({ isShort, rounds, looper: command, hasWebhook }) => {
    await using house = await makeHouse()
    const node = join(house.folder, "node")
    copyFileSync(process.execPath, node)
    const own = command.map((word) => (word === process.execPath ? node : word))
    const sidesOf = (measure: Measure) => ({
      looper: sideOf(() => startLooper({ command: own, house }), "/health", measure),
      hono: sideOf(() => startBareHono(node), "/health", measure),
      webhook: hasWebhook ? sideOf(() => startWebhook(house), "/", measure) : undefined
    })
    const starts = sidesOf(firstAnswerMillis)
    await alternate(1, starts)
    const millis = await alternate(isShort ? 3 : 21, starts)
    const megabytes = await alternate(rounds, sidesOf(idleMegabytes))
    return [
      {
        name: "start to first answer",
        unit: "ms",
        value: median(millis.looper),
        limit: { name: "bare Hono", value: median(millis.hono) },
        goal: { kind: "ratio", atMost: 1.5 },
        webhook: hasWebhook ? median(millis.webhook) : notInstalled
      },
      {
        name: "idle memory (PSS) after 5 s",
        unit: "MB",
        value: median(megabytes.looper),
        limit: { name: "bare Hono", value: median(megabytes.hono) },
        goal: { kind: "ratio", atMost: 1.2 },
        webhook: hasWebhook ? median(megabytes.webhook) : notInstalled
      }
    ]
  }
}
