/** Processes that no live Looper owns: what the next kill would stop beside its own run. */
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import { emptyTree, growTree, type ProcessIdentity } from "../domain/processTree.ts"
import { logOfSideFile, parseSideFile, requestIdOfRunLog, type RunIdentity } from "../domain/runLog.ts"
import { LooperConfig, type LooperConfigShape } from "../services/config/LooperConfig.ts"
import { makeCodexProcesses } from "../services/processes/CodexProcesses.ts"
import { ProcessTable } from "../services/processes/ProcessTable.ts"
import { layerPs } from "../services/processes/PsProcessTable.ts"
import { type Check, type Finding, ok, warning } from "./Check.ts"
import { defaultWorkspace } from "./codexFiles.ts"
import { describeLooper, findLiveLooper, type LiveLooper } from "./liveLooper.ts"

/** What the log folder tells of runs; who reads it changes nothing. */
const readRuns = (logDir: string) => {
  const names = namesIn(logDir)
  const ids = new Set(names.flatMap((name) => requestIdOfRunLog(name) ?? []))
  const unended = names.flatMap((name) => {
    if (logOfSideFile(name) === undefined) return []
    return parseSideFile(textOf(path.join(logDir, name))).identity ?? []
  })
  return { ids, unended }
}

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Empty where the run's end was recorded since its name was read. */
const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** Pids, each with what it is. */
interface Stale {
  /** `codex exec` that Looper did not start. */
  readonly strangers: ReadonlyArray<number>
  /** Runs that go on though the Looper that started them is gone. */
  readonly orphans: ReadonlyArray<RunIdentity>
  /** What ended runs left. */
  readonly leftovers: ReadonlyArray<number>
  /** `codex exec` of other users and pid namespaces, which Looper leaves alone. */
  readonly foreign: ReadonlyArray<number>
}

/** Looks as a kill does, and signals nobody. Runs whose log is gone are strangers here: no record is read. */
const findStale = Effect.fnUntraced(function* (config: LooperConfigShape, hasLooper: boolean) {
  const table = yield* ProcessTable
  const isAlive = Effect.fnUntraced(function* ({ bootId, codex, supervisor }: RunIdentity) {
    return bootId === table.bootId && ((yield* table.isAlive(codex)) || (yield* table.isAlive(supervisor)))
  })
  const livingRuns = Effect.suspend(() => Effect.filter(readRuns(config.logDir).unended, isAlive))
  const { ids, unended } = readRuns(config.logDir)
  const known = unended.filter(({ bootId }) => bootId === table.bootId)
  const { survey } = makeCodexProcesses({
    config,
    table,
    runs: {
      live: () => known,
      leaders: () => known.map(({ supervisor }) => supervisor),
      has: (id) => ids.has(id)
    }
  })
  const { seeds, targets, foreign } = yield* survey({ workspace: defaultWorkspace(config) })
  const rows = yield* table.scan
  // Read again: who a run is stands in its side file before its codex starts.
  const runs = yield* livingRuns
  const membersOf = (tree: typeof seeds) => growTree(emptyTree, { rows, seeds: tree, self: table.self }).members
  const ofRuns = membersOf({
    targets: runs.map(({ codex }) => codex),
    leaders: runs.map(({ supervisor }) => supervisor),
    markers: new Set(runs.map(({ requestId }) => requestId))
  })
  const unowned = yield* Effect.filter(
    [...membersOf(seeds).values()].filter(({ pid }) => !ofRuns.has(pid)),
    (identity: ProcessIdentity) => table.isAlive(identity)
  )
  const pids = unowned.map(({ pid }) => pid).toSorted((a, b) => a - b)
  return {
    strangers: pids.filter((pid) => targets.includes(pid)),
    orphans: hasLooper ? [] : runs,
    leftovers: pids.filter((pid) => !targets.includes(pid)),
    foreign
  } satisfies Stale
})

/** Enough to find the rest by. */
const shownPids = 5

const list = (pids: ReadonlyArray<number>): string => {
  const shown = pids.slice(0, shownPids).join(", ")
  return pids.length > shownPids ? `${shown} and ${pids.length - shownPids} more` : shown
}

const judge = (stale: Stale, live: LiveLooper | undefined): Finding => {
  const { strangers, orphans, leftovers, foreign } = stale
  const others = foreign.length === 0 ? "" : `; codex exec of others, which it leaves alone: ${list(foreign)}`
  const who = live === undefined ? "no Looper runs" : describeLooper(live)
  const found: Array<string> = []
  const remedies: Array<string> = []
  if (orphans.length > 0) {
    found.push(`runs without a Looper: codex ${list(orphans.map(({ codex }) => codex.pid))}`)
    remedies.push("start Looper, which takes them over")
  }
  if (strangers.length > 0) {
    found.push(`codex exec that Looper did not start: ${list(strangers)}`)
    remedies.push("end them, or spare them with CODEX_EXEC_KILL_SCOPE=own: the next run stops them otherwise")
  }
  if (leftovers.length > 0) {
    found.push(`left by codex exec that ended or that Looper did not start: ${list(leftovers)}`)
    remedies.push("end them, or let looper kill or the next run do it")
  }
  if (found.length > 0) return warning(`${found.join("; ")} (${who})${others}`, remedies.join("; "))
  return ok(`no stale processes; ${who}${others}`)
}

/** The same as Looper's own. */
const layerTable = process.platform === "linux" ? ProcessTable.layer : layerPs

/** No failure of its own: the next kill ends what is found. A process table that cannot be read is one. */
export const processesCheck: Check<LooperConfig> = {
  name: "processes",
  reads: ["logDir", "killScope", "codexBinary", "defaultWorkspace"],
  look: Effect.gen(function* () {
    const config = yield* LooperConfig
    const live = findLiveLooper(config.logDir)
    return judge(yield* findStale(config, live !== undefined), live)
  }).pipe(Effect.provide(layerTable))
}
