/** Ends whole process trees: SIGTERM, a grace, SIGKILL, and scans until nobody is left. */
import { Context, Effect, Layer } from "effect"
import {
  emptyTree,
  growTree,
  type ProcessIdentity,
  type ProcessRow,
  type ProcessTree,
  type TreeSeeds
} from "../../domain/processTree.ts"
import { Metrics, type MetricsShape } from "../metrics/Metrics.ts"
import { ProcessTable } from "./ProcessTable.ts"
import { monotonicMillis, Shutdown } from "../Shutdown.ts"

/** What a termination left and did. */
export interface Termination {
  /** Members still alive, by pid. */
  readonly survivors: ReadonlyArray<number>
  /** How many processes belonged to the trees. */
  readonly treeSize: number
  /** The strongest that was sent; `undefined` where nobody was signalled. */
  readonly signal: "SIGTERM" | "SIGKILL" | undefined
}

/** The times of a termination. */
export interface TerminationOptions {
  /** How long a tree may take to obey SIGTERM. */
  readonly graceMillis: number
}

const defaults: TerminationOptions = { graceMillis: 5_000 }

/** After the grace, SIGKILL and scans go on at most this long. */
const killBoundMillis = 1_500
/** During the grace: full scans, and looks at known processes between them. */
const scanEveryMillis = 25
/** Most end at once, so the first looks come soon. */
const lookAgainMillis = (elapsedMillis: number): number => Math.min(10, 1 + elapsedMillis / 4)
/** A scan can miss a process that hops from parent to child: only this many empty ones in a row count. */
const emptyScans = 3
const emptyScanEveryMillis = 2
/** Processes that may not be signalled are given up after this time. */
const deniedBoundMillis = 300
/** A supervisor needs some 10 ms to end after its codex. */
const supervisorBoundMillis = 500

/** Ends process trees, and finds who belongs to them. */
export class ProcessTrees extends Context.Service<
  ProcessTrees,
  {
    /**
     * Stops everything that belongs to `seeds`; bounded by the grace and two seconds.
     *
     * **Details** `rows`, a scan that the caller has just made, is taken for the first one. Where that shows nobody,
     * there is nothing to stop. Only single pids are signalled, each after its identity was read again: what happens
     * in the microseconds between is not excluded. Supervisors are not signalled unless they outlive their codex.
     */
    readonly terminate: (
      seeds: TreeSeeds,
      options?: Partial<TerminationOptions> & { readonly rows?: ReadonlyArray<ProcessRow> }
    ) => Effect.Effect<Termination>
    /** The pids that {@link terminate} would find at its first scan; signals nobody. */
    readonly members: (seeds: TreeSeeds) => Effect.Effect<ReadonlyArray<number>>
    /** How long a tree may take to obey SIGTERM where {@link terminate} is told nothing else. */
    readonly graceMillis: number
  }
>()("looper/services/processes/ProcessTrees") {
  static readonly layerWith = (options: TerminationOptions) =>
    Layer.effect(
      ProcessTrees,
      Effect.gen(function* () {
        const table = yield* ProcessTable
        const shutdown = yield* Shutdown
        const metrics = yield* Metrics
        return ProcessTrees.of({
          graceMillis: options.graceMillis,
          terminate: (seeds, own) => makeTermination({ table, shutdown, metrics, seeds, ...options, ...own }),
          members: (seeds) =>
            Effect.map(table.scan, (rows) => {
              const { members } = growTree(emptyTree, { rows, seeds, self: table.self })
              return [...members.keys()].toSorted((a, b) => a - b)
            })
        })
      })
    )
  static readonly layerNoDeps = ProcessTrees.layerWith(defaults)
}

