/** A run that writes 500 MB of 80-byte lines: how long it takes, how long its mirror takes, what Looper needs for that. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { alternate, one } from "../support/alternate.ts"
import { prompts } from "../support/codex.ts"
import { succeeds, toFile } from "../support/codexToFile.ts"
import { type Flood, measureFlood, now, readStamps } from "../support/flood.ts"
import { type House, makeHouse } from "../support/house.ts"
import { startLooper } from "../support/looper.ts"
import { writeNumberedLines } from "../support/pattern.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"
import { warmMemory } from "../support/warmMemory.ts"

const lineBytes = 80

export const output: Scenario = {
  name: "output",
  run: async ({ isShort, rounds, looper: command }) => {
    await using limits = await makeHouse()
    const copies = isShort ? 5 : 10
    const pattern = join(limits.folder, "pattern")
    const bytes = writeNumberedLines(pattern, isShort ? 125_000 : 625_000, lineBytes)
    const stamps = join(limits.folder, "stamps")
    const prompt = prompts.flood(pattern, copies, stamps)
    const floods: Array<Flood> = []
    const side = async () => {
      await using house = await makeHouse()
      await using looper = await startLooper({ command, house })
      const flood = await measureFlood(looper, house, { prompt, stamps, bytes, copies })
      floods.push(flood)
      return [flood.codexMillis]
    }
    const { file, tee } = await alternate(rounds, {
      file: one(() => toFile(limits, prompt, stamps)),
      looper: side,
      tee: () => throughTee(limits, prompt, stamps)
    })
    const of = (pick: (flood: Flood) => number) => median(floods.map(pick))
    const size = `${(bytes.length * copies) / 1e6} MB of 80-byte lines`
    return [
      {
        name: `${size}: until codex is done`,
        unit: "ms",
        value: of((flood) => flood.codexMillis),
        limit: { name: "`codex > file`", value: median(file) },
        goal: { kind: "ratio", atMost: 1.05 }
      },
      {
        name: "until the mirror is complete",
        unit: "ms",
        value: of((flood) => flood.mirrorMillis),
        limit: { name: "`codex | tee -a one >> two`", value: median(tee) },
        goal: { kind: "ratio", atMost: 1 }
      },
      {
        name: "Looper's processor time meanwhile",
        unit: "s",
        value: of((flood) => flood.cpuMillis) / 1_000,
        goal: { kind: "value", atMost: 1.2 }
      },
      {
        name: "Looper's memory growth meanwhile (RSS, at the peak)",
        unit: "MB",
        value: of((flood) => flood.grownMegabytes),
        goal: { kind: "value", atMost: 10 }
      },
      {
        name: "longest `GET /health` meanwhile",
        unit: "ms",
        value: of((flood) => flood.longestHealthMillis),
        goal: { kind: "value", atMost: 20 }
      }
    ]
  }
}

/** `codex | tee -a one >> two` */
const throughTee = async (
  { folder, codexPath }: House,
  prompt: string,
  stamps: string
): Promise<ReadonlyArray<number>> => {
  using _warm = warmMemory(folder)
  const [one, two] = [join(folder, "one"), join(folder, "two")]
  const args = ["-c", '"$0" exec "$1" | tee -a "$2" >>"$3"', codexPath, prompt, one, two]
  await succeeds("sh", args, "inherit")
  const millis = now() - readStamps(stamps).begunAt
  rmSync(one)
  rmSync(two)
  return [millis]
}
