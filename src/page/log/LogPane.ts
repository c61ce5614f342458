/** One run's log: its tools, its lines, its foot. */
import type { Run } from "../api/answers.ts"
import type { LooperApi } from "../api/LooperApi.ts"
import type { LogFacts } from "../state/PageState.ts"
import { Pane } from "./Pane.ts"

/** What the pane needs of the page around it. */
export interface LogPaneOptions {
  readonly api: LooperApi
  /** Something that the page shows elsewhere has changed. */
  readonly onFacts: (facts: LogFacts) => void
  /** What is marked has changed; `undefined`: nothing is any more. */
  readonly onMark: (runId: string, place: LogPlace | undefined) => void
  /** The stream said so: the run has ended. */
  readonly onRunEnded: (runId: string) => void
  /** The stream said so: Looper stops. */
  readonly onShutdown: (shutdown: { readonly deadlineMillis: number | undefined; readonly leavesRun: boolean }) => void
  /** Somebody wants the whole prompt. */
  readonly onPrompt: () => void
  /** A request was answered 401. */
  readonly onUnauthorized: () => void
}

/** Bytes of a log that a link points at; `end` is exclusive, of the last line meant. */
export interface LogPlace {
  readonly start: number
  readonly end: number | undefined
}

/** What keys and buttons of the page can ask of the pane. */
export type LogCommand =
  | "find"
  | "nextMatch"
  | "previousMatch"
  | "follow"
  | "top"
  | "end"
  | "nextError"
  | "previousError"
  | "nextMessage"
  | "previousMessage"
  | "wrap"
  | "link"

/** Owns its element: whoever places it never renders into it. */
export interface LogPane {
  readonly element: HTMLElement
  /** Opens a run's log; for the run that is open it only takes what is new of it (it ended, its log was pruned). */
  show(run: Run | undefined, place?: LogPlace): void
  do(command: LogCommand): void
  /** Scrolls by a key that nobody else took. */
  take(event: KeyboardEvent): void
  /** Looper answers again, or does not: the stream is opened again at once, or waits. */
  setReachable(isReachable: boolean): void
}

/** One for the page; it shows nothing until it is told what. */
export const makeLogPane = (options: LogPaneOptions): LogPane => new Pane(options)
