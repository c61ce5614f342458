/** What is remembered of a run, and which state an end means. */
import { Schema } from "effect"
import { Step } from "./errors.ts"
import { RequestId } from "./RequestId.ts"
import { type ReturnCode, RunIdentity } from "./runLog.ts"

/** `starting` until codex was let go; `interrupted`: nobody learned how, or whether, it ended by itself. */
export const RunState = Schema.Literals(["starting", "running", "succeeded", "failed", "stopped", "interrupted"])
/** `starting` and `running` are unended, the other four final. */
export type RunState = typeof RunState.Type

/** A limit of a run, by the end of its variable's name. */
export const LimitName = Schema.Literals(["max_seconds", "max_silent_seconds", "max_log_bytes"])
/** `CODEX_EXEC_MAX_SECONDS`, `CODEX_EXEC_MAX_SILENT_SECONDS` or `CODEX_EXEC_MAX_LOG_BYTES`. */
export type LimitName = typeof LimitName.Type

/** Why a run is stopped. */
export const StopCause = Schema.Literals(["request", "replacement", "shutdown", ...LimitName.literals])
/** Who asked for a stop, or which limit did. */
export type StopCause = typeof StopCause.Type

/** Why a run ended: by itself, because somebody stopped it, or not at all as far as anybody knows. */
export const EndCause = Schema.Literals(["exited", "not_started", "interrupted", ...StopCause.literals])
/** A {@link StopCause}, or how a run ended that nobody stopped. */
export type EndCause = typeof EndCause.Type

/** What may start a run. */
export const RunOperation = Schema.Literals(["run", "spawn", "autopoll"])
/** The operation that started a run. */
export type RunOperation = typeof RunOperation.Type

/** One step of a run's sequence: written before its effect, completed after it. */
export const RunStep = Schema.Struct({
  step: Schema.Literals([...Step.literals, "stop"]),
  /** Milliseconds since the epoch. */
  startedAtMillis: Schema.Number,
  /** `undefined` while it is under way, or where Looper died in it. */
  endedAtMillis: Schema.UndefinedOr(Schema.Number),
  /** `ok`, or the error's tag. */
  result: Schema.UndefinedOr(Schema.String),
  /** What it came to, one line; `undefined` where there is nothing to say of it. */
  detail: Schema.UndefinedOr(Schema.String)
})
/** A step with its times, in milliseconds since the epoch, and its result. */
export type RunStep = typeof RunStep.Type

/** One run, alive or ended. */
export const RunRecord = Schema.Struct({
  requestId: RequestId,
  state: RunState,
  /** `undefined` where only its log is left, unless its id says it. */
  operation: Schema.UndefinedOr(RunOperation),
  /** `undefined` while it lives. */
  cause: Schema.UndefinedOr(EndCause),
  /** `undefined` while it lives, and where codex never started. */
  returnCode: Schema.UndefinedOr(Schema.Union([Schema.Int, Schema.Literal("unknown")])),
  /** Tag of the failure that kept codex from being started. */
  error: Schema.UndefinedOr(Schema.String),
  /** Why it failed or which limit ended it, one line; `undefined` for every other end. */
  reason: Schema.UndefinedOr(Schema.String),
  /** Milliseconds since the epoch. */
  startedAtMillis: Schema.Number,
  endedAtMillis: Schema.UndefinedOr(Schema.Number),
  /** How long codex lived, on the monotonic clock; `undefined` while it lives or where nobody knows. */
  durationMillis: Schema.UndefinedOr(Schema.Number),
  workspace: Schema.String,
  logPath: Schema.String,
  /** Size of the complete log. */
  logBytes: Schema.UndefinedOr(Schema.Number),
  /** The log is gone: retention removed it, or found it gone. */
  isLogPruned: Schema.Boolean,
  identity: Schema.UndefinedOr(RunIdentity)
})
/** One run's record; what is not known yet, or never will be, is `undefined`. */
export type RunRecord = typeof RunRecord.Type

/** How a run that was let go ended. */
export interface RunEnding {
  readonly returnCode: ReturnCode
  /** Who was stopping it. */
  readonly stoppedBy: StopCause | undefined
}

/** The state and cause that an end means; the return code stays beside them. */
export const endState = ({
  returnCode,
  stoppedBy
}: RunEnding): { readonly state: RunState; readonly cause: EndCause } => {
  if (stoppedBy !== undefined) return { state: "stopped", cause: stoppedBy }
  if (returnCode === "unknown") return { state: "interrupted", cause: "interrupted" }
  return { state: returnCode === 0 ? "succeeded" : "failed", cause: "exited" }
}

/** Is its state final? */
export const isEnded = ({ endedAtMillis }: RunRecord): boolean => endedAtMillis !== undefined

/** A log is kept of what was started; of one whose record was lost, too. */
export const hasLog = (run: Pick<RunRecord, "endedAtMillis" | "identity" | "logBytes">): boolean =>
  run.endedAtMillis === undefined || run.identity !== undefined || run.logBytes !== undefined

/** A part of the history, newest first. */
export interface RunsQuery {
  /** Of any state where there is none. */
  readonly states: ReadonlyArray<RunState> | undefined
  /** Only those that autopoll started, only the others, or all. */
  readonly isAutopoll: boolean | undefined
  /** Only older ones. */
  readonly before: { readonly startedAtMillis: number; readonly requestId: RequestId } | undefined
  /** Only those that started before this time, in milliseconds since the epoch. */
  readonly startedBeforeMillis?: number | undefined
  readonly limit: number
}

/** How many runs there are, those that live among them. */
export interface RunCounts {
  readonly byState: Readonly<Record<RunState, number>>
  /** Started by autopoll. */
  readonly autopoll: number
}

/** Did a tick start it? Its id says so. */
export const isAutopollRun = (requestId: string): boolean => requestId.startsWith("auto")
