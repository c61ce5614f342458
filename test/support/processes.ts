/** What tests ask the kernel about processes, and the one way they wait. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"

export interface ProcStat {
  readonly ppid: number
  readonly pgid: number
  readonly sid: number
  readonly state: string
  /** Clock ticks since boot. */
  readonly startTime: number
}

/** `/proc/<pid>/stat`, or undefined when there is no such process. */
export const procStat = (pid: number): ProcStat | undefined => {
  const text = readProc(pid, "stat")
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return {
    state: fields[0] ?? "X",
    ppid: Number(fields[1]),
    pgid: Number(fields[2]),
    sid: Number(fields[3]),
    startTime: Number(fields[19])
  }
}

/** Whether the process exists and is no zombie. */
export const isAlive = (pid: number): boolean => {
  const state = procStat(pid)?.state
  return state !== undefined && state !== "Z" && state !== "X"
}

/** Every pid the kernel lists, ascending. */
export const allPids = (): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b)

/** The arguments of a process; empty when it is gone. */
export const argvOf = (pid: number): ReadonlyArray<string> =>
  (readProc(pid, "cmdline") ?? "").replace(/\0$/, "").split("\0").filter(Boolean)

/** Living processes whose environment holds exactly `name=value`, ascending. */
export const withEnvironment = (name: string, value: string): ReadonlyArray<number> =>
  allPids().filter((pid) => isAlive(pid) && `\0${readProc(pid, "environ") ?? ""}`.includes(`\0${name}=${value}\0`))

/** Living processes that carry a run's marker, ascending. */
export const carriers = (runId: string): ReadonlyArray<number> => withEnvironment("LOOPER_RUN_ID", runId)

export type Truthy<A> = Exclude<A, false | undefined | null | 0 | "">

/** Polls until the predicate gives something truthy, and returns that; throws with the label at the deadline. */
export const until = async <A>(
  predicate: () => A | Promise<A>,
  label: string,
  deadlineMs = 10_000
): Promise<Truthy<A>> => {
  const end = performance.now() + deadlineMs
  for (;;) {
    const value = await predicate()
    if (value) return value as Truthy<A>
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${label}`)
    await delay(5)
  }
}

/** The most memory that a process had resident so far, in MiB. */
export const peakMebibytes = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, "status") ?? "")?.[1]) / 1024

/** Bytes in a file; 0 when it is not there. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/** Waits until a heartbeat file has grown: its writer runs. */
export const beats = (file: string): Promise<boolean> => {
  const before = sizeOf(file)
  return until(() => sizeOf(file) > before, `${file} grows`)
}

/** Whether a heartbeat file that has beaten keeps its size over `periods` of its periods: its writer is dead or stopped. */
export const stopsGrowing = async (file: string, periods = 15, periodMillis = 20): Promise<boolean> => {
  const before = sizeOf(file)
  if (before === 0) throw new Error(`${file} never had a heartbeat`)
  await delay(periods * periodMillis)
  return sizeOf(file) === before
}

/** SIGKILL to one pid; no error when it is gone. */
export const killHard = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** The text of a file in `/proc/<pid>`; undefined when the process is gone or may not be read. */
const readProc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1")
  } catch {
    return undefined
  }
}
