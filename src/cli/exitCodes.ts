/** How `looper` ends: the codes are stable, scripts rely on them. */
import { Schema } from "effect"

/** Every exit code but those of a run that was waited for. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  busy: 3,
  unreachable: 4,
  unauthorized: 5,
  /** `run --wait` and `spawn --wait`, whose other codes are the run's. */
  looperFailed: 125,
  interrupted: 130,
  terminated: 143
} as const

/** What each code means, for the documentation. */
export const exitCodeMeanings: ReadonlyArray<readonly [number, string]> = [
  [exitCodes.ok, "done; for `doctor`: every check passed, warnings aside"],
  [exitCodes.failed, "the operation failed, or its answer is not Looper's"],
  [exitCodes.usage, "a flag, an argument or a value is wrong; nothing was done (also HTTP 400, 413, 415 and 422)"],
  [exitCodes.busy, "refused because of what is in progress (HTTP 409; `invoke`: a Looper holds the log folder)"],
  [exitCodes.unreachable, "no answer from `LOOPER_URL`"],
  [exitCodes.unauthorized, "the token is missing or wrong, or this is not allowed (HTTP 401, 403)"],
  [
    exitCodes.looperFailed,
    "with `--wait`: what is otherwise 1, 3, 4 or 5, or a run whose code nobody knows; every other code is the run's own"
  ],
  [exitCodes.interrupted, "Ctrl-C; a run that was waited for goes on"],
  [exitCodes.terminated, "SIGTERM, likewise"]
]

/** The exit code of an answer with this HTTP status. */
export const exitCodeOfStatus = (status: number): number => {
  if (status < 400) return exitCodes.ok
  if (status === 409) return exitCodes.busy
  if (status === 401 || status === 403) return exitCodes.unauthorized
  return [400, 413, 415, 422].includes(status) ? exitCodes.usage : exitCodes.failed
}

/** A command ends with this exit code; what it has to say about that goes to stderr as one line. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  exitCode: Schema.Int,
  /** `undefined` where all is said. */
  sentence: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    return this.sentence ?? ""
  }
}

/** A failure with its sentence. */
export const failed = (exitCode: number, sentence: string) => new CommandFailed({ exitCode, sentence })

/** Ends with a code without another word. */
export const ended = (exitCode: number) => new CommandFailed({ exitCode, sentence: undefined })
