/** Reads single entries of /proc; whatever cannot be read belongs to a process that is gone or not ours to see. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from "node:fs"

/** The fields of /proc/PID/stat that Looper needs (proc_pid_stat(5)). */
export interface ProcStat {
  readonly pid: number
  readonly command: string
  readonly state: string
  /** It has neither arguments nor environment. */
  readonly isKernelThread: boolean
  readonly parentPid: number
  readonly groupId: number
  readonly sessionId: number
  /** Page faults that needed no disk. */
  readonly faults: number
  readonly startTicks: number
}

let buffer = Buffer.allocUnsafe(64 * 1024)

/** One reused buffer and no promises: a scan of /proc costs a fifth of what `fs/promises` costs. */
const read = (path: string): Buffer | undefined => {
  let fd: number
  try {
    fd = openSync(path, "r")
  } catch (error) {
    // Out of descriptors or memory says nothing about the process: it must not pass for gone.
    if (/^(?:EMFILE|ENFILE|ENOMEM)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error
    return undefined
  }
  try {
    let length = readSync(fd, buffer)
    // A file of /proc ends where a read gives less than was asked for.
    while (length === buffer.length) {
      buffer = Buffer.concat([buffer], buffer.length * 2)
      length += readSync(fd, buffer, length, buffer.length - length, null)
    }
    return buffer.subarray(0, length)
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** PF_KTHREAD of the kernel's include/linux/sched.h; an exec clears it. */
const kernelThreadFlag = 0x0020_0000

/**
 * Parses one line of /proc/PID/stat.
 *
 * **Details** The name stands between the first `(` and the LAST `)`: it may hold both, and blanks.
 */
export const parseStat = (text: string): ProcStat | undefined => {
  const open = text.indexOf("(")
  const close = text.lastIndexOf(")")
  if (open < 0 || close < open) return undefined
  const fields = text.slice(close + 2).split(" ")
  const stat = {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 1, close),
    state: fields[0] ?? "",
    isKernelThread: (Number(fields[6]) & kernelThreadFlag) !== 0,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    faults: Number(fields[7]),
    startTicks: Number(fields[19])
  }
  return Number.isInteger(stat.pid) && Number.isInteger(stat.startTicks) ? stat : undefined
}

/** A zombie, or one that is being removed. */
export const isDead = (stat: ProcStat): boolean => stat.state === "Z" || stat.state === "X"

/** The pids in /proc, the highest first. */
export const readPids = (): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => b - a)

/** /proc/PID/stat as it is; undefined where the process is gone. Throws out of descriptors or memory. */
export const readStatLine = (pid: number): string | undefined => read(`/proc/${pid}/stat`)?.toString("latin1")

/** The fields of {@link readStatLine}. */
export const readStat = (pid: number): ProcStat | undefined => {
  const line = readStatLine(pid)
  return line === undefined ? undefined : parseStat(line)
}

/** The arguments of a process; none for a kernel thread, a zombie or a process that is gone. */
export const readArgv = (pid: number): ReadonlyArray<string> => {
  const text = read(`/proc/${pid}/cmdline`)
  if (text === undefined || text.length === 0) return []
  const words = text.toString("utf8").split("\0")
  if (words.at(-1) === "") words.pop()
  return words
}

const markerPattern = /(?:^|\0)LOOPER_RUN_ID=((?:auto)?[0-9a-f]{8})\0/

/**
 * The environment with which a process was started; undefined where it is gone or not to be seen.
 *
 * **Details** Empty also in the middle of an exec (environ_read in the kernel's fs/proc/base.c: `env_end` is not set
 * yet).
 */
export const readEnvironment = (pid: number): string | undefined => read(`/proc/${pid}/environ`)?.toString("latin1")

/** The run id that an environment holds. */
export const markerIn = (environment: string): string | undefined =>
  environment.includes("LOOPER_RUN_ID=") ? markerPattern.exec(environment)?.[1] : undefined

/** The run id in the environment with which a process was started. */
export const readMarker = (pid: number): string | undefined => markerIn(readEnvironment(pid) ?? "")

/** Where a process works, without links; undefined where it is gone or not to be seen. */
export const readWorkingDirectory = (pid: number): string | undefined => readLink(`/proc/${pid}/cwd`)

/** Whose a process is, and how many pid namespaces deep it lives below the one of this /proc. */
export interface ProcOwner {
  readonly effectiveUid: number
  readonly namespaceDepth: number
}

/**
 * Reads `Uid:` and `NSpid:` of /proc/PID/status (proc_pid_status(5)).
 *
 * **Details** The links in /proc/PID/ns would tell the namespace too, but nobody but root may read those of a
 * process that made itself undumpable, and codex may.
 */
export const readOwner = (pid: number | "self"): ProcOwner | undefined => {
  const status = read(`/proc/${pid}/status`)?.toString("latin1") ?? ""
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]
  const pids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]
  if (uid === undefined) return undefined
  return { effectiveUid: Number(uid), namespaceDepth: pids?.trim().split(/\s+/).length ?? 1 }
}

/** A clock tick of /proc/PID/stat: 100 a second on every architecture that Node runs on (USER_HZ). */
export const tickMillis = 10

/** How long the machine is up, suspended time too, as start times count (proc_uptime(5)). */
export const readUptimeMillis = (): number | undefined => {
  const seconds = Number.parseFloat(read("/proc/uptime")?.toString("latin1") ?? "")
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined
}

/** Changes with each boot, so that a start time from before it names nothing. */
export const readBootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()

/** Is this Linux with a readable /proc? */
export const hasProcfs = (): boolean => statSync("/proc/self/stat", { throwIfNoEntry: false }) !== undefined

const readLink = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
