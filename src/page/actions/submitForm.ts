/** Sends what the start dialog asks for, and closes it once that is seen. */
import { ApiError, isUnanswered } from "../api/ApiError.ts"
import type { Announced, Planned } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import type { Context } from "./Actions.ts"
import type { Asking } from "./asking.ts"
import { alivePids, type Attempt, isToldByBand, problemOf } from "./formProblem.ts"
import type { StartForm } from "./formState.ts"
import { rememberTexts, rememberUnanswered } from "./remembered.ts"
import { announcement, keyFor, type Submission, start, unseenOf, type Victim } from "./startForm.ts"

/** `crypto.randomUUID` is only there over TLS or on this machine. */
const drawKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

const isOpen = ({ dialog }: PageState): boolean => dialog === "start" || dialog === "announce"

/** The dialog's button. */
export const makeSubmitForm = (context: Context, asking: Asking): (() => void) => {
  const { store, api } = context
  /** The request that is on its way, and who held the lock before it. */
  let sent: { readonly holderBefore: string | undefined } | undefined
  const edit = (form: Partial<StartForm>) => {
    store.update({ form: { ...store.state.form, ...form } })
    if ("unanswered" in form) rememberUnanswered(form.unanswered)
  }
  const close = () => {
    if (isOpen(store.state)) store.update({ dialog: "none" })
  }

  // A sequence takes as long as it takes, and is Looper's: once it is seen, the dialog has nothing to say.
  store.subscribe(({ status }) => {
    const holder = status?.holder ?? undefined
    if (sent === undefined || holder === undefined || holder.request_id === sent.holderBefore) return
    if (holder.operation !== "autopoll" && holder.operation !== "stop") close()
  })

  /** Nobody's run ends unseen, or for the sake of a start that is refused: first only the question. */
  const askFirst = async (body: object, victim: Victim) => {
    const plan = await api.post<Planned>("run", { ...body, zulip_message: "dry run", dry_run: true })
    const unseen = unseenOf(victim, plan.codex_exec_pids)
    if (unseen.length > 0) throw new ApiError(409, { code: "run_alive", pids: unseen })
    // Some of whom were shown may be gone by now.
    return victim.others.some((pid) => plan.codex_exec_pids.includes(pid))
  }

  const request = async (submission: Exclude<Submission, { kind: "refused" }>, tellStep: (step: Attempt) => void) => {
    const { kind, body } = submission
    if (kind === "announce") {
      const { zulip_output: output } = await api.post<Announced>("notify", body)
      return asking.tell(`Announced. ${output}`)
    }
    context.look?.()
    if (kind === "run") {
      const text = JSON.stringify(body)
      const key = keyFor(text, store.state.form.unanswered, drawKey)
      edit({ unanswered: { body: text, key } })
      await api.post("run", body, key)
    } else {
      const { victim } = submission
      if (victim !== undefined) {
        const hasOthers = await askFirst(body, victim)
        tellStep({ kind: "kill", hasStopped: false, hasVictim: true })
        await (victim.run === undefined || hasOthers ? api.post("kill") : api.post(`runs/${victim.run.id}/stop`))
        tellStep({ kind: "spawn", hasStopped: true, hasVictim: false })
      }
      await api.post("spawn", body)
    }
  }

  const fail = (error: unknown, attempt: Attempt, dialog: "start" | "announce") => {
    const problem = problemOf(error, attempt, api.now())
    const { form } = store.state
    const alsoAlive = [...new Set([...form.alsoAlive, ...alivePids(error)])]
    edit({ isSending: false, problem, alsoAlive, ...(!isUnanswered(error) && { unanswered: undefined }) })
    context.look?.()
    if (asking.isUnauthorized(error) || isOpen(store.state)) return
    if (isToldByBand(error, attempt)) return edit({ problem: undefined })
    // Closed, because another's sequence was taken for this one, or by hand: the text is as it was.
    if (store.state.dialog === "none" && !isUnanswered(error)) store.update({ dialog })
    else asking.tell(problem.text, { isFailure: true })
  }

  const send = async (submission: Exclude<Submission, { kind: "refused" }>) => {
    const dialog = submission.kind === "announce" ? "announce" : "start"
    const hasVictim = submission.kind !== "announce" && submission.victim !== undefined
    let attempt: Attempt = { kind: submission.kind, hasStopped: false, hasVictim }
    sent = submission.kind === "announce" ? undefined : { holderBefore: store.state.status?.holder?.request_id }
    edit({ isSending: true, problem: undefined })
    try {
      await request(submission, (step) => {
        attempt = step
      })
      sent = undefined
      edit({ isSending: false, unanswered: undefined, alsoAlive: [] })
      close()
      context.look?.()
    } catch (error) {
      sent = undefined
      fail(error, attempt, dialog)
    }
  }

  return () => {
    const { form, status, dialog } = store.state
    if (form.isSending || status === undefined || !isOpen(store.state)) return
    rememberTexts(form)
    const submission = dialog === "announce" ? announcement(form) : start(form, status)
    if (submission.kind === "refused") edit({ problem: submission.problem })
    else void send(submission)
  }
}
