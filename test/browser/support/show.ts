/** Makes the fake Looper what a state says. */
import { FakeLog } from "./FakeLog.ts"
import type { FakeLooper } from "./FakeLooper.ts"
import { now } from "./mockTime.ts"
import { olderRuns } from "./runs.ts"
import type { State } from "./states.ts"

/** Its clock stands still from here on. */
export const show = (looper: FakeLooper, state: Pick<State, "nowMillis" | "status" | "runs" | "isWhole" | "log">) => {
  looper.nowMillis = state.nowMillis ?? now
  looper.status = state.status
  const [newest] = state.runs
  // None of them overlaps with those of the state.
  const before = state.runs.at(-1)?.started_at ?? ""
  const older = state.isWhole === true ? [] : olderRuns(60).filter(({ ended_at }) => (ended_at ?? "") < before)
  looper.runs = [...state.runs, ...older]
  if (newest === undefined || state.log === undefined) return
  const log = new FakeLog(state.log)
  looper.logs.set(newest.request_id, log)
  if (newest.ended_at !== null)
    log.finish({ state: newest.state, return_code: newest.return_code, cause: newest.cause })
}
