/** What a tick asks, answered by the test: nothing of the machine is looked at, nothing is started. */
import { Deferred, Effect, Layer } from "effect"
import type { AutopollTickServices } from "../../effects/autopollTick.ts"
import {
  HistoryUnavailable,
  RunLogUnwritable,
  RunNotFound,
  ToolMissing,
  WorkspaceNotDirectory
} from "../../src/domain/errors.ts"
import type { RunEnding } from "../../src/domain/RunRecord.ts"
import { Autopoll } from "../../src/services/Autopoll.ts"
import { CodexBinary } from "../../src/services/CodexBinary.ts"
import { CodexProcesses } from "../../src/services/processes/CodexProcesses.ts"
import { DefaultPrompt } from "../../src/services/DefaultPrompt.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { Database } from "../../src/services/records/Database.ts"
import { RunRecords } from "../../src/services/records/RunRecords.ts"
import { ProcessTable } from "../../src/services/processes/ProcessTable.ts"
import { Notices } from "../../src/services/Notices.ts"
import { RequestIds } from "../../src/services/RequestIds.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { RunLogs } from "../../src/services/runs/RunLogs.ts"
import { RunSupervisor } from "../../src/services/runs/RunSupervisor.ts"
import { RunTickets } from "../../src/services/runs/RunTickets.ts"
import { ServerAddress } from "../../src/services/ServerAddress.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"

/** What the next tick finds; a test changes it between ticks. */
export interface World {
  targets: ReadonlyArray<number>
  /** When the newest run log changed. */
  newestChangeMillis: number | undefined
  hasWorkspace: boolean
  hasBinary: boolean
  /** What a tick comes to that has no reason to skip; `throws` comes before everything else. */
  launch: "starts" | "fails" | "dies" | "throws"
  /** codex of Looper's own live runs. */
  own: ReadonlyArray<number>
}

const identity = { pid: 7, startTicks: 7 }

/** Takes everything and remembers nothing. */
const records = Layer.succeed(RunRecords, {
  begin: () => Effect.void,
  enter: () => Effect.void,
  leave: () => Effect.void,
  identify: () => Effect.void,
  running: () => Effect.void,
  stopping: () => Effect.void,
  stopForgotten: () => Effect.void,
  end: () => Effect.void,
  endUnstarted: () => Effect.void,
  has: () => false,
  find: () => Effect.succeed(undefined),
  get: (id) => Effect.fail(new RunNotFound({ id })),
  list: () => Effect.succeed([]),
  counts: Effect.fail(new HistoryUnavailable()),
  steps: () => Effect.succeed([]),
  stopCause: () => Effect.succeed(undefined),
  unended: Effect.succeed([])
})

const database = Layer.succeed(Database, {
  isUsable: Effect.succeed(true),
  write: () => Effect.void,
  tryWrite: () => Effect.succeed(true),
  read: () => Effect.succeed([]),
  onCreated: () => Effect.void
})
const table = Layer.mock(ProcessTable, { bootId: "b", self: 1 })

const supervisorOf = (parts: Pick<RunSupervisor["Service"], "launch" | "live">) =>
  RunSupervisor.of({
    ...parts,
    progress: () => Effect.undefined,
    leaders: () => [],
    stopping: () => Effect.void,
    stopRun: () => Effect.succeed(undefined),
    forgetEnded: Effect.void,
    settle: Effect.void
  })

