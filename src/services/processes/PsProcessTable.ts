/**
 * The machine's processes where there is no /proc: from ps(1).
 *
 * **Details** ps joins arguments with blanks, so their borders are guessed: a codex TUI whose prompt begins with the
 * word `exec` looks like an exec run. A process' identity is its start in whole seconds. Tested on Linux; macOS is not.
 */
import { execFile, execFileSync } from "node:child_process"
import { Effect, Layer } from "effect"
import type { ProcessIdentity, ProcessRow } from "../../domain/processTree.ts"
import { isSupervisorLine } from "../../domain/supervisor.ts"
import { ProcessTable, signalPid } from "./ProcessTable.ts"

interface PsRow extends ProcessRow {
  readonly uid: number
}

const columns = ["pid=", "ppid=", "pgid=", "sess=", "uid=", "stat=", "lstart=", "command="]
const linePattern = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/

/** Parses a line of `ps -o` with {@link columns}. */
export const parsePsLine = (line: string): PsRow | undefined => {
  const fields = linePattern.exec(line)
  if (fields === null) return undefined
  const [, pid, parentPid, groupId, session, uid, state = "", start = "", command = ""] = fields
  return {
    pid: Number(pid),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    // macOS prints an address here: without sessions, groups must do.
    sessionId: /^\d+$/.test(session ?? "") && session !== "0" ? Number(session) : Number(groupId),
    uid: Number(uid),
    startTicks: Date.parse(`${start} UTC`) / 1_000,
    isDead: state.startsWith("Z"),
    marker: undefined,
    isSupervisor: isSupervisorLine(command),
    argv: command.split(/\s+/)
  }
}

/** The English names of days and months, and room for many processes. */
const options = { env: { PATH: "/bin:/usr/bin", LC_ALL: "C", TZ: "UTC" }, maxBuffer: 64 * 1024 * 1024 }

const ps = (...words: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => {
    execFile("ps", [...words], options, (_error, stdout) => resume(Effect.succeed(stdout.split("\n"))))
  })

const psRows = (...selection: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<PsRow>> =>
  Effect.map(ps(...selection, "-ww", ...columns.flatMap((column) => ["-o", column])), (lines) =>
    lines.flatMap((line) => parsePsLine(line) ?? [])
  )

/** Markers by pid: ps shows the environment behind the command, of processes that it may read. */
const markers: Effect.Effect<ReadonlyMap<number, string>> = Effect.map(
  process.platform === "darwin"
    ? ps("-A", "-E", "-ww", "-o", "pid=", "-o", "command=")
    : ps("axeww", "-o", "pid=,command="),
  (lines) => {
    const found = lines.flatMap((line) => {
      const match = /^\s*(\d+)\s.*\sLOOPER_RUN_ID=((?:auto)?[0-9a-f]{8})(?:\s|$)/.exec(line)
      return match === null ? [] : [[Number(match[1]), match[2] ?? ""] as const]
    })
    return new Map(found)
  }
)

const find = (pid: number): Effect.Effect<PsRow | undefined> => Effect.map(psRows("-p", String(pid)), ([row]) => row)

const isAlive = (identity: ProcessIdentity): Effect.Effect<boolean> =>
  Effect.map(find(identity.pid), (row) => row !== undefined && !row.isDead && row.startTicks === identity.startTicks)

/** When the machine started: a start time from before it names nothing. */
const readBootTime = (): string =>
  execFileSync("ps", ["-p", "1", "-o", "lstart="], { ...options, encoding: "utf8" }).trim()

/** The table over ps(1); working directories are unknown there. */
export const layerPs: Layer.Layer<ProcessTable> = Layer.sync(ProcessTable, () => {
  const uid = process.geteuid?.()
  return ProcessTable.of({
    bootId: readBootTime(),
    self: process.pid,
    scan: Effect.zipWith(psRows("-A"), markers, (rows, found) =>
      rows.map((row) => ({ ...row, marker: found.get(row.pid) }))
    ),
    find: (pid) => Effect.map(find(pid), (row) => (row?.isDead === false ? row : undefined)),
    isAlive,
    argv: (pid) => Effect.map(find(pid), (row) => row?.argv ?? []),
    workingDirectory: () => Effect.succeed(undefined),
    startedAtMillis: ({ startTicks }) => Effect.succeed(startTicks * 1_000),
    isForeign: (pid) => Effect.map(find(pid), (row) => row !== undefined && row.uid !== uid),
    signal: (identity, signal) =>
      Effect.map(isAlive(identity), (isThere) => (isThere ? signalPid(identity.pid, signal) : "gone"))
  })
})
