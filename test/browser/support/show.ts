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
  looper.runs = [...state.runs, ...(state.isWhole === true ? [] : olderRuns(60))]
  const [newest] = state.runs
  if (newest === undefined || state.log === undefined) return
  const log = new FakeLog(state.log)
  looper.logs.set(newest.request_id, log)
  if (newest.ended_at !== null)
    log.finish({ state: newest.state, return_code: newest.return_code, cause: newest.cause })
}
