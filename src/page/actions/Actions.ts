/** What buttons and keys do; each changes the state, and none throws: what fails is told in the state. */
import type { LooperApi } from "../api/LooperApi.ts"
import type { DialogKind, HistoryFilter, PageState, Settings } from "../state/PageState.ts"
import type { Store } from "../state/Store.ts"
import type { FormTexts } from "./formState.ts"

/** What every action works on. */
export interface Context {
  readonly store: Store<PageState>
  readonly api: LooperApi
  /** Something was asked of Looper just now: the status is looked at soon, and often for a while. */
  readonly look?: () => void
}

/** Reading: what is shown. */
export interface ViewActions {
  /** `undefined`: the newest, and from then on whichever is the newest. */
  showRun(runId: string | undefined): void
  setFilter(filter: HistoryFilter): void
  loadOlder(): void
  /** The next older (`1`) or newer (`-1`) run of the list. */
  stepRun(direction: 1 | -1): void
  /** Jumps to a run by (the start of) its id, or to a date; the answer says what there is not. */
  goTo(text: string): Promise<string | undefined>
  setTab(tab: PageState["tab"]): void
  /** Asks again now, where Looper did not answer. */
  tryNow(): void
}

/** Acting: what changes something. */
export interface DoActions {
  openDialog(dialog: DialogKind): void
  closeDialog(): void
  /** What is typed into the start dialog; `undefined`: the default again. */
  editForm(texts: Partial<FormTexts>): void
  /** Sends what the open tab of the start dialog says. */
  submitForm(): void
  /** The first call arms, the second stops. */
  stop(): void
  keepRunning(): void
  /** Ends the sequence in progress. */
  cancelStart(): void
  /** Starts the default prompt, whatever autopoll would say. */
  startDefaultNow(): void
  /** One tick, whatever backoff says: starts the default prompt where nothing else speaks against it. */
  checkNow(): void
  pauseAutopoll(): void
  resumeAutopoll(): void
  enterToken(token: string): void
  setSettings(settings: Partial<Settings>): void
  dropNotice(): void
}

/** Everything. */
export type Actions = ViewActions & DoActions
