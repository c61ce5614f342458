/** Finds the `codex exec` processes to be stopped, and where the search for their trees begins. */
import * as path from "node:path"
import { Context, Effect, Layer } from "effect"
import { isCodexExec, workspaceOf } from "../../domain/CodexProcess.ts"
import { type ProcessIdentity, type ProcessRow, protectedPids, type TreeSeeds } from "../../domain/processTree.ts"
import type { RunIdentity } from "../../domain/runLog.ts"
import { LooperConfig, type LooperConfigShape } from "../config/LooperConfig.ts"
import { ProcessTable } from "./ProcessTable.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { RunLogs } from "../runs/RunLogs.ts"
import { RunSupervisor } from "../runs/RunSupervisor.ts"
import { withoutLinks } from "../Workspaces.ts"

/** What one look at the machine found. */
export interface Survey {
  /** Pids of the targets, ascending. */
  readonly targets: ReadonlyArray<number>
  /** `codex exec` of another user or pid namespace: named, never signalled. */
  readonly foreign: ReadonlyArray<number>
  readonly seeds: TreeSeeds
  /** The scan that showed them. */
  readonly rows: ReadonlyArray<ProcessRow>
}

interface SurveyOptions {
  readonly workspace: string
  readonly isQuiet?: boolean
}

/** One look at the process table for each survey; keeps nothing. */
export class CodexProcesses extends Context.Service<
  CodexProcesses,
  {
    /**
     * Looks for targets.
     *
     * **Details** By parsed argv and by Looper's own records, never by substring; `CODEX_EXEC_KILL_SCOPE` says
     * which of them count. pid 1, Looper, its ancestors and supervisors never do. A warning names the foreign ones,
     * unless `isQuiet`: for who looks again and again and does nothing.
     */
    readonly survey: (options: SurveyOptions) => Effect.Effect<Survey>
  }
>()("looper/services/processes/CodexProcesses") {
  static readonly layerNoDeps = Layer.effect(
    CodexProcesses,
    Effect.gen(function* () {
      const runLogs = yield* RunLogs
      const records = yield* RunRecords
      const { live, leaders } = yield* RunSupervisor
      const has = (id: string) => runLogs.has(id) || records.has(id)
      return makeCodexProcesses({
        config: yield* LooperConfig,
        table: yield* ProcessTable,
        runs: { live, leaders, has }
      })
    })
  )
}

/** The runs that are known, whoever tells of them. */
export interface KnownRuns {
  /** Those that have not ended. */
  readonly live: () => ReadonlyArray<RunIdentity>
  /** Supervisors as leaders of their sessions, of ended runs too. */
  readonly leaders: () => ReadonlyArray<ProcessIdentity>
  /** Is this the id of a run, ended or not? */
  readonly has: (requestId: string) => boolean
}

/** The service over any table and any source of runs. */
export const makeCodexProcesses = (options: {
  readonly config: Pick<LooperConfigShape, "killScope" | "codexBinary">
  readonly table: ProcessTable["Service"]
  readonly runs: KnownRuns
}): CodexProcesses["Service"] => {
  const { table, runs } = options
  const { killScope, codexBinary } = options.config
  const programs = new Set(codexBinary === undefined ? [] : [path.basename(codexBinary)])

  /** A child between fork and exec shows its parent's arguments for a moment, and is gone or another by now. */
  const isStillRun = Effect.fnUntraced(function* (row: ProcessRow) {
    const argv = yield* table.argv(row.pid)
    return (argv.length === 0 || isCodexExec(argv, programs)) && (yield* table.isAlive(row))
  })
  const candidate = Effect.fnUntraced(function* (row: ProcessRow, isRecorded: boolean) {
    if (!(yield* isRecorded ? table.isAlive(row) : isStillRun(row))) return undefined
    const isOwn = isRecorded || (row.marker !== undefined && runs.has(row.marker))
    const isForeign = !isOwn && (yield* table.isForeign(row.pid))
    return { row, isOwn, isForeign }
  })

  /** A working directory is shown without links, so the others are compared without them too. */
  const isInWorkspace = Effect.fnUntraced(function* (found: Candidate, workspace: string) {
    const directory = (yield* table.workingDirectory(found.row.pid)) ?? "/"
    const argument = workspaceOf(found.row.argv, programs)
    const folder = yield* withoutLinks(workspace)
    if (directory === folder) return true
    return argument !== undefined && (yield* withoutLinks(path.resolve(directory, argument))) === folder
  })
  const isInScope = (found: Candidate, workspace: string): Effect.Effect<boolean> => {
    if (killScope === "all") return Effect.succeed(true)
    return killScope === "own" ? Effect.succeed(found.isOwn) : isInWorkspace(found, workspace)
  }

  const survey = Effect.fn("CodexProcesses.survey")(function* (options: SurveyOptions) {
    const known = runs.live()
    const rows = yield* table.scan
    const excluded = protectedPids(rows, table.self)
    const recorded = new Map(known.map(({ codex }) => [codex.pid, codex]))
    const candidates: Array<Candidate> = []
    for (const row of rows) {
      if (row.isDead || row.isSupervisor || excluded.has(row.pid)) continue
      const isRecorded = recorded.get(row.pid)?.startTicks === row.startTicks
      if (!isRecorded && !isCodexExec(row.argv, programs)) continue
      const found = yield* candidate(row, isRecorded)
      if (found !== undefined) candidates.push(found)
    }
    const near = candidates.filter(({ isForeign }) => !isForeign)
    const targets = yield* Effect.filter(near, (found) => isInScope(found, options.workspace))
    // A run whose own codex is a target is stopped whole, also where a spared codex carries its marker.
    const stopped = known.filter((run) => targets.some(({ row }) => row.pid === run.codex.pid))
    const spared = new Set(near.filter((found) => !targets.includes(found)).flatMap(({ row }) => row.marker ?? []))
    for (const { requestId } of stopped) spared.delete(requestId)
    const marked = new Set(targets.flatMap(({ row }) => row.marker ?? []))
    // Who descends from a target is stopped with its tree, whoever runs it.
    const targetPids = new Set(targets.map(({ row }) => row.pid))
    const parents = new Map(rows.map((row) => [row.pid, row.parentPid]))
    const descends = (pid: number): boolean => {
      const parent = parents.get(pid)
      return parent !== undefined && parent > 1 && (targetPids.has(parent) || descends(parent))
    }
    const foreign = candidates.filter(({ row, isForeign }) => isForeign && !descends(row.pid)).map(({ row }) => row.pid)
    if (foreign.length > 0 && options.isQuiet !== true) {
      yield* Effect.logWarning("codex.exec.foreign").pipe(Effect.annotateLogs({ pids: foreign }))
    }
    return {
      targets: ascending(targets.map(({ row }) => row.pid)),
      foreign: ascending(foreign),
      rows,
      seeds: {
        targets: targets.map(({ row: { pid, startTicks } }) => ({ pid, startTicks })),
        leaders: runs
          .leaders()
          .filter((leader) => !spared.has(rows.find(({ pid }) => pid === leader.pid)?.marker ?? "")),
        markers: { has: (marker: string) => !spared.has(marker) && (marked.has(marker) || runs.has(marker)) }
      }
    }
  })
  return CodexProcesses.of({ survey })
}

interface Candidate {
  readonly row: ProcessRow
  /** One of Looper's own runs, or started by one. */
  readonly isOwn: boolean
  readonly isForeign: boolean
}

const ascending = (pids: ReadonlyArray<number>): ReadonlyArray<number> => pids.toSorted((a, b) => a - b)
