/** A day of autopoll on a clock of its own: what the loop holds may not grow with its ticks. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Deferred, Duration, Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { tickForever } from "../../src/runtime/autopoll.ts"
import { makeTickServices } from "../effects/tickServices.ts"
import { slopeOf } from "./soak.ts"

export interface TickSample {
  readonly ticks: number
  readonly heapBytes: number
  /** What keeps this process' event loop busy. */
  readonly handles: number
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const pollSeconds = 10
const secondsADay = 86_400

/** Ticks every 10 s for a day: runs that end well, badly or not for a while, starts that fail, ticks that skip. */
export const soakTicks = async (options: { readonly hours: number }): Promise<ReadonlyArray<TickSample>> => {
  const { layer, world, runs, ticks, notices } = makeTickServices({ LOOPER_IDLE_POLL_SECONDS: "0.001" })
  const samples: Array<TickSample> = []
  const look = Effect.sync(() => {
    collect()
    collect()
    samples.push({
      ticks: ticks(),
      heapBytes: process.memoryUsage().heapUsed,
      handles: process.getActiveResourcesInfo().length
    })
  })
  const begin = { hasWorkspace: true, hasBinary: true, targets: [], launch: "starts" } as const
  const turns = [
    {},
    { targets: [42] },
    { launch: "fails" },
    { launch: "dies" },
    { hasWorkspace: false },
    { hasBinary: false },
    {}
  ] as const
  const program = Effect.gen(function* () {
    yield* Effect.forkScoped(tickForever(Duration.seconds(pollSeconds)), { startImmediately: true })
    for (let second = 0; second < (secondsADay * options.hours) / 24; second += pollSeconds) {
      if (second % (secondsADay / 24) === 0) yield* look
      Object.assign(world, begin, turns[(second / pollSeconds) % turns.length])
      yield* TestClock.adjust(Duration.seconds(pollSeconds))
      // The test's own record of them.
      notices.splice(0)
      const isWell = second % 3 === 0
      for (const run of runs.splice(0))
        yield* Deferred.succeed(run, {
          returnCode: isWell ? 0 : 1,
          stoppedBy: second % 7 === 0 ? "replacement" : undefined
        })
    }
    yield* look
  })
  await Effect.runPromise(
    Effect.scoped(program.pipe(Effect.provide(Layer.mergeAll(layer, TestClock.layer(), Logger.layer([])))))
  )
  return samples
}

export const bytesPerTick = (samples: ReadonlyArray<TickSample>): number =>
  slopeOf(samples.map(({ ticks, heapBytes }) => [ticks, heapBytes]))
