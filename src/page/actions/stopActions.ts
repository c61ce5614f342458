/** Stop, keep running, cancel a start. */
import { ApiError } from "../api/ApiError.ts"
import type { Stopped } from "../api/answers.ts"
import type { Context, DoActions } from "./Actions.ts"
import { failureWords } from "./actWords.ts"
import type { Asking } from "./asking.ts"
import { failureMillis, lapseMillis, pressed, settled } from "./stopMachine.ts"

/** Makes them; what was armed lapses by itself. */
export const makeStopActions = (
  { store, api, look }: Context,
  asking: Asking
): Pick<DoActions, "stop" | "keepRunning" | "cancelStart"> => {
  /** The stop was answered; the status need not show it yet. */
  let answeredRunId: string | undefined
  const settle = () => {
    const { stop, status } = store.state
    const liveRunId = status?.run?.request_id
    const isOver = stop.kind === "stopping" && stop.runId === answeredRunId && stop.runId !== liveRunId
    const next = isOver ? ({ kind: "idle" } as const) : settled(stop, liveRunId, api.now())
    if (next !== stop) store.update({ stop: next })
  }
  store.subscribe(settle)

  const send = async (runId: string, processCount: number) => {
    try {
      const { outcome, remaining_codex_exec_pids: remaining } = await api.post<Stopped>(`runs/${runId}/stop`)
      answeredRunId = runId
      if (outcome === "already_ended") asking.tell(`Run ${runId} had ended already; nothing was stopped.`)
      else store.update({ stoppedHere: { runId, processCount, remaining: remaining.length } })
      if (store.state.status === undefined) store.update({ stop: { kind: "idle" } })
      settle()
    } catch (error) {
      const text = failureWords(error, `Run ${runId} was not stopped`, api.now())
      const outlives = error instanceof ApiError && error.code === "survivors_left"
      const lapsesAtMillis = api.now() + failureMillis
      store.update({ stop: { kind: "failed", runId, error: text, outlives, lapsesAtMillis } })
      asking.isUnauthorized(error)
    }
    look?.()
  }

  return {
    stop: () => {
      const { status, stop } = store.state
      const run = status?.run ?? undefined
      if (run === undefined) return
      const next = pressed(stop, { runId: run.request_id, processCount: run.process_count ?? 1 }, api.now())
      if (next === stop) return
      store.update({ stop: next })
      if (next.kind === "armed") setTimeout(settle, lapseMillis + 20)
      else if (next.kind === "stopping") {
        look?.()
        void send(next.runId, next.processCount)
      }
    },
    keepRunning: () => {
      if (store.state.stop.kind === "armed" || store.state.stop.kind === "failed")
        store.update({ stop: { kind: "idle" } })
    },
    cancelStart: () => {
      const id = store.state.status?.holder?.request_id
      if (id === undefined) return
      void asking.once("cancel", async () => {
        try {
          const { outcome, ...pids } = await api.post<Stopped>(`runs/${id}/stop`)
          if (outcome === "already_ended") asking.tell(`Start ${id} was over already; nothing was cancelled.`)
          else {
            const { killed_codex_exec_pids: killed, remaining_codex_exec_pids: remaining } = pids
            store.update({ stoppedHere: { runId: id, processCount: killed.length, remaining: remaining.length } })
            asking.tell(`Cancelled start ${id}.`)
          }
        } catch (error) {
          asking.tell(failureWords(error, `Start ${id} was not cancelled`, api.now()), { isFailure: true })
          asking.isUnauthorized(error)
        }
        look?.()
      })
    }
  }
}
