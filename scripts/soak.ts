/**
 * What Looper holds after a thousand runs and a day of ticks, as tables; ends with 1 where something grows.
 *
 * Real Looper, real processes, a stand-in for codex, a temporary workspace. `npm run soak -- 200` performs 200 runs.
 */
import {
  bytesPerRun,
  columns,
  growthIn,
  maxBytesPerRun,
  maxBytesPerTick,
  rowOf,
  soakRuns
} from "../test/support/soak.ts"
import { bytesPerTick, soakTicks } from "../test/support/soakTicks.ts"

const runs = Number(process.argv[2] ?? 1_000)
const warmUpRuns = Math.min(100, runs / 4)
const every = Math.max(1, Math.round(runs / 20))

const say = (words: ReadonlyArray<string>): void => console.log(words.map((word) => word.padStart(12)).join(""))

say(columns)
const samples = await soakRuns({ runs, every, onSample: (sample) => say(rowOf(sample)) })
const growth = growthIn(samples, warmUpRuns)
const perRun = bytesPerRun(samples.filter(({ done }) => done >= warmUpRuns))
console.log(`\n${perRun.toFixed(0)} bytes a run after the first ${warmUpRuns}; allowed are ${maxBytesPerRun}\n`)

say(["ticks", "handles", "heap KiB"])
const ticks = await soakTicks({ hours: 24 })
for (const { ticks: done, handles, heapBytes } of ticks)
  say([String(done), String(handles), String(Math.round(heapBytes / 1024))])
const perTick = bytesPerTick(ticks.slice(4))
console.log(`\n${perTick.toFixed(1)} bytes a tick after the first four hours; allowed are ${maxBytesPerTick}`)

const isFlat = growth.length === 0 && perTick <= maxBytesPerTick
console.log(
  isFlat ? "\nflat" : `\nnot flat: ${[...growth, ...(perTick > maxBytesPerTick ? ["ticks"] : [])].join("\n")}`
)
process.exitCode = isFlat ? 0 : 1
