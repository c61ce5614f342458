/** GET /health over 32 connections: processor time for each request. */
import { join } from "node:path"
import { alternate } from "../support/alternate.ts"
import { makeHouse } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import { microsOf } from "../support/microsOf.ts"
import { type Program, startProgram } from "../support/program.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"
import { notInstalled, startWebhook } from "../support/webhook.ts"

/** So many rounds until V8 has compiled all that a request passes; Looper has more of that than its limit. */
export const warmUps = 40

/** The limit of several figures. */
export const startBareHono = (node = process.execPath): Promise<Program> =>
  startProgram({ command: [node, join(import.meta.dirname, "../limits/bareHono.mjs")] })

export const health: Scenario = {
  name: "health",
  run: async ({ isShort, rounds, looper: command, hasWebhook }) => {
    await using house = await makeHouse()
    await using quietHouse = await makeHouse()
    await using looper = await startLooper({ command, house })
    await using quiet = await startLooper({ command, house: quietHouse, logLevel: "WARNING" })
    await using hono = await startBareHono()
    await using webhook = hasWebhook ? await startWebhook(house) : undefined
    const requests = 1_000
    const sides = {
      looper: microsOf(looper, requests),
      quiet: microsOf(quiet, requests),
      hono: microsOf(hono, requests),
      webhook: webhook && microsOf(webhook, requests, "/")
    }
    await alternate(warmUps, sides)
    const values = await alternate(rounds * (isShort ? 4 : 20), sides)
    const limit = { name: "bare Hono", value: median(values.hono) }
    return [
      {
        name: "processor time a request, default logging",
        unit: "µs",
        value: median(values.looper),
        limit,
        goal: { kind: "ratio", atMost: 2.2 },
        webhook: hasWebhook ? median(values.webhook) : notInstalled
      },
      {
        name: "processor time a request, `LOOPER_LOG_LEVEL=WARNING`",
        unit: "µs",
        value: median(values.quiet),
        limit,
        goal: { kind: "ratio", atMost: 1.2 }
      }
    ]
  }
}
