/** Every documented failure of an operation, one tag each; a handler gives each tag its HTTP status. */
import { Schema } from "effect"
import { RequestId } from "./RequestId.ts"
import { ShutdownNotice } from "./shutdownNotice.ts"

/** The `code` of an error's answer. */
export const codeOf = (tag: string): string => tag.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()

/** Where in a run's sequence something happened. */
export const Step = Schema.Literals(["preflight", "notify", "kill", "delay", "spawn", "startup_check"])
/** One of the steps, in the order of a run. */
export type Step = typeof Step.Type

/** What may hold the run lock. */
export const LockOperation = Schema.Literals(["run", "spawn", "kill", "stop", "autopoll"])
/** The operation that took the lock. */
export type LockOperation = typeof LockOperation.Type

/** Who holds the run lock, what it does and since when. */
export const LockHolder = Schema.Struct({
  requestId: RequestId,
  operation: LockOperation,
  step: Step,
  since: Schema.DateTimeUtc,
  /** Of a sequence that launches: how long it waits before that, and how long codex must live. */
  waits: Schema.optionalKey(Schema.Struct({ delaySeconds: Schema.Number, startupCheckSeconds: Schema.Number }))
})
/** The holder; `step` moves on with its sequence. */
export type LockHolder = typeof LockHolder.Type

const Pids = Schema.Array(Schema.Int)

/** Another sequence holds the run lock; this call had no effect. */
export class RunBusy extends Schema.TaggedError<RunBusy>()("RunBusy", { holder: LockHolder }) {
  override get message(): string {
    return "busy: another run is in progress"
  }
}

/** A target lives, and this operation stops nothing; nothing was started. */
export class RunAlive extends Schema.TaggedError<RunAlive>()("RunAlive", { pids: Pids }) {
  override get message(): string {
    return "busy: a codex exec is running"
  }
}

/** An executable (or the interpreter its `#!` line names) is not there; nothing was done. */
export class ToolMissing extends Schema.TaggedError<ToolMissing>()("ToolMissing", { name: Schema.String }) {
  override get message(): string {
    return `required tool is missing from PATH: ${this.name}`
  }
}

/** The workspace is no directory; nothing was done. */
export class WorkspaceNotDirectory extends Schema.TaggedError<WorkspaceNotDirectory>()("WorkspaceNotDirectory", {
  path: Schema.String
}) {
  override get message(): string {
    return `workspace is not a directory: ${this.path}`
  }
}

/** The prompt cannot be one argument of codex, or its file cannot be read; nothing was done. */
export class PromptUnusable extends Schema.TaggedError<PromptUnusable>()("PromptUnusable", {
  /** `codex_prompt`, or the default prompt's file. */
  source: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `prompt is unusable: ${this.source} ${this.reason}`
  }
}

/** Less space is free in the log folder than `LOOPER_MIN_FREE_BYTES` asks for; nothing was done. */
export class DiskSpaceLow extends Schema.TaggedError<DiskSpaceLow>()("DiskSpaceLow", {
  path: Schema.String,
  freeBytes: Schema.Number,
  requiredBytes: Schema.Number
}) {
  override get message(): string {
    return `free space in ${this.path} is ${this.freeBytes} bytes, LOOPER_MIN_FREE_BYTES asks for ${this.requiredBytes}`
  }
}

/** The run log, its side file or its mirror's journal cannot be created; nothing was announced, stopped or launched. */
export class RunLogUnwritable extends Schema.TaggedError<RunLogUnwritable>()("RunLogUnwritable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot create run log ${this.path}: ${this.reason}`
  }
}

/** The message was not (or not provably) delivered; nothing was stopped or launched. */
export class NotifyFailed extends Schema.TaggedError<NotifyFailed>()("NotifyFailed", {
  reason: Schema.String,
  /** Provably not delivered, and the server may take it after so many seconds; left out where that is not so. */
  retryAfterSeconds: Schema.optionalKey(Schema.Number),
  /** It may have arrived: only a text that says so may be sent again. */
  mayBeDelivered: Schema.optionalKey(Schema.Boolean),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `failed to send Zulip message: ${this.reason}`
  }
}

