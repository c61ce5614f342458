/** The band's buttons. */
import { html, nothing, type TemplateResult } from "lit-html"
import type { Actions } from "../actions/Actions.ts"
import type { PageState } from "../state/PageState.ts"
import type { BandButton } from "../words/band.ts"

interface Button {
  readonly words: string
  readonly press: () => void
  readonly isDisabled?: boolean
  readonly isArmed?: boolean
}

const buttonOf = (name: BandButton, state: PageState, actions: Actions): Button => {
  const { stop, pending, connection } = state
  const isTicking = pending.includes("tick")
  switch (name) {
    case "goTo":
      return { words: "Go to it", press: () => actions.showRun(undefined) }
    case "start":
      return { words: "Start…", press: () => actions.openDialog("start"), isDisabled: connection.kind !== "online" }
    case "stop":
      return { words: "Stop", press: actions.stop }
    case "keep":
      return { words: "Keep running", press: actions.keepRunning }
    case "confirmStop":
      return { words: `Stop ${stop.kind === "armed" ? stop.runId : ""}`, press: actions.stop, isArmed: true }
    case "startDefault":
      return { words: "Start default now", press: actions.startDefaultNow, isDisabled: isTicking }
    case "tryTick":
      return { words: "Try now", press: actions.checkNow, isDisabled: isTicking }
    case "tryNow":
      return { words: "Try now", press: actions.tryNow }
    case "cancel":
      return pending.includes("cancel")
        ? { words: "Cancelling…", press: actions.cancelStart, isDisabled: true }
        : { words: "Cancel", press: actions.cancelStart }
    case "resume":
      return { words: "Resume", press: actions.resumeAutopoll, isDisabled: pending.includes("resume") }
  }
}

/** An Enter that is held down is one press: it must not confirm what it armed. */
const onKeyDown = (event: KeyboardEvent) => {
  if (event.repeat && event.key === "Enter") event.preventDefault()
}

const button = (name: BandButton, state: PageState, actions: Actions) => {
  const { words, press, isDisabled = false, isArmed = false } = buttonOf(name, state, actions)
  return html`<button
    type="button"
    class=${isArmed ? "btn arm" : "btn"}
    data-act=${isArmed ? "stop" : name}
    ?disabled=${isDisabled}
    @click=${press}
    @keydown=${onKeyDown}
  >
    ${words}
  </button>`
}

const isStop = (name: BandButton): boolean => name === "stop" || name === "confirmStop"

/** In their order, Stop last: armed it is the element that it was, so that the focus stays on it. */
export const bandButtons = (state: PageState, actions: Actions, names: ReadonlyArray<BandButton>): TemplateResult => {
  const stop = names.find(isStop)
  return html`<div class="act">
    ${names.filter((name) => !isStop(name)).map((name) => button(name, state, actions))}
    ${stop === undefined ? nothing : button(stop, state, actions)}
  </div>`
}
