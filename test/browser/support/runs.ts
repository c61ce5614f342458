/** Runs of the history. */
import type { RunDetails, Status } from "../../../src/page/api/answers.ts"
import { seededRandom } from "../../support/seededRandom.ts"
import { at, isoAt, now } from "./mockTime.ts"

type LiveRun = NonNullable<Status["run"]>

const ended: RunDetails = {
  request_id: "3f9c21ab",
  state: "succeeded",
  operation: "run",
  cause: "exited",
  return_code: 0,
  error: null,
  reason: null,
  started_at: isoAt("12:41:08"),
  ended_at: isoAt("13:52:01"),
  duration_ms: 4_253_000,
  workspace: "/srv/verifycad",
  log_path: "/srv/looper/logs/codex-exec-20261122-124108-3f9c21ab.log",
  log_bytes: 1_310_000,
  is_log_pruned: false,
  is_autopoll: false,
  pid: 48_213,
  steps: []
}

/** The mock's run after its end: succeeded, 1 m 19 s ago. */
export const endedRun = (over: Partial<RunDetails> = {}): RunDetails => ({ ...ended, ...over })

/** A run that has not ended; without a process yet. */
export const newRun = (over: Partial<RunDetails> = {}): RunDetails => ({
  ...ended,
  state: "running",
  cause: null,
  return_code: null,
  ended_at: null,
  duration_ms: 4_332_000,
  log_bytes: 1_240_000,
  ...over
})

/** The mock's run while it lives: for 1 h 12 m, its last output 4 s ago, three processes, without limits. */
export const liveRun = (over: Partial<LiveRun> = {}): LiveRun => {
  const { steps: _, ...run } = newRun()
  return { ...run, last_output_at: isoAt("13:53:16"), process_count: 3, limits: [], ...over }
}

/** A run that failed before it was launched, as the history has it. */
export const unstartedRun = (over: Partial<RunDetails>): RunDetails =>
  endedRun({
    request_id: "b81e04d7",
    state: "failed",
    cause: "not_started",
    return_code: null,
    started_at: isoAt("13:52:50"),
    ended_at: isoAt("13:53:02"),
    duration_ms: null,
    log_path: null,
    log_bytes: null,
    pid: null,
    ...over
  })

const minute = 60_000

/** So many older runs, newest first, the same for the same seed; the newest began before 12:40. */
export const olderRuns = (count: number, seed = 7): Array<RunDetails> => {
  const random = seededRandom(seed)
  let beganAt = at("12:40:00")
  return Array.from({ length: count }, (_, index) => {
    const [luck, length, isAutopoll] = [random.below(100), 15 * minute + random.below(86 * minute), random.chance(0.45)]
    const state = luck > 93 ? "failed" : luck > 89 ? "stopped" : index % 500 === 17 ? "interrupted" : "succeeded"
    beganAt -= length + (6 + random.below(200)) * 1_000
    const id = (0x1000_0000 + index).toString(16)
    return endedRun({
      request_id: isAutopoll ? `auto${id}` : id,
      state,
      operation: isAutopoll ? "autopoll" : "run",
      cause: state === "stopped" ? "request" : state === "interrupted" ? "interrupted" : "exited",
      return_code: state === "failed" ? 1 : state === "stopped" ? 143 : state === "interrupted" ? "unknown" : 0,
      reason: state === "failed" ? "usage limit reached" : null,
      started_at: new Date(beganAt).toISOString(),
      ended_at: new Date(Math.min(now, beganAt + length)).toISOString(),
      duration_ms: length,
      is_autopoll: isAutopoll
    })
  })
}