/** Processes outlived SIGKILL or may not be signalled; nothing was launched. */
export class SurvivorsLeft extends Schema.TaggedError<SurvivorsLeft>()("SurvivorsLeft", {
  killedPids: Pids,
  remainingPids: Pids
}) {
  override get message(): string {
    return `codex exec processes survived: ${this.remainingPids.join(", ")}`
  }
}

/** The supervisor could not be started, did not report codex, or who codex is could not be stored; no run is alive. */
export class SpawnFailed extends Schema.TaggedError<SpawnFailed>()("SpawnFailed", {
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `failed to start codex exec: ${this.reason}`
  }
}

/** exec failed, or codex ended with another code than 0 inside its startup check; its log is kept, no run is alive. */
export class ExitedEarly extends Schema.TaggedError<ExitedEarly>()("ExitedEarly", {
  step: Step,
  returnCode: Schema.Union([Schema.Int, Schema.Literal("unknown")]),
  logPath: Schema.String,
  tail: Schema.String
}) {
  override get message(): string {
    return `codex exec exited early (rc=${this.returnCode}, log_path=${this.logPath}, tail=${this.tail})`
  }
}

/** Looper is stopping: a wait of the sequence was cut, or it never began. */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()("ShuttingDown", ShutdownNotice.fields) {
  override get message(): string {
    return "shutting down"
  }
}

/** Somebody stopped this sequence by its id; what it had started is stopped, too. */
export class Cancelled extends Schema.TaggedError<Cancelled>()("Cancelled", { step: Step }) {
  override get message(): string {
    return `cancelled in step ${this.step}`
  }
}

/** No run, alive or ended, has this id. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { id: Schema.String }) {
  override get message(): string {
    const shown = this.id.length > maxShownId ? `${this.id.slice(0, maxShownId)}…` : this.id
    return `no run has the id ${JSON.stringify(shown)}; ids are 8 hex digits, behind auto where autopoll started it`
  }
}

/** Whoever sent more than an id gets not all of it back. */
const maxShownId = 40

/** The database of runs cannot be read now; runs go on. */
export class HistoryUnavailable extends Schema.TaggedError<HistoryUnavailable>()("HistoryUnavailable", {}) {
  override get message(): string {
    return "the history of runs cannot be read now; runs go on"
  }
}

const whyGone = {
  pruned: "was removed by LOOPER_LOG_RETENTION_*",
  lost: "is gone: it was deleted or replaced",
  never_started: "was removed, because codex was never started"
} as const

/** The log of this run is not there. */
export class LogGone extends Schema.TaggedError<LogGone>()("LogGone", {
  requestId: RequestId,
  reason: Schema.Literals(["pruned", "lost", "never_started"])
}) {
  override get message(): string {
    return `the log of run ${this.requestId} ${whyGone[this.reason]}`
  }
}

/** Somebody asks for bytes behind the end of the log; nothing was sent. */
export class OffsetBeyondEnd extends Schema.TaggedError<OffsetBeyondEnd>()("OffsetBeyondEnd", {
  /** `undefined` where a `Range` asked. */
  offset: Schema.UndefinedOr(Schema.Number),
  size: Schema.Number
}) {
  override get message(): string {
    const asked = this.offset === undefined ? "the Range" : `offset ${this.offset}`
    return `${asked} is beyond the end of the log, which has ${this.size} bytes`
  }
}

/** The log ends before bytes that were promised: somebody truncated it; those before `offset` were given. */
export class LogTruncated extends Schema.TaggedError<LogTruncated>()("LogTruncated", {
  requestId: RequestId,
  offset: Schema.Number,
  end: Schema.Number
}) {
  override get message(): string {
    return `the log of run ${this.requestId} was truncated: it ends at byte ${this.offset}, not ${this.end}`
  }
}