const makeTermination = Effect.fn("ProcessTrees.terminate")(function* (context: {
  readonly table: ProcessTable["Service"]
  readonly shutdown: Shutdown["Service"]
  readonly metrics: MetricsShape
  readonly seeds: TreeSeeds
  readonly graceMillis: number
  readonly rows?: ReadonlyArray<ProcessRow>
}) {
  const { table, shutdown, metrics, seeds } = context
  let tree: ProcessTree = emptyTree
  const asked = new Set<number>()
  const logged = new Set<string>()
  const denied = new Set<number>()
  let strongest: Termination["signal"]
  const startedAt = yield* monotonicMillis

  /** The eldest first: a codex that sees its child die of SIGTERM before it got its own acts on that. */
  const livingOf = (known: ReadonlyMap<number, ProcessIdentity>) =>
    Effect.filter(
      Array.from(known.values()).toSorted((a, b) => a.startTicks - b.startTicks || a.pid - b.pid),
      (identity) => table.isAlive(identity)
    )
  let given = context.rows
  const scanLiving = Effect.gen(function* () {
    tree = growTree(tree, { rows: given ?? (yield* table.scan), seeds, self: table.self })
    given = undefined
    return yield* livingOf(tree.members)
  })
  const send = Effect.fnUntraced(function* (process: ProcessIdentity, signal: "SIGTERM" | "SIGCONT" | "SIGKILL") {
    const outcome = yield* table.signal(process, signal)
    if (outcome === "denied") denied.add(process.pid)
    const record = `${process.pid} ${signal} ${outcome}`
    if (outcome !== "gone" && signal !== "SIGCONT" && !logged.has(record)) {
      logged.add(record)
      if (strongest !== "SIGKILL") strongest = signal
      metrics.count("killSignals", { signal, outcome })
      yield* Effect.logDebug(`process.kill.${signal.toLowerCase()}`).pipe(
        Effect.annotateLogs({ pid: process.pid, outcome })
      )
    }
  })
  const graceEndsMillis = () =>
    Math.min(startedAt + context.graceMillis, shutdown.times()?.graceEndsMillis ?? Number.POSITIVE_INFINITY)

  /** Asks politely until nobody lives or the grace is over; answers with whom the last scan showed. */
  const ask = Effect.gen(function* () {
    for (;;) {
      const living = yield* scanLiving
      if (living.length === 0 || (yield* monotonicMillis) >= graceEndsMillis()) return living
      for (const process of living.filter(({ pid }) => !asked.has(pid))) {
        asked.add(process.pid)
        yield* send(process, "SIGTERM")
        yield* send(process, "SIGCONT")
      }
      let now = yield* monotonicMillis
      const nextScanAt = Math.min(now + scanEveryMillis, graceEndsMillis())
      while ((yield* livingOf(tree.members)).length > 0 && now < nextScanAt) {
        yield* Effect.sleep(Math.min(lookAgainMillis(now - startedAt), nextScanAt - now))
        now = yield* monotonicMillis
      }
    }
  })

  /** Kills whoever each scan shows, until three in a row show nobody; answers with the survivors. */
  const kill = Effect.fnUntraced(function* (shown: ReadonlyArray<ProcessIdentity>) {
    const boundAt = (yield* monotonicMillis) + killBoundMillis
    const deniedBoundAt = (yield* monotonicMillis) + deniedBoundMillis
    let empty = 0
    for (let living = shown; ; living = yield* scanLiving) {
      if (living.length === 0) {
        empty += 1
        if (empty === emptyScans) return []
        yield* Effect.sleep(emptyScanEveryMillis)
        continue
      }
      empty = 0
      const now = yield* monotonicMillis
      const isHopeless = living.every(({ pid }) => denied.has(pid)) && now >= deniedBoundAt
      if (now >= boundAt || isHopeless) return living
      yield* Effect.forEach(living, (process) => send(process, "SIGKILL"), { discard: true })
      yield* nextTurn
    }
  })

  /** Waits for the supervisors to write their trailers; kills one that does not end. */
  const endSupervisors = Effect.gen(function* () {
    const boundAt = (yield* monotonicMillis) + supervisorBoundMillis
    for (;;) {
      const living = yield* livingOf(tree.supervisors)
      if (living.length === 0) return
      if ((yield* monotonicMillis) >= boundAt) {
        for (const supervisor of living) {
          yield* send(supervisor, "SIGCONT")
          yield* send(supervisor, "SIGKILL")
        }
        // Who asks next whether they live must not find them dying.
        for (let look = 0; look < 50 && (yield* livingOf(tree.supervisors)).length > 0; look++) {
          yield* Effect.sleep(emptyScanEveryMillis)
        }
        return
      }
      yield* Effect.sleep(emptyScanEveryMillis)
    }
  })

  const shown = yield* ask
  // Nobody was there, so nobody was signalled and nobody can be left.
  if (tree.members.size + tree.supervisors.size === 0) return { survivors: [], treeSize: 0, signal: undefined }
  const survivors = (yield* kill(shown)).map(({ pid }) => pid).toSorted((a, b) => a - b)
  if (survivors.length === 0) yield* endSupervisors
  metrics.count("killSurvivors", {}, survivors.length)
  if (logged.size > 0) {
    const elapsedMillis = Math.round((yield* monotonicMillis) - startedAt)
    metrics.observe("killDuration", {}, elapsedMillis / 1_000)
    yield* Effect.logInfo("process.kill.done").pipe(
      Effect.annotateLogs({ members: tree.members.size, survivors, duration_ms: elapsedMillis })
    )
  }
  return { survivors, treeSize: tree.members.size, signal: strongest }
})

/** One turn of the event loop: the scan goes on at once, and requests are still answered. */
const nextTurn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
