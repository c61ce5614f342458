/** One run that writes a lot: what it costs Looper, and whether every byte is in its log and in the mirror. */
import { readFileSync, statSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { bytesFrom, firstDifference, mirroredFrom } from "../../test/support/floodedText.ts"
import { textFrom } from "../../test/support/logs.ts"
import { sizeOf, until } from "../../test/support/processes.ts"
import { clientOf } from "./client.ts"
import { prompts } from "./codex.ts"
import type { House } from "./house.ts"
import type { Looper, Started } from "./looper.ts"
import { cpuMillis, peakMegabytes, residentMegabytes, resetPeak } from "./procfs.ts"
import { warmMemory } from "./warmMemory.ts"

const deadlineMillis = 120_000
const healthEveryMillis = 5
const askedBefore = 1_000

/** What one flood cost Looper. */
export interface Flood {
  readonly codexMillis: number
  readonly mirrorMillis: number
  readonly cpuMillis: number
  readonly grownMegabytes: number
  readonly longestHealthMillis: number
}

/** When codex began and ended, in milliseconds since the epoch: its start is the matter of another scenario. */
export const readStamps = (path: string) => {
  const [begunAt = Number.NaN, endedAt = Number.NaN] = readFileSync(path, "latin1")
    .trim()
    .split("\n")
    .map(millisOfNanos)
  return { begunAt, endedAt }
}

const millisOfNanos = (text: string): number => Number(BigInt(text) / 1_000n) / 1_000

interface FloodPlan {
  readonly prompt: string
  readonly stamps: string
  readonly bytes: Buffer
  readonly copies: number
}

/** Milliseconds since the epoch. */
export const now = (): number => performance.timeOrigin + performance.now()

/**
 * Starts the run once Looper is warm; fails where a byte is missing or wrong.
 *
 * **Details** It answers some hundred questions first, as every Looper has after some minutes: until V8 has used all of
 * its young generation once, and Node's pages have been read, whatever it does makes it grow.
 */
export const measureFlood = async (
  looper: Looper,
  house: House,
  { prompt, stamps, bytes, copies }: FloodPlan
): Promise<Flood> => {
  await looper.run(prompts.end)
  await looper.settled()
  for (let asked = 0; asked < askedBefore; asked++) await looper.client.get("/health")
  using _warm = warmMemory(house.folder)
  const mirrorFrom = sizeOf(house.serverLogPath)
  const resident = residentMegabytes(looper.pid)
  resetPeak(looper.pid)
  const cpu = cpuMillis(looper.pid)
  const started = await looper.run(prompt)
  const watched = watchHealth(looper.url)
  await until(() => hasEnded(house, started), "the mirror is complete", deadlineMillis)
  const mirroredAt = now()
  const { begunAt, endedAt } = readStamps(stamps)
  const flood = {
    codexMillis: endedAt - begunAt,
    mirrorMillis: mirroredAt - begunAt,
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
export const watchHealth = (url: string) => {
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
