/** The longest time for which Looper's event loop stood still, as its own metrics tell it. */
import type { Client } from "./client.ts"

/** Looper looks at its event loop this often: a turn that comes in time counts as this long. */
const resolutionMillis = 20

/** Since the call before, in milliseconds; Looper begins to look with the first. */
export const longestStallMillis = async (client: Client): Promise<number> => {
  const { text } = await client.get("/metrics")
  const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])
  if (Number.isNaN(seconds)) throw new Error("the metrics do not tell the event loop's longest delay")
  return Math.max(0, seconds * 1_000 - resolutionMillis)
}
