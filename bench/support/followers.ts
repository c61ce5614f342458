/** Starts the program that follows a run's log over many connections. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

export interface CrowdPlan {
  readonly url: string
  readonly requestId: string
  readonly logPath: string
  readonly followers: number
  /** What the run writes. */
  readonly atLeastBytes: number
}

export interface CrowdReport {
  /** Followers that got every byte. */
  readonly exact: number
}

/** Resolves when all follow; `report` when the run's end has reached all. */
export const startFollowers = async (plan: CrowdPlan): Promise<{ readonly report: Promise<CrowdReport> }> => {
  const child = fork(join(import.meta.dirname, "followerCrowd.ts"), [JSON.stringify(plan)])
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the followers ended with ${code}`)
  })
  failed.catch(() => undefined)
  await Promise.race([once(child, "message"), failed])
  const report = Promise.race([once(child, "message").then(([message]) => message as CrowdReport), failed])
  report.catch(() => undefined)
  return { report }
}
