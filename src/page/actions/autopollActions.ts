/** A tick now, pause and resume. */
import type { Spawned, Ticked } from "../api/answers.ts"
import type { Context, DoActions } from "./Actions.ts"
import { failureWords, tickWords } from "./actWords.ts"
import type { Asking } from "./asking.ts"

/** Makes them. */
export const makeAutopollActions = (
  { api, look }: Context,
  asking: Asking
): Pick<DoActions, "startDefaultNow" | "checkNow" | "pauseAutopoll" | "resumeAutopoll"> => {
  const ask = (name: "tick" | "pause" | "resume", failure: string, task: () => Promise<string>) =>
    void asking.once(name, async () => {
      try {
        asking.tell(await task())
      } catch (error) {
        asking.tell(failureWords(error, failure, api.now()), { isFailure: true })
        asking.isUnauthorized(error)
      }
      look?.()
    })
  const tick = () =>
    ask("tick", "Nothing was started", async () => {
      look?.()
      return tickWords(await api.post<Ticked>("autopoll/tick"))
    })
  const set = (name: "pause" | "resume", words: string) =>
    ask(name, `Autopoll was not ${name}d`, async () => {
      await api.post(`autopoll/${name}`)
      return words
    })
  return {
    startDefaultNow: () =>
      ask("tick", "Nothing was started", async () => {
        look?.()
        const { request_id: id } = await api.post<Spawned>("spawn", {})
        return `Started run ${id}.`
      }),
    checkNow: tick,
    pauseAutopoll: () => set("pause", "Autopoll is paused: nothing starts by itself until it is resumed."),
    resumeAutopoll: () => set("resume", "Autopoll goes on.")
  }
}