/** Lock, autopoll, prompt and address are the real ones. */
export const makeTickServices = (environment: Readonly<Record<string, string>> = {}) => {
  const world: World = {
    targets: [],
    newestChangeMillis: undefined,
    hasWorkspace: true,
    hasBinary: true,
    launch: "starts",
    own: []
  }
  /** How the runs that ticks started end, oldest first. */
  const runs: Array<Deferred.Deferred<RunEnding>> = []
  /** What ticks told, oldest first. */
  const notices: Array<string> = []
  const told = (notice: string) => Effect.sync(() => void notices.push(notice))
  let ticks = 0
  const make = Layer.mergeAll(
    DefaultPrompt.layerNoDeps,
    RunLock.layerNoDeps.pipe(Layer.provide(records), Layer.provideMerge(Shutdown.layerNoDeps)),
    ServerAddress.layer,
    Layer.mock(RunTickets, { issue: () => undefined, isValid: () => false }),
    Layer.succeed(Notices, {
      started: ({ requestId }) => told(`started ${requestId}`),
      ended: () => Effect.void,
      tickFailed: ({ error }) => told(`failed: ${error}`),
      unstarted: ({ error }) => told(`unstarted: ${error}`),
      skipped: ({ reason, text, untilMillis }) =>
        told(["skipped", reason, text, untilMillis].filter(Boolean).join(": "))
    }),
    Layer.succeed(RequestIds, {
      draw: () => {
        ticks += 1
        if (world.launch === "throws") throw new Error("injected")
        return "auto0a0a0a0a"
      }
    }),
    Layer.mock(CodexProcesses, {
      survey: () =>
        Effect.suspend(() => {
          const seeds = { targets: [], leaders: [], markers: new Set<string>() }
          return world.launch === "dies"
            ? Effect.die(new Error("injected"))
            : Effect.succeed({ targets: world.targets, foreign: [], seeds, rows: [] })
        })
    }),
    Layer.succeed(CodexBinary, {
      resolve: () =>
        Effect.suspend(() =>
          world.hasBinary
            ? Effect.succeed({ path: "/bin/codex", source: "env" as const })
            : Effect.fail(new ToolMissing({ name: "codex" }))
        )
    }),
    Layer.succeed(Workspaces, {
      resolve: () => ({ given: "/w", path: "/w" }),
      check: ({ path }) =>
        Effect.suspend(() => (world.hasWorkspace ? Effect.void : Effect.fail(new WorkspaceNotDirectory({ path }))))
    }),
    Layer.mock(RunLogs, {
      has: () => false,
      freeBytes: Effect.succeed(Number.POSITIVE_INFINITY),
      newestChangeMillis: Effect.sync(() => world.newestChangeMillis),
      remove: () => Effect.void,
      create: ({ requestId }) =>
        Effect.suspend(() =>
          world.launch === "fails"
            ? Effect.fail(new RunLogUnwritable({ path: "here", reason: "EROFS" }))
            : Effect.succeed({ requestId, path: "/l", sidePath: "/s", headerBytes: 0 })
        )
    }),
    records,
    Layer.effect(
      RunSupervisor,
      Effect.gen(function* () {
        const { ended } = yield* Autopoll
        const scope = yield* Effect.scope
        const known = { requestId: "0c0c0c0c", bootId: "b", supervisor: identity, workspace: "/w", startedAtMillis: 0 }
        return supervisorOf({
          live: () => world.own.map((pid) => ({ ...known, codex: { pid, startTicks: 7 } })),
          launch: ({ requestId, workspace, log }) =>
            Effect.gen(function* () {
              const end = Deferred.makeUnsafe<RunEnding>()
              // Every tick draws the same id here.
              const run = `auto${String(runs.push(end)).padStart(8, "0")}`
              yield* Deferred.await(end).pipe(
                Effect.flatMap((ending) => ended(run, ending)),
                Effect.forkIn(scope)
              )
              const known = { requestId, bootId: "b", supervisor: identity, codex: identity, workspace }
              return {
                identity: { ...known, startedAtMillis: 0 },
                log,
                execFailure: Effect.succeedNone,
                end: Deferred.await(end),
                completed: Effect.void
              }
            })
        })
      })
    )
  ).pipe(Layer.provideMerge(Autopoll.layerNoDeps), Layer.provide(database), Layer.provide(table))
  const layer: Layer.Layer<AutopollTickServices | LooperConfig | Shutdown> = make.pipe(
    Layer.provideMerge(
      Layer.orDie(
        LooperConfig.layer({
          root: "/nowhere",
          environment: { CODEX_EXEC_STARTUP_CHECK_SECONDS: "0", LOOPER_MIN_FREE_BYTES: "0", ...environment }
        })
      )
    )
  )
  return { layer, world, runs, notices, ticks: () => ticks }
}
