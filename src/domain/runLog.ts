/** Names and texts of a run's files: its log, its mirror's journal, the side file with who it is and how it ended. */
import { Schema } from "effect"
import { escapeControls } from "./escapeControls.ts"
import type { ProcessIdentity } from "./processTree.ts"
import { RequestId } from "./RequestId.ts"

/** 128+n for an end by signal n; `unknown` when supervisor and codex are gone and nobody learned the code. */
export type ReturnCode = number | "unknown"

const two = (n: number): string => String(n).padStart(2, "0")

/** `20260213-101112`, local time: for people, order never comes from it. */
const stamp = (date: Date): string => {
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`
}

/** `codex-exec-<local time>-<request id>.log`. */
export const runLogName = (options: { readonly requestId: RequestId; readonly startedAt: Date }): string =>
  `codex-exec-${stamp(options.startedAt)}-${options.requestId}.log`

const logNamePattern = /^codex-exec-\d{8}-\d{6}-(?:auto)?[0-9a-f]{8}\.log$/
const idBegin = "codex-exec-20260213-101112-".length

/** The run's id in a run log's name; not by a match, of which 100,000 names would take twice as long. */
export const requestIdOfRunLog = (name: string): RequestId | undefined =>
  logNamePattern.test(name) ? name.slice(idBegin, -".log".length) : undefined

/** The side file of a run log, beside it. */
export const sideFileOf = (logPath: string): string => logPath.replace(/\.log$/, ".state")

/** The journal of a run log's mirror, beside it. */
export const journalOf = (logPath: string): string => logPath.replace(/(\.log)?$/, ".mirror")

/** The name of the run log that a mirror's journal stands beside. */
export const logOfJournal = (name: string): string | undefined =>
  /^(codex-exec-.*)\.mirror$/.exec(name)?.[1]?.concat(".log")

/** What a journal is called while it is being made. */
export const unfinishedJournalOf = (journalPath: string): string => `${journalPath}.new`

/** Whether a name is that of a journal that was never finished. */
export const isUnfinishedJournal = (name: string): boolean => /^codex-exec-.*\.mirror\.new$/.test(name)

/** The name of the run log that a side file stands beside. */
export const logOfSideFile = (name: string): string | undefined =>
  /^(codex-exec-.*)\.state$/.exec(name)?.[1]?.concat(".log")

/** What every header begins with. */
export const headerStart = "# looper_request_id="

/** What ends a header, and stands nowhere else in it: its values are escaped. */
export const headerEnd = "\n\n"

/** The header of a run log; `command` is shell-quoted already. */
export const runLogHeader = (options: {
  readonly requestId: RequestId
  readonly workspace: string
  readonly command: string
}): string =>
  [
    `${headerStart}${options.requestId}`,
    `# workspace=${escapeControls(options.workspace)}`,
    `# command=${options.command}`,
    "\n"
  ].join("\n")

/** The trailer of a run log. */
export const runLogTrailer = (code: ReturnCode): string => `\n# codex_exec_return_code=${code}\n`

/** The code in a trailer at the very end of a log, whose last bytes are given. */
export const trailerCode = (tail: string): ReturnCode | undefined => {
  const code = /\n# codex_exec_return_code=(\d{1,3}|unknown)\n$/.exec(tail)?.[1]
  return code === undefined || code === "unknown" ? code : Number(code)
}

/** What every trailer begins with. */
export const trailerStart = "\n# codex_exec_return_code="

const Identity = Schema.Struct({ pid: Schema.Int, startTicks: Schema.Int })

/** Who a run is, stored in its side file before codex starts. */
export const RunIdentity = Schema.Struct({
  requestId: RequestId,
  bootId: Schema.String,
  supervisor: Identity,
  codex: Identity,
  workspace: Schema.String,
  startedAtMillis: Schema.Number
})
/** Who a run is; of the two processes only start time and boot tell them from later ones with their pids. */
export interface RunIdentity {
  readonly requestId: RequestId
  readonly bootId: string
  readonly supervisor: ProcessIdentity
  readonly codex: ProcessIdentity
  readonly workspace: string
  /** On the monotonic clock, which all processes of one boot share. */
  readonly startedAtMillis: number
}

/** The first line of a side file, written by Looper when it creates it. */
export const sideFileStart = "starting\n"

const RunIdentityLine = Schema.fromJsonString(RunIdentity)

/** The second line of a side file: the identity as JSON. */
export const sideFileIdentity = (identity: RunIdentity): string => `${Schema.encodeSync(RunIdentityLine)(identity)}\n`

/** What a side file tells. */
export interface SideFile {
  readonly identity: RunIdentity | undefined
  readonly returnCode: number | undefined
  /** The supervisor wrote its trailer too. */
  readonly hasTrailer: boolean
}

/**
 * Reads a side file: `starting`, who the run is, its return code, `done`.
 *
 * **Details** A last line without its newline was cut by a full disk or a crash and does not count.
 */
export const parseSideFile = (text: string): SideFile => {
  const lines = text.split("\n").slice(0, -1)
  const code = lines.find((line) => /^\d{1,3}$/.test(line))
  const identity = lines.find((line) => line.startsWith("{"))
  return {
    identity: identity === undefined ? undefined : decodeIdentity(identity),
    returnCode: code === undefined ? undefined : Number(code),
    hasTrailer: lines.includes("done")
  }
}

const decodeIdentityOption = Schema.decodeUnknownOption(RunIdentityLine)

const decodeIdentity = (line: string): RunIdentity | undefined => {
  const decoded = decodeIdentityOption(line)
  return decoded._tag === "Some" ? decoded.value : undefined
}
