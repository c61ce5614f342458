/** The machine's processes: scans, identities, single signals. */
import { Clock, Context, Effect, Layer } from "effect"
import type { ProcessIdentity, ProcessRow } from "../../domain/processTree.ts"
import { makeProcScan } from "./procScan.ts"
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
    const own = procfs.readOwner("self")

    return ProcessTable.of({
      bootId: procfs.readBootId(),
      self: process.pid,
      scan: makeProcScan(),
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

/** Out of descriptors nobody can be seen, which does not mean that nobody is there. */
export const mayLive = (table: ProcessTable["Service"], process: ProcessIdentity): Effect.Effect<boolean> =>
  Effect.catchDefect(table.isAlive(process), () => Effect.succeed(true))

const live = (pid: number): procfs.ProcStat | undefined => {
  const stat = procfs.readStat(pid)
  return stat === undefined || procfs.isDead(stat) ? undefined : stat
}

const isAlive = (identity: ProcessIdentity): boolean => live(identity.pid)?.startTicks === identity.startTicks

/** Signals one pid, whoever that is by now. */
export const signalPid = (pid: number, signal: NodeJS.Signals): SignalOutcome => {
  try {
    process.kill(pid, signal)
    return "sent"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "denied"
  }
}
