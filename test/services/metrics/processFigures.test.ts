/** What the figures of the process say of the event loop. */
import { setTimeout } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeMetrics } from "../../../src/services/metrics/Metrics.ts"
import { readProcess } from "../../../src/services/metrics/processFigures.ts"
import { until } from "../../support/processes.ts"
import { seriesOf } from "../../support/scrape.ts"

/** Mean, longest and 99th percentile in milliseconds, since the reading before. */
const lags = async (): Promise<ReadonlyArray<number>> => {
  const metrics = makeMetrics()
  await Effect.runPromise(readProcess(metrics))
  const series = seriesOf(metrics.text())
  return ["mean", "max", "p99"].map((name) => (series.get(`nodejs_eventloop_lag_${name}_seconds`) ?? Number.NaN) * 1e3)
}

it("an idle event loop has a lag near 0, and one that was held up has that time", async () => {
  await lags()
  await until(async () => {
    await setTimeout(100)
    return (await lags()).every((lag) => lag >= 0 && lag < 10)
  }, "a hundred idle milliseconds")

  // After a reading the monitor begins with the next sample.
  await setTimeout(50)
  const heldUntil = performance.now() + 300
  while (performance.now() < heldUntil);
  await setTimeout(50)
  const [mean = 0, max = 0, p99 = 0] = await lags()
  assert.isAbove(max, 250)
  assert.isAbove(p99, 250)
  assert.isBelow(mean, max)
})
