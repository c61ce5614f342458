/** What the machine and Node leave nobody to gain, for the goals that Looper misses: figures without a goal. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { alternate, one } from "../support/alternate.ts"
import { startBareRun } from "../support/bareRun.ts"
import { prompts } from "../support/codex.ts"
import { toFile } from "../support/codexToFile.ts"
import { startCrowd } from "../support/crowd.ts"
import type { Figure } from "../support/figures.ts"
import { makeHouse } from "../support/house.ts"
import { microsOf } from "../support/microsOf.ts"
import { writeNumberedLines } from "../support/pattern.ts"
import { startPlainRun } from "../support/plainRun.ts"
import { startProgram } from "../support/program.ts"
import type { Bench, Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"
import { startBareHono, warmUps } from "./health.ts"

export const floors: Scenario = {
  name: "floors",
  run: async (bench) => [
    ...(await ofRun(bench)),
    ...(await ofHealth(bench)),
    ...(await ofProcesses(bench)),
    ...(await ofOutput(bench))
  ]
}

const ofRun = async ({ isShort, rounds }: Bench): Promise<ReadonlyArray<Figure>> => {
  await using house = await makeHouse()
  await using bare = await startBareRun(house)
  await using plain = await startPlainRun(house)
  const sides = { plain: one(plain.run), bare: one(bare.run) }
  await alternate(10, sides)
  const values = await alternate(rounds * (isShort ? 20 : 40), sides)
  const limit = { name: "bare Node program", value: median(values.bare) }
  return [{ name: "`run`: all of it in plain Node, p50", unit: "ms", value: median(values.plain), limit }]
}

const startHealth = (file: "plainHealth.mjs" | "effectHealth.mjs", level: "INFO" | "WARNING") =>
  startProgram({ command: [process.execPath, join(import.meta.dirname, "../limits", file), level] })

const ofHealth = async ({ isShort, rounds }: Bench): Promise<ReadonlyArray<Figure>> => {
  await using plain = await startHealth("plainHealth.mjs", "INFO")
  await using plainQuiet = await startHealth("plainHealth.mjs", "WARNING")
  await using effect = await startHealth("effectHealth.mjs", "INFO")
  await using effectQuiet = await startHealth("effectHealth.mjs", "WARNING")
  await using hono = await startBareHono()
  const requests = isShort ? 1_000 : 5_000
  const sides = {
    plain: microsOf(plain, requests),
    plainQuiet: microsOf(plainQuiet, requests),
    effect: microsOf(effect, requests),
    effectQuiet: microsOf(effectQuiet, requests),
    hono: microsOf(hono, requests)
  }
  await alternate(warmUps, sides)
  const values = await alternate(rounds * 4, sides)
  const limit = { name: "bare Hono", value: median(values.hono) }
  const figure = (name: string, side: ReadonlyArray<number>): Figure => ({
    name: `\`health\`: ${name}`,
    unit: "µs",
    value: median(side),
    limit
  })
  return [
    figure("the same answer and records on plain Hono", values.plain),
    figure("the same answer on plain Hono", values.plainQuiet),
    figure("the answer by a program of Effect, and its records", values.effect),
    figure("the answer by a program of Effect", values.effectQuiet)
  ]
}

const ofProcesses = async ({ isShort }: Bench): Promise<ReadonlyArray<Figure>> => {
  await using _crowd = await startCrowd()
  const looks: Array<number> = []
  const forks: Array<number> = []
  for (let n = 0; n < (isShort ? 20 : 200); n++) {
    looks.push(takes(lookAtAll))
    const child = { exited: Promise.resolve() as Promise<unknown> }
    forks.push(takes(() => (child.exited = once(spawn("true", { detached: true, stdio: "ignore" }), "exit"))))
    await child.exited
  }
  return [
    { name: "`processes`: arguments of 2,000 read once by plain Node, p50", unit: "ms", value: median(looks) },
    { name: "`processes`: longest `spawn()` of plain Node beside 2,000", unit: "ms", value: Math.max(...forks) }
  ]
}

const takes = (work: () => unknown): number => {
  const begunAt = performance.now()
  work()
  return performance.now() - begunAt
}

const buffer = Buffer.alloc(64 * 1024)

const lookAtAll = (): void => {
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    const fd = openSync(`/proc/${name}/cmdline`, "r")
    readSync(fd, buffer)
    closeSync(fd)
  }
}

const ofOutput = async ({ isShort, rounds }: Bench): Promise<ReadonlyArray<Figure>> => {
  await using house = await makeHouse()
  const [pattern, stamps] = [join(house.folder, "pattern"), join(house.folder, "stamps")]
  writeNumberedLines(pattern, isShort ? 125_000 : 625_000, 80)
  const codex = (flag?: "a") => toFile(house, prompts.flood(pattern, isShort ? 5 : 10, stamps), stamps, flag)
  const [log, copy] = [join(house.folder, "one"), join(house.folder, "two")]
  const followed = async () => {
    const tail = spawn("sh", ["-c", 'touch "$0"; exec tail -c +1 -f "$0" >"$1"', log, copy], { stdio: "ignore" })
    const exited = once(tail, "exit")
    const millis = await codex()
    tail.kill()
    await exited
    rmSync(copy)
    return millis
  }
  const mirrored = async () => {
    writeFileSync(log, "")
    const mirror = spawn(process.execPath, [join(import.meta.dirname, "../limits/plainMirror.mjs"), log, copy])
    const exited = once(mirror, "exit")
    await once(mirror.stdout, "data")
    const millis = await codex("a")
    mirror.kill()
    await exited
    rmSync(copy)
    return millis
  }
  const values = await alternate(rounds * 2, {
    alone: one(() => codex()),
    appended: one(() => codex("a")),
    followed: one(followed),
    mirrored: one(mirrored)
  })
  const limit = { name: "`codex > file`", value: median(values.alone) }
  return [
    {
      name: "`output`: `codex >> file`, as a run's log has to be written",
      unit: "ms",
      value: median(values.appended),
      limit
    },
    {
      name: "`output`: codex, while `tail -f` reads what it writes",
      unit: "ms",
      value: median(values.followed),
      limit
    },
    {
      name: "`output`: `codex >> file`, while plain Node copies what it writes",
      unit: "ms",
      value: median(values.mirrored),
      limit
    }
  ]
}
