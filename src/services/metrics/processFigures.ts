/** What Node and the kernel say of Looper's own process. */
import { readFile, readdir } from "node:fs/promises"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Effect } from "effect"
import type { MetricsShape } from "./Metrics.ts"

/** Delays are taken this often from the first reading on; before it nobody pays for them. */
const resolutionMillis = 20

let delays: ReturnType<typeof monitorEventLoopDelay> | undefined

/** Reads the process' figures into the metrics: processor, memory, descriptors and event loop. */
export const readProcess = Effect.fnUntraced(function* (metrics: MetricsShape) {
  const lagSeconds = yield* eventLoopTurn
  const [openFds, maxFds] = yield* Effect.promise(descriptors)
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, heapTotal } = process.memoryUsage()
  metrics.reach("cpu", {}, (user + system) / 1e6)
  metrics.set("startTime", {}, performance.timeOrigin / 1_000)
  metrics.set("residentMemory", {}, rss)
  metrics.set("heapUsed", {}, heapUsed)
  metrics.set("heapTotal", {}, heapTotal)
  if (openFds !== undefined) metrics.set("openFds", {}, openFds)
  if (maxFds !== undefined) metrics.set("maxFds", {}, maxFds)
  metrics.set("lag", {}, lagSeconds)
  const { mean, max, p99 } = takeDelays(lagSeconds)
  metrics.set("lagMean", {}, mean)
  metrics.set("lagMax", {}, max)
  metrics.set("lagP99", {}, p99)
})

const eventLoopTurn = Effect.callback<number>((resume) => {
  const begunAt = performance.now()
  setImmediate(() => resume(Effect.succeed((performance.now() - begunAt) / 1_000)))
})

/** In seconds, since the reading before; a first one has only the turn that it took itself. */
const takeDelays = (turn: number) => {
  if (delays === undefined) {
    delays = monitorEventLoopDelay({ resolution: resolutionMillis })
    delays.enable()
  }
  const { count, mean, max } = delays
  const p99 = delays.percentile(99)
  delays.reset()
  return count === 0
    ? { mean: turn, max: turn, p99: turn }
    : { mean: lateSeconds(mean), max: lateSeconds(max), p99: lateSeconds(p99) }
}

/** The monitor measures from one sample to the next: an idle loop shows its resolution. */
const lateSeconds = (nanos: number): number => Math.max(0, nanos / 1e9 - resolutionMillis / 1e3)

/** How many are open, without the one that this opens, and how many may be; `undefined` where there is no procfs. */
const descriptors = async (): Promise<ReadonlyArray<number | undefined>> => {
  try {
    const [open, limits] = await Promise.all([readdir("/proc/self/fd"), readFile("/proc/self/limits", "utf8")])
    const limit = /^Max open files +(\d+)/m.exec(limits)?.[1]
    return [open.length - 1, limit === undefined ? undefined : Number(limit)]
  } catch {
    return []
  }
}
