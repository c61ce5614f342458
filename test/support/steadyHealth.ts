/** Asks for /health all the time, as a monitor would. */
import { setTimeout as delay } from "node:timers/promises"
import type { LooperProcess } from "./looperProcess.ts"

const everyMillis = 50

export interface SteadyHealth {
  /** Ends the asking; how many answers came, and each that was not the documented one. */
  stop(): Promise<{ readonly answers: number; readonly bad: ReadonlyArray<string> }>
}

export const watchHealth = (looper: LooperProcess): SteadyHealth => {
  const bad: Array<string> = []
  let answers = 0
  let isStopped = false
  const ask = async () => {
    const said = await looper.request("GET", "/health").then(
      ({ status, text }) => `${status} ${text}`,
      (error: unknown) => String(error)
    )
    answers += 1
    if (said !== '200 {"ok":true}\n') bad.push(said)
  }
  const loop = async () => {
    while (!isStopped) await Promise.all([ask(), delay(everyMillis)])
  }
  const ended = loop()
  return {
    stop: async () => {
      isStopped = true
      await ended
      return { answers, bad }
    }
  }
}
