/** Goes from run to run of the list. */
import { millisOf } from "../words/time.ts"
import { type ListParts, loadDownTo } from "./loadDownTo.ts"

const startOf = (run: { readonly started_at: string }): number => millisOf(run.started_at) ?? 0

/** Opens the next older (`1`) or newer (`-1`) run, seen from the one that is open, which may not be listed. */
export const stepRun = async (direction: 1 | -1, parts: ListParts): Promise<void> => {
  const { store, show, reveal } = parts
  const { shownRun } = store.state
  const at = millisOf(shownRun?.started_at ?? null) ?? Number.POSITIVE_INFINITY
  // By time: a filter, or a page that is not loaded yet, may lack the run itself.
  await loadDownTo(parts, direction === 1 ? at - 1 : at)
  const { runs } = store.state.history
  const next = direction === 1 ? runs.find((run) => startOf(run) < at) : runs.findLast((run) => startOf(run) > at)
  if (next === undefined) return
  show(next.request_id)
  reveal(next.request_id, true)
}
