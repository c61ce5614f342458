import { assert, describe, it } from "@effect/vitest"
import type { Effect } from "effect"
import * as looper from "../../src/index.ts"

type Exports = typeof looper

/** Every exported operation, with the exported type of its failures. */
interface Failures {
  readonly autopollTick: looper.AutopollTickError
  readonly followLog: looper.ReadLogError
  readonly getRun: looper.HistoryUnavailable | looper.RunNotFound
  readonly killCodex: looper.KillCodexError
  readonly listRuns: looper.HistoryUnavailable
  readonly notify: looper.NotifyFailed
  readonly planKill: never
  readonly planRun: looper.PreflightError
  readonly readLog: looper.ReadLogError
  readonly run: looper.RunError
  readonly spawnCodex: looper.SpawnCodexError
  readonly status: never
  readonly stopRun: looper.StopRunError
}

type Operation = {
  [Name in keyof Exports]: Exports[Name] extends (...args: never) => Effect.Effect<unknown, unknown, unknown>
    ? Name
    : never
}[keyof Exports]

type Actual = { readonly [Name in Operation]: Effect.Error<ReturnType<Exports[Name]>> }

type Tag = Failures[keyof Failures]["_tag"]

/** Compiles only where each is assignable to the other: `npm run check` is the test. */
type Same<A extends B, B extends C, C = A> = A

describe("the package's exports", () => {
  it("have every operation's failures", () => {
    const isSame: Same<Failures, Actual> | undefined = undefined
    assert.isUndefined(isSame)
  })

  it("have the class of every failure", () => {
    const tags: { readonly [Name in Tag]: Extract<keyof Exports, Name> } = {
      Cancelled: "Cancelled",
      DiskSpaceLow: "DiskSpaceLow",
      ExitedEarly: "ExitedEarly",
      HistoryUnavailable: "HistoryUnavailable",
      LogGone: "LogGone",
      NotifyFailed: "NotifyFailed",
      OffsetBeyondEnd: "OffsetBeyondEnd",
      PromptUnusable: "PromptUnusable",
      RunAlive: "RunAlive",
      RunBusy: "RunBusy",
      RunLogUnwritable: "RunLogUnwritable",
      RunNotFound: "RunNotFound",
      ShuttingDown: "ShuttingDown",
      SpawnFailed: "SpawnFailed",
      SurvivorsLeft: "SurvivorsLeft",
      ToolMissing: "ToolMissing",
      WorkspaceNotDirectory: "WorkspaceNotDirectory"
    }
    const exported: Readonly<Record<string, unknown>> = { ...looper }
    for (const tag of Object.values(tags)) assert.isFunction(exported[tag])
  })
})
