/** Jumps to a run by its id or a time, however old it is. */
import { ApiError } from "../api/ApiError.ts"
import type { RunDetails, RunsPage } from "../api/answers.ts"
import { targetOf } from "../state/historyPages.ts"
import { fullTime, millisOf } from "../words/time.ts"
import { type ListParts, loadDownTo } from "./loadDownTo.ts"

/** Opens the run; the answer says what there is not. */
export const goTo = async (text: string, parts: ListParts): Promise<string | undefined> => {
  const { store, api, show, reveal } = parts
  const open = async (run: { readonly request_id: string; readonly started_at: string }) => {
    show(run.request_id)
    await loadDownTo(parts, millisOf(run.started_at) ?? 0)
    reveal(run.request_id)
  }
  const openId = async (id: string): Promise<string | undefined> => {
    try {
      await open((await api.get<{ readonly run: RunDetails }>(`runs/${id}`)).run)
      return undefined
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return `There is no run ${id}.`
      throw error
    }
  }
  const openBefore = async (millis: number): Promise<string | undefined> => {
    const { runs } = await api.get<RunsPage>(`runs?limit=1&before=${new Date(millis).toISOString()}`)
    const [run] = runs
    if (run === undefined) return `No run started before ${fullTime(millis).split(",").slice(0, 2).join(",")}.`
    await open(run)
    return undefined
  }
  const target = targetOf(text, api.now())
  if (target === undefined) return "That is neither a run's id nor a date such as 2026-11-22 or 13:57."
  try {
    if (target.kind === "time") return await openBefore(target.beforeMillis)
    if (target.isWhole) return await openId(target.id)
  } catch (error) {
    return error instanceof Error ? `${error.message}.` : String(error)
  }
  const run = store.state.history.runs.find(({ request_id }) => request_id.startsWith(target.id))
  if (run === undefined) return `No run of those that are loaded begins with ${target.id}.`
  await open(run)
  return undefined
}
