/** Everything the page shows, but the log's own lines. Times are milliseconds on the server's clock. */
import { emptyForm, type StartForm } from "../actions/formState.ts"
import type { Run, RunDetails, RunsPage, Status } from "../api/answers.ts"

/** How the page and its Looper stand. */
export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "online" }
  | {
      readonly kind: "unreachable"
      readonly sinceMillis: number
      readonly nextTryMillis: number
      /** It said that it ends the run before it went. */
      readonly hasEndedRun?: boolean | undefined
    }
  | { readonly kind: "unauthorized"; readonly isRefused: boolean; readonly notBeforeMillis: number | undefined }
  | { readonly kind: "forbidden"; readonly error: string }
  | { readonly kind: "shuttingDown"; readonly deadlineMillis: number | undefined; readonly leavesRun: boolean }

/** A filter of the history. */
export type HistoryFilter = "all" | "failed" | "stopped" | "auto"

/** The part of the history that is loaded, newest first. */
export interface History {
  readonly filter: HistoryFilter
  readonly runs: ReadonlyArray<Run>
  readonly counts: RunsPage["counts"]
  /** Asks for the older ones; `null` where there are none, `undefined` before the first answer. */
  readonly nextCursor: string | null | undefined
  readonly isLoading: boolean
  readonly error: string | undefined
}

/** What the Stop button is up to. */
export type StopState =
  | { readonly kind: "idle" }
  /** Deaf until then: the second half of a double click. */
  | {
      readonly kind: "armed"
      readonly runId: string
      readonly deafUntilMillis: number
      readonly lapsesAtMillis: number
    }
  | { readonly kind: "stopping"; readonly runId: string; readonly sinceMillis: number; readonly processCount: number }
  /** `outlives`: what it left alive is told also after the run. */
  | {
      readonly kind: "failed"
      readonly runId: string
      readonly error: string
      readonly outlives: boolean
      readonly lapsesAtMillis: number
    }

/** A run that this page stopped, and what the answer said. */
export interface StoppedHere {
  readonly runId: string
  readonly processCount: number
  readonly remaining: number
}

/** What the log pane tells the rest of the page. */
export interface LogFacts {
  /** The command that codex runs just now, by the log's last lines. */
  readonly command: string | undefined
  /** `broken`: the stream broke off and is opened again. */
  readonly stream: "none" | "open" | "broken" | "ended"
  readonly isFollowing: boolean
}

/** Which dialog is open. */
export type DialogKind = "none" | "start" | "announce" | "keys" | "prompt" | "goTo"

/** What was asked of Looper by a button, and is not answered yet. */
export type Pending = "cancel" | "tick" | "pause" | "resume" | "token"

/** What somebody chose for this browser. */
export interface Settings {
  readonly theme: "system" | "light" | "dark"
  /** Single letters are commands. */
  readonly hasKeys: boolean
}

/** The page's state. */
export interface PageState {
  /** The server's clock; ticks. */
  readonly nowMillis: number
  readonly connection: Connection
  /** The newest answer of `GET /status`, and when it came. */
  readonly status: Status | undefined
  readonly statusAtMillis: number
  readonly history: History
  /** Newest 44 runs of the whole history, newest first: the chart, and what ended last. */
  readonly recent: ReadonlyArray<Run>
  /** Steps and times of the run that ended last, where it was never started. */
  readonly lastDetails: RunDetails | undefined
  /** `?run=`; `undefined`: the page shows the newest. */
  readonly pinnedRunId: string | undefined
  /** The run whose log is open. */
  readonly shownRun: Run | undefined
  /** The prompt of a run, as its log's header has it: `undefined` before it was read. */
  readonly prompt: { readonly runId: string; readonly text: string | undefined } | undefined
  /** Why the run that the address names is not shown. */
  readonly missingRun: string | undefined
  /** A new run has started while somebody read another one's log. */
  readonly newerRunId: string | undefined
  readonly log: LogFacts
  readonly stop: StopState
  readonly stoppedHere: StoppedHere | undefined
  readonly dialog: DialogKind
  readonly form: StartForm
  readonly pending: ReadonlyArray<Pending>
  readonly settings: Settings
  /** One line about what a button did, for those that have no place of their own. */
  readonly notice: string | undefined
  /** What is seen where the screen is narrow. */
  readonly tab: "log" | "runs"
}

/** Before anything is known. */
export const initialState: PageState = {
  nowMillis: 0,
  connection: { kind: "connecting" },
  status: undefined,
  statusAtMillis: 0,
  history: { filter: "all", runs: [], counts: undefined, nextCursor: undefined, isLoading: false, error: undefined },
  recent: [],
  lastDetails: undefined,
  pinnedRunId: undefined,
  shownRun: undefined,
  prompt: undefined,
  missingRun: undefined,
  newerRunId: undefined,
  log: { command: undefined, stream: "none", isFollowing: false },
  stop: { kind: "idle" },
  stoppedHere: undefined,
  dialog: "none",
  form: emptyForm,
  pending: [],
  settings: { theme: "system", hasKeys: true },
  notice: undefined,
  tab: "log"
}

/** What only a token lets see, and is not seen without it; forms keep their texts. */
export const nothingSeen = (): Partial<PageState> => {
  const { status, statusAtMillis, history, recent, lastDetails, shownRun, newerRunId, prompt } = initialState
  const { missingRun } = initialState
  const { log, stop, stoppedHere, notice } = initialState
  return {
    status,
    statusAtMillis,
    history,
    recent,
    lastDetails,
    shownRun,
    missingRun,
    newerRunId,
    prompt,
    log,
    stop,
    stoppedHere,
    notice
  }
}
