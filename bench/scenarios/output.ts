/** A run that writes 500 MB of 80-byte lines: how long it takes, how long its mirror takes, what Looper needs for that. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { bytesFrom, firstDifference, mirroredFrom } from "../../test/support/floodedText.ts"
import { textFrom } from "../../test/support/logs.ts"
import { isAlive, sizeOf, until } from "../../test/support/processes.ts"
import { alternate, millisOf } from "../support/alternate.ts"
import { clientOf } from "../support/client.ts"
import { prompts } from "../support/codex.ts"
import { type House, makeHouse } from "../support/house.ts"
import { type Looper, type Started, startLooper } from "../support/looper.ts"
import { writeNumberedLines } from "../support/pattern.ts"
import { cpuMillis, peakMegabytes, residentMegabytes, resetPeak } from "../support/procfs.ts"
import type { Scenario } from "../support/scenario.ts"
import { median } from "../support/statistics.ts"

const lineBytes = 80
const deadlineMillis = 120_000
const healthEveryMillis = 5

/** What one flood cost Looper. */
interface Flood {
  readonly codexMillis: number
  readonly mirrorMillis: number
  readonly cpuMillis: number
  readonly grownMegabytes: number
  readonly longestHealthMillis: number
}

export const output: Scenario = {
  name: "output",
  run: async ({ isShort, rounds, looper: command }) => {
    await using limits = await makeHouse()
    const copies = isShort ? 5 : 10
    const pattern = join(limits.folder, "pattern")
    const bytes = writeNumberedLines(pattern, isShort ? 125_000 : 625_000, lineBytes)
    const prompt = prompts.flood(pattern, copies)
    const floods: Array<Flood> = []
    const side = async () => {
      await using house = await makeHouse()
      await using looper = await startLooper({ command, house })
      const flood = await measureFlood(looper, house, { prompt, bytes, copies })
      floods.push(flood)
      return [flood.codexMillis]
    }
    const { file, tee } = await alternate(rounds, {
      file: () => toFile(limits, prompt),
      looper: side,
      tee: () => throughTee(limits, prompt)
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

/** `codex > file` */
const toFile = async ({ folder, codexPath }: House, prompt: string): Promise<ReadonlyArray<number>> => {
  const path = join(folder, "one")
  const fd = openSync(path, "w")
  const millis = await millisOf(() => succeeds(codexPath, ["exec", prompt], fd))
  closeSync(fd)
  rmSync(path)
  return [millis]
}

/** `codex | tee -a one >> two` */
const throughTee = async ({ folder, codexPath }: House, prompt: string): Promise<ReadonlyArray<number>> => {
  const [one, two] = [join(folder, "one"), join(folder, "two")]
  const args = ["-c", '"$0" exec "$1" | tee -a "$2" >>"$3"', codexPath, prompt, one, two]
  const millis = await millisOf(() => succeeds("sh", args, "inherit"))
  rmSync(one)
  rmSync(two)
  return [millis]
}

const succeeds = async (file: string, args: ReadonlyArray<string>, stdout: number | "inherit"): Promise<void> => {
  const [code] = await once(spawn(file, args, { stdio: ["ignore", stdout, "inherit"] }), "exit")
  if (code !== 0) throw new Error(`${file} ended with ${code}`)
}

const measureFlood = async (
  looper: Looper,
  house: House,
  { prompt, bytes, copies }: { readonly prompt: string; readonly bytes: Buffer; readonly copies: number }
): Promise<Flood> => {
  await looper.run(prompts.end)
  await looper.settled()
  const mirrorFrom = sizeOf(house.serverLogPath)
  const resident = residentMegabytes(looper.pid)
  resetPeak(looper.pid)
  const cpu = cpuMillis(looper.pid)
  const begunAt = performance.now()
  const started = await looper.run(prompt)
  const watched = watchHealth(looper.url)
  while (isAlive(started.pid)) await delay(1)
  const codexMillis = performance.now() - begunAt
  await until(() => hasEnded(house, started), "the mirror is complete", deadlineMillis)
  const mirrorMillis = performance.now() - begunAt
  const flood = {
    codexMillis,
    mirrorMillis,
    cpuMillis: cpuMillis(looper.pid) - cpu,
    grownMegabytes: peakMegabytes(looper.pid) - resident,
    longestHealthMillis: await watched.stop()
  }
  await checkFlood(house, started, { bytes, copies, mirrorFrom })
  return flood
}

/** The record of a run's end follows its mirror. */
const hasEnded = ({ serverLogPath }: House, { requestId }: Started): boolean =>
  textFrom(serverLogPath, Math.max(0, sizeOf(serverLogPath) - 4_096)).includes(
    `codex.exec.ended request_id=${requestId}`
  )

/** Every byte is in the log and in the mirror, once and in order. */
const checkFlood = async (
  { serverLogPath }: House,
  { logPath }: Started,
  { bytes, copies, mirrorFrom }: { readonly bytes: Buffer; readonly copies: number; readonly mirrorFrom: number }
): Promise<void> => {
  const header = readFileSync(logPath).indexOf("\n\n") + 2
  const trailer = Buffer.from("\n# codex_exec_return_code=0\n")
  const all = Array.from({ length: copies }, () => bytes)
  const wrongLog = await firstDifference(bytesFrom(logPath, header), [...all, trailer])
  if (wrongLog !== "") throw new Error(`the run log (${statSync(logPath).size} bytes) is wrong: ${wrongLog}`)
  const wrongMirror = await firstDifference(mirroredFrom(serverLogPath, mirrorFrom), all)
  if (wrongMirror !== "") throw new Error(`the mirror is wrong: ${wrongMirror}`)
}

/** Asks all the time; gives the longest answer. */
const watchHealth = (url: string) => {
  const client = clientOf(url)
  let isOver = false
  const watch = async () => {
    let longest = 0
    while (!isOver) {
      longest = Math.max(longest, (await client.get("/health")).millis)
      await delay(healthEveryMillis)
    }
    client[Symbol.dispose]()
    return longest
  }
  const longest = watch()
  return {
    stop: () => {
      isOver = true
      return longest
    }
  }
}
