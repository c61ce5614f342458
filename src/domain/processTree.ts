/** Which processes belong to the trees to be stopped: pure, over one scan of the process table. */

/** A process, told apart from a later one with the same pid by its start time. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to start (proc_pid_stat(5), field 22). */
  readonly startTicks: number
}

/** One row of a scan. */
export interface ProcessRow extends ProcessIdentity {
  readonly parentPid: number
  readonly groupId: number
  readonly sessionId: number
  /** A zombie, or a process being removed: it runs no more and needs no signal. */
  readonly isDead: boolean
  /** The id of the run whose marker its environment carries. */
  readonly marker: string | undefined
  /** The shell that leads a run's session and writes its trailer. */
  readonly isSupervisor: boolean
  /** None of a kernel thread or a zombie. */
  readonly argv: ReadonlyArray<string>
}

/** Where the search begins. */
export interface TreeSeeds {
  readonly targets: ReadonlyArray<ProcessIdentity>
  /** Leaders of sessions as recorded at a run's spawn: its supervisor, alive or not. */
  readonly leaders: ReadonlyArray<ProcessIdentity>
  /** Runs whose marker makes its carrier a member. */
  readonly markers: Pick<ReadonlySet<string>, "has">
}

/** What the scans so far have found; once a member, always a member. */
export interface ProcessTree {
  readonly members: ReadonlyMap<number, ProcessIdentity>
  readonly supervisors: ReadonlyMap<number, ProcessIdentity>
}

/** Before the first scan. */
export const emptyTree: ProcessTree = { members: new Map(), supervisors: new Map() }

/** Whether both are one process, not two that had one pid after each other. */
export const isSameProcess = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.pid === b.pid && a.startTicks === b.startTicks

/**
 * The pids that are never signalled: pid 1, `self` and its ancestors.
 *
 * **Details** An ancestor that a run started (an agent that restarts Looper) is protected too.
 */
export const protectedPids = (rows: ReadonlyArray<ProcessRow>, self: number): ReadonlySet<number> => {
  const parents = new Map(rows.map((row) => [row.pid, row.parentPid]))
  const result = new Set([0, 1])
  for (let pid: number | undefined = self; pid !== undefined && !result.has(pid); pid = parents.get(pid)) {
    result.add(pid)
  }
  return result
}

/**
 * Adds to `tree` whatever one scan shows to belong to it.
 *
 * **Details** A process belongs by being a target, by its parent, by the group or session whose leader
 * belongs or was recorded, or by its marker. A leader that is gone still counts by its number, because the
 * kernel gives no process a pid that still names a group or session; one whose pid names another process
 * now does not. Supervisors are kept apart: they lead to members and are not signalled.
 */
export const growTree = (
  tree: ProcessTree,
  options: { readonly rows: ReadonlyArray<ProcessRow>; readonly seeds: TreeSeeds; readonly self: number }
): ProcessTree => {
  const { rows, seeds } = options
  const excluded = protectedPids(rows, options.self)
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  const members = new Map(tree.members)
  const supervisors = new Map(tree.supervisors)
  const leaders = new Map(seeds.leaders.map((leader) => [leader.pid, leader]))
  const targets = new Map(seeds.targets.map((target) => [target.pid, target]))

  const isStill = (known: ProcessIdentity | undefined): boolean => {
    if (known === undefined) return false
    const row = byPid.get(known.pid)
    return row === undefined || row.startTicks === known.startTicks
  }
  const belongs = (pid: number): boolean =>
    !excluded.has(pid) && (isStill(members.get(pid)) || isStill(supervisors.get(pid)))
  const leads = (pid: number): boolean => belongs(pid) || (!excluded.has(pid) && isStill(leaders.get(pid)))
  const isKnown = (row: ProcessRow): boolean => {
    const known = [members.get(row.pid), supervisors.get(row.pid)]
    return known.some((each) => each !== undefined && isSameProcess(each, row))
  }
  const isMember = (row: ProcessRow): boolean => {
    const target = targets.get(row.pid)
    if (target !== undefined && isSameProcess(target, row)) return true
    if (row.marker !== undefined && seeds.markers.has(row.marker)) return true
    return belongs(row.parentPid) || leads(row.groupId) || leads(row.sessionId)
  }
  const leadsToTarget = (row: ProcessRow): boolean => {
    const leader = leaders.get(row.pid)
    if (leader !== undefined && isSameProcess(leader, row)) return true
    return rows.some((child) => child.parentPid === row.pid && members.has(child.pid))
  }

  let isGrowing = true
  while (isGrowing) {
    isGrowing = false
    for (const row of rows) {
      if (row.isDead || excluded.has(row.pid) || isKnown(row)) continue
      const isFound = isMember(row) || (row.isSupervisor && leadsToTarget(row))
      if (!isFound) continue
      const found = row.isSupervisor ? supervisors : members
      found.set(row.pid, { pid: row.pid, startTicks: row.startTicks })
      isGrowing = true
    }
  }
  return { members, supervisors }
}
