/** Stop by a second click: armed by the first, deaf to the second half of a double click, and not for long. */
import type { StopState } from "../state/PageState.ts"

/** A double click's second half comes within this time. */
const deafMillis = 400
/** Who does not confirm until then keeps it running. */
export const lapseMillis = 5_000
/** Why a stop failed is told for so long, unless something outlived it. */
export const failureMillis = 30_000

/** A press of Stop, with the run that is shown beside it. */
export const pressed = (
  stop: StopState,
  run: { readonly runId: string; readonly processCount: number },
  nowMillis: number
): StopState => {
  if (stop.kind === "stopping") return stop
  const isArmed = stop.kind === "armed" && stop.runId === run.runId && nowMillis < stop.lapsesAtMillis
  if (!isArmed) {
    const { runId } = run
    return { kind: "armed", runId, deafUntilMillis: nowMillis + deafMillis, lapsesAtMillis: nowMillis + lapseMillis }
  }
  return nowMillis < stop.deafUntilMillis ? stop : { kind: "stopping", sinceMillis: nowMillis, ...run }
}

/** As time goes on and runs come and go: what was armed for another run, or long ago, is not armed. */
export const settled = (stop: StopState, liveRunId: string | undefined, nowMillis: number): StopState => {
  if (stop.kind === "armed") return stop.runId === liveRunId && nowMillis < stop.lapsesAtMillis ? stop : idle
  if (stop.kind !== "failed") return stop
  if (stop.runId === liveRunId) return stop.outlives || nowMillis < stop.lapsesAtMillis ? stop : idle
  // What a run left behind outlives it; only the next run is another matter. Any other failure ends with the run.
  return stop.outlives && liveRunId === undefined ? stop : idle
}

const idle: StopState = { kind: "idle" }
