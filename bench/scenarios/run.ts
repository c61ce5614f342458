/** POST /run without delays, with nothing to kill and a codex that ends at once. */
import { alternate, one } from "../support/alternate.ts"
import { startBareRun } from "../support/bareRun.ts"
import { clientOf } from "../support/client.ts"
import { prompts } from "../support/codex.ts"
import { makeHouse, type House } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import type { Scenario } from "../support/scenario.ts"
import { median, quantile } from "../support/statistics.ts"
import { notInstalled, startWebhook } from "../support/webhook.ts"

export const run: Scenario = {
  name: "run",
  run: async ({ isShort, rounds, looper: command, hasWebhook }) => {
    await using house = await makeHouse()
    await using looper = await startLooper({ command, house })
    await using bare = await startBareRun(house)
    await using webhook = hasWebhook ? await webhookRuns(house) : undefined
    const measureLooper = async () => {
      const { millis } = await looper.run(prompts.end)
      await looper.settled()
      return millis
    }
    const count = isShort ? 20 : 40
    const sides = { looper: one(measureLooper), bare: one(bare.run), webhook: webhook && one(webhook.run) }
    await alternate(10, sides)
    const before = house.zulip.messages.length
    const values = await alternate(rounds * count, sides)
    const sent = house.zulip.messages.length - before
    const wanted = rounds * count * (webhook === undefined ? 2 : 3)
    if (sent !== wanted) throw new Error(`${wanted} starts sent ${sent} messages`)

    const p50 = median(values.looper)
    return [
      {
        name: "`POST /run`, p50",
        unit: "ms",
        value: p50,
        limit: { name: "bare Node program", value: median(values.bare) },
        goal: { kind: "ratio", atMost: 2 },
        webhook: hasWebhook ? median(values.webhook) : notInstalled
      },
      {
        name: "`POST /run`, p99",
        unit: "ms",
        value: quantile(values.looper, 0.99),
        limit: { name: "its own p50", value: p50 },
        goal: { kind: "ratio", atMost: 3 },
        webhook: hasWebhook ? quantile(values.webhook, 0.99) : notInstalled
      }
    ]
  }
}

/** Its codex has ended long before the next one is started. */
const webhookRuns = async (house: House) => {
  const program = await startWebhook(house)
  const client = clientOf(program.url)
  return {
    run: async () => {
      const { millis, text } = await client.post("/hooks/run", {})
      if (text !== "started\n") throw new Error(`webhook: ${text}`)
      return millis
    },
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]()
      await program.stop()
    }
  }
}
