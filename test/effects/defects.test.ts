/** A failure or a defect in any step releases the lock, and the next run works. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, rmSync } from "node:fs"
import { Cause, Context, Effect, Exit, Fiber, Layer } from "effect"
import { killCodex } from "../../effects/killCodex.ts"
import { run } from "../../effects/run.ts"
import { spawnCodex } from "../../effects/spawnCodex.ts"
import { NotifyFailed, RunLogUnwritable, SpawnFailed, type Step } from "../../src/domain/errors.ts"
import { CodexProcesses } from "../../src/services/processes/CodexProcesses.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { ProcessTable } from "../../src/services/processes/ProcessTable.ts"
import { ProcessTrees } from "../../src/services/processes/ProcessTrees.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { RunLogs } from "../../src/services/runs/RunLogs.ts"
import { RunSupervisor } from "../../src/services/runs/RunSupervisor.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { carriers, isAlive } from "../support/processes.ts"
import { drawId, type EmbeddedLooper, openLooper, replaced, staying, untilStep, untilTrue } from "./embeddedLooper.ts"

const defect = Effect.die(new Error("injected"))

interface Fault {
  /** The services with the fault, over the real ones. */
  readonly inject: (looper: EmbeddedLooper) => Context.Context<never>
  /** The tag of the failure; a defect where there is none. */
  readonly tag?: string
  /** A run was started and its log stays. */
  readonly isLaunched?: boolean
  /** The run's prompt, if it matters. */
  readonly prompt?: string
}

const dyingAt = (step: Step): Fault => ({
  inject: (looper) =>
    replaced(looper, RunLock, (real) => ({ enter: (next) => (next === step ? defect : real.enter(next)) })),
  isLaunched: step === "startup_check"
})

const faults: Readonly<Record<string, Fault>> = {
  "the run log fails": {
    inject: (looper) =>
      replaced(looper, RunLogs, () => ({
        create: () => Effect.fail(new RunLogUnwritable({ path: "here", reason: "ENOSPC" }))
      })),
    tag: "RunLogUnwritable"
  },
  "the run log dies": { inject: (looper) => replaced(looper, RunLogs, () => ({ create: () => defect })) },
  "the step notify dies": dyingAt("notify"),
  "the notifier fails": {
    inject: (looper) =>
      replaced(looper, Notifier, () => ({ send: () => Effect.fail(new NotifyFailed({ reason: "no server" })) })),
    tag: "NotifyFailed"
  },
  "the notifier dies": { inject: (looper) => replaced(looper, Notifier, () => ({ send: () => defect })) },
  "the notifier throws": {
    inject: (looper) =>
      replaced(looper, Notifier, () => ({
        send: () => {
          throw new Error("injected")
        }
      }))
  },
  "the step kill dies": dyingAt("kill"),
  "the look for targets dies": {
    inject: (looper) => replaced(looper, CodexProcesses, () => ({ survey: () => defect }))
  },
  "the kill leaves a survivor": {
    inject: (looper) =>
      replaced(looper, ProcessTrees, () => ({
        terminate: () => Effect.succeed({ survivors: [4_000_000], treeSize: 1, signal: "SIGKILL" as const })
      })),
    tag: "SurvivorsLeft"
  },
  "the kill dies": { inject: (looper) => replaced(looper, ProcessTrees, () => ({ terminate: () => defect })) },
  "the wait for trailers dies": { inject: (looper) => replaced(looper, RunSupervisor, () => ({ settle: defect })) },
  "the step delay dies": dyingAt("delay"),
  "the step spawn dies": dyingAt("spawn"),
  "the launch fails": {
    inject: (looper) =>
      replaced(looper, RunSupervisor, () => ({ launch: () => Effect.fail(new SpawnFailed({ reason: "EAGAIN" })) })),
    tag: "SpawnFailed"
  },
  "the launch dies": { inject: (looper) => replaced(looper, RunSupervisor, () => ({ launch: () => defect })) },
  "the step startup_check dies": dyingAt("startup_check"),
  "the look at an early exit's log dies": {
    inject: (looper) => replaced(looper, RunLogs, () => ({ tail: () => defect })),
    isLaunched: true,
    prompt: codexScript([{ exit: 7 }])
  }
}

const holder = (looper: EmbeddedLooper) => Context.get(looper.services, RunLock).holder()

