/** The machine's processes: scans, identities, single signals. */
import { Clock, Context, Effect, Layer } from "effect"
import type { ProcessIdentity, ProcessRow } from "../../domain/processTree.ts"
import { isSupervisor } from "../../domain/supervisor.ts"
import * as procfs from "./procfs.ts"

/** What became of a signal: `gone` also when the pid names another process by now. */
export type SignalOutcome = "sent" | "gone" | "denied"

/** The process table: /proc on Linux, ps(1) elsewhere. */
export class ProcessTable extends Context.Service<
  ProcessTable,
  {
    readonly bootId: string
    readonly self: number
    readonly scan: Effect.Effect<ReadonlyArray<ProcessRow>>
    /** The process that has this pid now, unless it is dead. */
    readonly find: (pid: number) => Effect.Effect<ProcessIdentity | undefined>
    readonly isAlive: (identity: ProcessIdentity) => Effect.Effect<boolean>
    readonly argv: (pid: number) => Effect.Effect<ReadonlyArray<string>>
    readonly workingDirectory: (pid: number) => Effect.Effect<string | undefined>
    /** When it started, in milliseconds since the epoch; `undefined` where this machine's clocks do not tell. */
    readonly startedAtMillis: (identity: ProcessIdentity) => Effect.Effect<number | undefined>
    /** Does it run under another effective uid or in another pid namespace than Looper? Not when it is gone. */
    readonly isForeign: (pid: number) => Effect.Effect<boolean>
    /** Reads the identity again, then signals that one pid, never a group. */
    readonly signal: (identity: ProcessIdentity, signal: NodeJS.Signals) => Effect.Effect<SignalOutcome>
  }
>()("looper/services/processes/ProcessTable") {
  static readonly layer = Layer.sync(ProcessTable, () => {
    const scanner = makeScanner()
    const own = procfs.readOwner("self")

    return ProcessTable.of({
      bootId: procfs.readBootId(),
      self: process.pid,
      scan: Effect.callback((resume) => scanner((outcome) => resume(outcome))),
      find: (pid) =>
        Effect.sync(() => {
          const stat = live(pid)
          return stat && { pid, startTicks: stat.startTicks }
        }),
      isAlive: (identity) => Effect.sync(() => isAlive(identity)),
      argv: (pid) => Effect.sync(() => procfs.readArgv(pid)),
      workingDirectory: (pid) => Effect.sync(() => procfs.readWorkingDirectory(pid)),
      startedAtMillis: ({ startTicks }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const upMillis = procfs.readUptimeMillis()
          const agoMillis = upMillis === undefined ? -1 : upMillis - startTicks * procfs.tickMillis
          // In some containers the machine says how long the container is up.
          return agoMillis < -procfs.tickMillis ? undefined : Math.round(now - Math.max(0, agoMillis))
        }),
      isForeign: (pid) =>
        Effect.sync(() => {
          const owner = procfs.readOwner(pid)
          if (owner === undefined) return false
          return owner.effectiveUid !== own?.effectiveUid || owner.namespaceDepth !== own.namespaceDepth
        }),
      signal: (identity, signal) => Effect.sync(() => (isAlive(identity) ? signalPid(identity.pid, signal) : "gone"))
    })
  })
}

const live = (pid: number): procfs.ProcStat | undefined => {
  const stat = procfs.readStat(pid)
  return stat === undefined || isDead(stat) ? undefined : stat
}

const isAlive = (identity: ProcessIdentity): boolean => live(identity.pid)?.startTicks === identity.startTicks

const isDead = (stat: procfs.ProcStat): boolean => stat.state === "Z" || stat.state === "X"

/** Signals one pid, whoever that is by now. */
export const signalPid = (pid: number, signal: NodeJS.Signals): SignalOutcome => {
  try {
    process.kill(pid, signal)
    return "sent"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "denied"
  }
}

/** A scan works for this long, then lets the event loop go on. */
const sliceMillis = 4

const row = (stat: procfs.ProcStat, marker: string | undefined): ProcessRow => {
  return {
    pid: stat.pid,
    startTicks: stat.startTicks,
    parentPid: stat.parentPid,
    groupId: stat.groupId,
    sessionId: stat.sessionId,
    isDead: isDead(stat),
    marker,
    isSupervisor: stat.command === "sh" && stat.pid === stat.sessionId && isSupervisor(procfs.readArgv(stat.pid))
  }
}

/** What was read of a process' environment; no marker counts after the second look only. */
interface MarkerLook {
  readonly startTicks: number
  readonly marker: string | undefined
  readonly isSure: boolean
}

/**
 * Scans /proc in slices. Markers are read once for each process: a fork inherits its parent's environment,
 * and an exec that drops the marker does not leave the run. Where there is none a second scan looks again: in the
 * middle of an exec the environment is empty (environ_read in the kernel's fs/proc/base.c: `env_end` is not set yet).
 */
const makeScanner = () => {
  let lastLooks: ReadonlyMap<number, MarkerLook> = new Map()

  const look = ({ pid, startTicks }: procfs.ProcStat): MarkerLook => {
    const last = lastLooks.get(pid)
    const isSame = last?.startTicks === startTicks
    if (isSame && last.isSure) return last
    const marker = procfs.readMarker(pid)
    return { startTicks, marker, isSure: isSame || marker !== undefined }
  }
  return (onDone: (outcome: Effect.Effect<ReadonlyArray<ProcessRow>>) => void): void => {
    let pids: ReadonlyArray<number> | undefined
    const rows: Array<ProcessRow> = []
    const looks = new Map<number, MarkerLook>()
    let next = 0
    /** True once all are read. */
    const readSome = (): boolean => {
      pids ??= procfs.readPids()
      const until = performance.now() + sliceMillis
      while (next < pids.length && performance.now() < until) {
        const stat = procfs.readStat(pids[next++] ?? 0)
        if (stat === undefined) continue
        const found = look(stat)
        looks.set(stat.pid, found)
        rows.push(row(stat, found.marker))
      }
      return next === pids.length
    }
    const slice = () => {
      try {
        if (!readSome()) return void setImmediate(slice)
      } catch (error) {
        // Out of descriptors: whoever asked is told, nobody else.
        return onDone(Effect.die(error))
      }
      lastLooks = looks
      return onDone(Effect.succeed(rows))
    }
    slice()
  }
}
