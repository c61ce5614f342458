/** The band after a run that did not succeed, while nothing runs. */
import type { Run, RunDetails, Status } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import { band, type Band, type BandButton, type Part } from "./band.ts"
import { nextWords } from "./nextWords.ts"
import { endMillis, exitWords, isLimited, limitReason } from "./runWords.ts"
import { age, clock, clockSince } from "./time.ts"

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** After a sentence there is a full stop. */
const sentenceOf = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)

const buttonsFor = ({ autopoll }: Status): ReadonlyArray<BandButton> =>
  autopoll.is_on && autopoll.is_paused ? ["start", "resume"] : ["start", "startDefault"]

/** A run that failed, or was ended. */
export const endedBand = (state: PageState, status: Status, run: Run): Band => {
  const ago = `${age(state.nowMillis - endMillis(run))} ago`
  const buttons = buttonsFor(status)
  if (isLimited(run)) {
    const fact = capital(limitReason(run))
    const rest = `, the limit. ${nextWords(status)}`
    return band({
      tone: "warn",
      mark: "stopped",
      word: "Ended by Looper",
      number: ago,
      sentence: [{ b: fact }, rest],
      said: `${fact}, the limit.`,
      isAlert: true,
      buttons
    })
  }
  if (run.state === "failed") {
    const exit = exitWords(run.return_code)
    const fact = run.reason === null ? "codex failed and did not say why." : `“${run.reason}”`
    return band({
      tone: "bad",
      mark: "failed",
      word: "Failed",
      number: exit === undefined ? ago : `${ago}, ${exit}`,
      sentence: [{ b: fact }, ` Nothing runs. ${nextWords(status, "tries again")}`],
      said: fact,
      isAlert: true,
      buttons
    })
  }
  if (run.state === "interrupted") {
    const wasLaunched = run.pid !== null
    const fact = wasLaunched
      ? "The machine or the run's supervisor went down;"
      : "Looper went down before codex started;"
    const rest = wasLaunched ? "the exit code is unknown" : "nothing was launched"
    return band({
      tone: "warn",
      mark: "interrupted",
      word: "Interrupted",
      number: clockSince(endMillis(run), state.nowMillis),
      sentence: [{ b: fact }, ` ${rest}. ${nextWords(status)}`],
      said: fact,
      isAlert: true,
      buttons
    })
  }
  const [fact, detail] = stopped(state, run)
  return band({
    tone: "calm",
    mark: "stopped",
    word: "Stopped",
    number: ago,
    sentence: [{ b: fact }, `${detail} ${nextWords(status)}`],
    said: fact,
    buttons
  })
}

const stopped = ({ stoppedHere }: PageState, run: Run): readonly [string, string] => {
  const id = run.request_id
  if (stoppedHere?.runId === id) {
    if (run.pid === null) return [`You cancelled run ${id} from this page.`, ""]
    const { processCount, remaining } = stoppedHere
    const left = remaining === 0 ? "none left" : `${remaining} left`
    return [
      `You stopped run ${id} from this page.`,
      ` ${processCount} ${processCount === 1 ? "process" : "processes"} ended, ${left}.`
    ]
  }
  if (run.cause === "replacement") return [`Run ${id} made way for a new start.`, ""]
  if (run.cause === "shutdown") return [`Looper stopped run ${id} as it shut down.`, ""]
  return [run.pid === null ? `Run ${id} was cancelled before codex started.` : `A request stopped run ${id}.`, ""]
}

/** A sequence that ended before its run could work. */
export const notStartedBand = (state: PageState, run: Run): Band => {
  const details = state.lastDetails?.request_id === run.request_id ? state.lastDetails : undefined
  const sentence = notStarted(run, details, state.status?.defaults.announces_to)
  const [fact] = sentence
  return band({
    tone: "bad",
    mark: "failed",
    word: "Not started",
    number: `${age(state.nowMillis - endMillis(run))} ago`,
    sentence,
    said: typeof fact === "object" && "b" in fact ? fact.b : "",
    isAlert: true,
    buttons: ["start"]
  })
}

/** So long a run's band tells of a start that failed beside it, in milliseconds; and so many characters of why. */
const newsMillis = 600_000
const reasonLength = 100

/** A start that failed a short while ago and left an older run alive. */
export const refusedStart = ({ nowMillis }: PageState, run: Run): string | undefined => {
  const endedAt = endMillis(run)
  if (run.state !== "failed" || nowMillis - endedAt > newsMillis) return undefined
  const reason = run.reason ?? ""
  const cut = reason.length <= reasonLength ? reason : `${reason.slice(0, reasonLength - 1)}…`
  return ` A start failed at ${clock(endedAt)}${cut === "" ? "" : `: ${cut}`}.`
}

const notStarted = (
  run: Run,
  details: RunDetails | undefined,
  announcesTo: string | null | undefined
): ReadonlyArray<Part> => {
  const reason = run.reason ?? ""
  if (run.error === "survivors_left") {
    const count = reason.match(/\d+/g)?.length ?? 0
    const who = count === 1 ? "1 process" : `${count === 0 ? "Some" : count} processes`
    return [{ b: `${who} would not die, so nothing was launched.` }, " End them by hand, then start again."]
  }
  if (run.error === "notify_failed") {
    const text = reason.replace(/^failed to send Zulip message: /, "")
    // The API's sentence names Zulip whoever is asked.
    const who = announcesTo === "a webhook" ? "The webhook" : "Zulip"
    return [{ b: `${who} did not take the message, so nothing was stopped.` }, text === "" ? "" : ` ${text}`]
  }
  if (run.cause === "exited" || run.error === "exited_early") return early(run, details)
  return [{ b: reason === "" ? `It failed with ${run.error ?? "an unknown error"}.` : sentenceOf(capital(reason)) }]
}

const early = (run: Run, details: RunDetails | undefined): ReadonlyArray<Part> => {
  const watched = details?.steps.find(({ step }) => step === "startup_check")?.duration_ms
  const lived = run.duration_ms ?? watched ?? undefined
  const after = lived === undefined ? "at once" : `after ${(lived / 1_000).toFixed(1)} s`
  const exit = exitWords(run.return_code)
  const tail = /tail=(.*?)\)?$/s.exec(run.reason ?? "")?.[1] ?? run.reason ?? ""
  return [{ b: `codex ended ${after}${exit === undefined ? "" : ` with ${exit}`}.` }, tail === "" ? "" : ` ${tail}`]
}
