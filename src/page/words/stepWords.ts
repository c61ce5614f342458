/** A sequence's steps, as far as it came. */
import type { RunDetails } from "../api/answers.ts"
import type { PageState } from "../state/PageState.ts"
import type { Holder } from "./startingBand.ts"
import { millisOf, stepDuration, wholeDuration } from "./time.ts"

/** One line of the list. */
export interface StepLine {
  readonly kind: "ok" | "doing" | "bad" | "todo"
  readonly title: string
  readonly detail: string
  readonly time: string
}

type StepInfo = Holder["steps"][number]
type StepName = StepInfo["step"]
/** How long a sequence waits; nothing is known of one that is over. */
type Waits = Partial<Pick<Holder, "delay_seconds" | "startup_check_seconds">>

/** Steps that come; the others only where somebody asked for them. */
const sequences: Readonly<Record<string, ReadonlyArray<StepName>>> = {
  run: ["preflight", "notify", "kill", "delay", "spawn", "startup_check"],
  spawn: ["preflight", "delay", "spawn", "startup_check"],
  autopoll: ["preflight", "spawn", "startup_check"]
}

/** A start in progress. */
export const startingSteps = (holder: Holder, state: PageState): ReadonlyArray<StepLine> => {
  const done = holder.steps.map((step) => stepLine(step, state, holder))
  const names = new Set(holder.steps.map(({ step }) => step))
  const order = sequences[holder.operation] ?? []
  const last = Math.max(-1, ...[...names].map((name) => order.indexOf(name)))
  const todo = order.slice(last + 1).filter((name) => name !== "delay" || (holder.delay_seconds ?? 0) > 0)
  return [...done, ...todo.map((name) => line("todo", wordsOf(name, state, holder).todo))]
}

/** A start that failed. */
export const failedSteps = (run: RunDetails, state: PageState): ReadonlyArray<StepLine> => {
  const lines = run.steps.map((step) => stepLine(step, state, {}, run.reason ?? ""))
  const isLaunched = run.steps.some(({ step, result }) => step === "spawn" && result === "ok")
  return isLaunched ? lines : [...lines, line("todo", "Not launched")]
}

/** What stands below a start that failed. */
export const failedNote = ({ steps, error }: RunDetails): string => {
  const isAnnounced = steps.some(({ step, result }) => step === "notify" && result === "ok")
  const why =
    error === "survivors_left"
      ? "What outlives SIGKILL waits on the kernel (state D), which no signal ends; usually a disk or network mount."
      : ""
  return [why, isAnnounced ? "The announcement was already sent." : ""].filter(Boolean).join(" ")
}

const line = (kind: StepLine["kind"], title: string, detail = "", time = ""): StepLine => ({
  kind,
  title,
  detail,
  time
})

const stepLine = (info: StepInfo, state: PageState, waits: Waits, reason = ""): StepLine => {
  const words = wordsOf(info.step, state, waits)
  const took = info.duration_ms === null ? "" : stepDuration(info.duration_ms)
  if (info.result === "ok") return line("ok", words.done, info.detail ?? "", took)
  if (info.result !== null) return line("bad", words.doing, info.detail ?? (reason || info.result), took)
  const lasted = Math.max(0, state.nowMillis - (millisOf(info.started_at) ?? state.nowMillis))
  return line("doing", words.doing, "", doingTime(info.step, lasted, waits))
}

const doingTime = (step: StepName, lastedMillis: number, waits: Waits): string => {
  const whole = (step === "delay" ? waits.delay_seconds : step === "startup_check" && waits.startup_check_seconds) || 0
  const lasted = (lastedMillis / 1_000).toFixed(1)
  return whole > 0 && lastedMillis <= whole * 1_000 ? `${lasted} of ${whole} s` : `${lasted} s`
}

interface Words {
  readonly done: string
  readonly doing: string
  readonly todo: string
}

const words = (done: string, doing: string, todo: string): Words => ({ done, doing, todo })

const wordsOf = (step: StepName, { status }: PageState, waits: Waits): Words => {
  switch (step) {
    case "preflight":
      return words("Checked the request", "Checking the request", "Check the request")
    case "notify": {
      const on = status?.defaults.announces_to?.startsWith("stream ") === true ? " on Zulip" : ""
      return words(`Announced${on}`, `Announcing${on}`, `Announce${on}`)
    }
    case "kill":
      return words("Stopped what ran", "Stopping codex exec", "Stop what runs")
    case "delay":
      return words("Waited before launch", "Waiting before launch", "Wait before launch")
    case "spawn":
      return words("Launched codex", "Launching codex", "Launch codex")
    case "startup_check": {
      const seconds = waits.startup_check_seconds ?? 0
      const how = seconds > 0 ? `for ${wholeDuration(seconds)}` : "start"
      return words("Watched it start", `Watching it ${how}`, `Watch it ${how}`)
    }
    case "stop":
      return words("Stopped", "Stopping", "Stop")
  }
}