const assertNextRunWorks = Effect.fnUntraced(function* (looper: EmbeddedLooper) {
  assert.isUndefined(holder(looper))
  const { prompt, up } = staying(looper)
  const next = yield* looper.perform(run({ message: "m", prompt }))
  yield* up
  assert.isTrue(isAlive(next.started?.pid ?? 0))
  const live = Context.get(looper.services, RunSupervisor).live()
  assert.deepStrictEqual(
    live.map(({ requestId }) => requestId),
    [next.requestId]
  )
})

describe("the lock is released and the next run works after", () => {
  it.live.each(Object.keys(faults))("%s", (name) =>
    Effect.gen(function* () {
      const { inject, tag, isLaunched, prompt = "p" } = faults[name] as Fault
      const looper = yield* openLooper()
      const options = { message: "m", prompt, startupCheckSeconds: 10 }
      const exit = yield* run(options).pipe(Effect.provideContext(inject(looper)), looper.perform, Effect.exit)
      if (!Exit.isFailure(exit)) return assert.fail("the run succeeds")
      if (tag === undefined) assert.isTrue(Cause.hasDies(exit.cause))
      else assert.deepInclude(Cause.squash(exit.cause), { _tag: tag })
      assert.lengthOf(looper.runLogs(), isLaunched ? 1 : 0)
      if (!isLaunched) assert.deepStrictEqual(looper.runFiles(), [])
      yield* assertNextRunWorks(looper)
    })
  )

  it.live("a supervisor that was started and cannot be found: codex never begins", () =>
    Effect.gen(function* () {
      let isBlind = false
      const table = Layer.effect(
        ProcessTable,
        Effect.map(ProcessTable, (real) => ({
          ...real,
          find: (pid: number) => Effect.suspend(() => (isBlind ? defect : real.find(pid)))
        }))
      ).pipe(Layer.provide(ProcessTable.layer))
      const looper = yield* openLooper({ parts: { processTable: table } })
      const begun = looper.file("begun")
      isBlind = true
      const prompt = codexScript([{ writeFile: { path: begun, text: "" } }, { hang: true }])
      const requestId = drawId()
      const exit = yield* Effect.exit(looper.perform(spawnCodex({ requestId, prompt })))
      isBlind = false
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepStrictEqual(looper.runFiles(), [])
      yield* untilTrue(() => carriers(requestId).length === 0, "nothing of the run is left")
      assert.isFalse(existsSync(begun))
      yield* assertNextRunWorks(looper)
    })
  )

  it.live("a workspace that vanishes in the delay", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const workspace = looper.file("workspace")
      mkdirSync(workspace)
      const options = { message: "m", prompt: "p", workspace, delaySeconds: 0.3 }
      const held = yield* looper.begin(Effect.flip(run(options)))
      yield* untilStep(looper, "delay")
      rmSync(workspace, { recursive: true })
      assert.strictEqual((yield* Fiber.join(held))._tag, "SpawnFailed")
      assert.deepStrictEqual(looper.runFiles(), [])
      yield* assertNextRunWorks(looper)
    })
  )

  it.live("a kill that dies", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const dying = replaced(looper, ProcessTrees, () => ({ terminate: () => defect }))
      const exit = yield* killCodex().pipe(Effect.provideContext(dying), looper.perform, Effect.exit)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      yield* assertNextRunWorks(looper)
    })
  )

  it.live("survivors: they are named, and the old run's successor is not launched", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt, up } = staying(looper)
      const resident = (yield* looper.perform(run({ message: "m", prompt }))).started?.pid ?? 0
      yield* up
      const sparing = replaced(looper, ProcessTrees, () => ({
        terminate: () => Effect.succeed({ survivors: [resident], treeSize: 1, signal: "SIGKILL" as const })
      }))
      const error = yield* run({ message: "m", prompt }).pipe(
        Effect.provideContext(sparing),
        looper.perform,
        Effect.flip
      )
      assert.deepInclude(error, { _tag: "SurvivorsLeft", killedPids: [], remainingPids: [resident] })
      assert.lengthOf(looper.runLogs(), 1)
      assert.isTrue(isAlive(resident))
      yield* assertNextRunWorks(looper)
      assert.isFalse(isAlive(resident))
    })
  )
})
