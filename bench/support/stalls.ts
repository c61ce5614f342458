/** The longest time for which Looper's event loop stood still, as its own metrics tell it. */
import type { Client } from "./client.ts"

/** Since the call before, in milliseconds; Looper begins to look with the first. */
export const longestStallMillis = async (client: Client): Promise<number> => {
  const { text } = await client.get("/metrics")
  const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])
  if (Number.isNaN(seconds)) throw new Error("the metrics do not tell the event loop's longest delay")
  return seconds * 1_000
}
