/** Scans /proc: every process, with its arguments and its marker, each file read only where it can have changed. */
import { Effect } from "effect"
import type { ProcessRow } from "../../domain/processTree.ts"
import { isSupervisor } from "../../domain/supervisor.ts"
import * as procfs from "./procfs.ts"

/** A scan works for this long, then lets the event loop go on. */
const sliceMillis = 4

/** A scan ends also on a machine where processes never cease to come and go. */
const maxListings = 10
/** Whoever forks and ends is caught by haste; who is in the middle of an exec needs a moment. */
const hastyListings = 4
const pauseMillis = 1

/** What a scan knows of one process. */
interface Look {
  /** Its line in /proc/PID/stat. */
  readonly line: string
  readonly row: ProcessRow
  /** Otherwise it was seen in the middle of an exec, or of its end. */
  readonly isSure: boolean
  /** The machine counts its page faults: its line changes with an exec. */
  readonly isCounted: boolean
}

/**
 * The scan of one table, which remembers the scan before it.
 *
 * **Details** It dies where descriptors or memory do not suffice: nobody may pass for gone then.
 */
export const makeProcScan = (): Effect.Effect<ReadonlyArray<ProcessRow>> => {
  let last: ReadonlyMap<number, Look> = new Map()
  return Effect.callback((resume) => {
    const steps = lookAround(last)
    const slice = () => {
      try {
        const until = performance.now() + sliceMillis
        do {
          const step = steps.next()
          if (step.done === true) {
            last = step.value
            return resume(Effect.succeed(Array.from(last.values(), ({ row }) => row)))
          }
          if (step.value === "pause") return void setTimeout(slice, pauseMillis)
        } while (performance.now() < until)
        return void setImmediate(slice)
      } catch (error) {
        return resume(Effect.die(error))
      }
    }
    slice()
  })
}

/**
 * Looks at every process, one a step.
 *
 * **Details** Who was listed but ended before it was read may have left a child that the list does not hold, and that
 * one another. So the processes are listed again, and the new ones read, the newest first, until nobody was missed:
 * then every process that lived meanwhile was seen, or a descendant of it. (The kernel lists pids ascending, and a
 * child's is higher until they begin anew.)
 */
function* lookAround(last: ReadonlyMap<number, Look>): Generator<"step" | "pause", ReadonlyMap<number, Look>> {
  const looks = new Map<number, Look>()
  const gone = new Set<number>()
  for (let listing = 1; ; listing++) {
    let isSettled = true
    for (const pid of procfs.readPids()) {
      const earlier = looks.get(pid)
      if (earlier?.isSure === true || gone.has(pid)) continue
      const before = last.get(pid)
      const found = lookAt(pid, earlier ?? before)
      if (found === undefined) gone.add(pid)
      else looks.set(pid, found)
      isSettled &&= found !== undefined && found.isSure && (!found.row.isDead || found === before)
      yield "step"
    }
    if (isSettled || listing === maxListings) break
    if (listing >= hastyListings) yield "pause"
  }
  for (const pid of gone) looks.delete(pid)
  return looks
}

/**
 * Reads one process; undefined where it is gone.
 *
 * **Details** One whose line is the same to the byte has the same arguments and environment: an exec faults pages in,
 * and the line counts faults. A marker is kept over changes: an exec that drops it does not leave the run.
 * In the middle of an exec both files are empty, and of one that ends neither can be read; an environment that may not
 * be read is told from those by the arguments, which are read after it.
 */
const lookAt = (pid: number, earlier: Look | undefined): Look | undefined => {
  const line = procfs.readStatLine(pid)
  if (line === undefined) return undefined
  const isSame = earlier?.line === line
  if (isSame && earlier.isSure && earlier.isCounted) return earlier
  const stat = procfs.parseStat(line)
  if (stat === undefined) return undefined
  const isDead = procfs.isDead(stat)
  const hasProgram = !isDead && !stat.isKernelThread
  const environment = hasProgram ? procfs.readEnvironment(pid) : undefined
  const argv = hasProgram ? procfs.readArgv(pid) : []
  const kept = earlier?.row.startTicks === stat.startTicks ? earlier.row.marker : undefined
  const row: ProcessRow = {
    pid,
    startTicks: stat.startTicks,
    parentPid: stat.parentPid,
    groupId: stat.groupId,
    sessionId: stat.sessionId,
    isDead,
    marker: kept ?? procfs.markerIn(environment ?? ""),
    isSupervisor: stat.command === "sh" && pid === stat.sessionId && isSupervisor(argv),
    argv
  }
  const isWhole = argv.length > 0 && (environment !== "" || isSame)
  return { line, row, isSure: isWhole || !hasProgram, isCounted: stat.faults > 0 }
}
