/** The sequence and its run belong to the layers' scope: not to the caller, and to no signal. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Fiber, Layer } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { killCodex } from "../../effects/killCodex.ts"
import { run } from "../../effects/run.ts"
import { spawnCodex } from "../../effects/spawnCodex.ts"
import { ProcessTrees } from "../../src/services/processes/ProcessTrees.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { RunSupervisor } from "../../src/services/runs/RunSupervisor.ts"
import { ServerLog } from "../../src/services/serverLog/ServerLog.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import type { CodexStep } from "../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../support/logs.ts"
import { beats, carriers, isAlive, stopsGrowing } from "../support/processes.ts"
import {
  drawId,
  layerNotifying,
  makeGate,
  openLooper,
  replaced,
  type Services,
  staying,
  untilStep,
  untilTrue
} from "./embeddedLooper.ts"

const kinds = ["group", "ownGroup", "session", "daemon"] as const

const everyOperation: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, Services>> = [
  run({ message: "m", prompt: "p" }),
  run({ message: "m", prompt: "" }),
  killCodex(),
  spawnCodex({ prompt: "p" }),
  autopollTick()
]

describe("closing the scope of the layers, without any signal,", () => {
  it.live.each([
    ["a run with its whole tree", [], "143"],
    ["a stubborn run with its whole tree", [{ ignore: ["SIGTERM", "SIGINT", "SIGHUP"] }], "137"]
  ] as ReadonlyArray<[string, ReadonlyArray<CodexStep>, string]>)("ends %s and completes its log", ([, steps, code]) =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const hearts = kinds.map((kind) => looper.file(kind))
      const children = kinds.map((kind, index): CodexStep => {
        const heartbeat = hearts[index] ?? ""
        return { child: { kind, heartbeat, ignoresTerm: code === "137", holdsOutput: kind === "session" } }
      })
      const { prompt, up } = staying(looper, [...steps, ...children, { print: "last words" }])
      const { requestId, started } = yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      yield* Effect.promise(() => Promise.all(hearts.map(beats)))
      yield* looper.close
      assert.deepStrictEqual(carriers(requestId), [])
      const dead = yield* Effect.promise(() => Promise.all(hearts.map((heart) => stopsGrowing(heart))))
      assert.deepStrictEqual(dead, [true, true, true, true])
      const log = readRunLog(started?.logPath ?? "")
      assert.deepStrictEqual([log.code, log.body.toString(), log.rest.length], [code, "last words", 0])
      assert.deepStrictEqual(looper.runFiles().length, 1, "the side file is gone")
    })
  )

  it.live("ends what a finished run left", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const hearts = [looper.file("session"), looper.file("daemon")] as const
      const { started } = yield* looper.perform(
        run({
          message: "m",
          prompt: JSON.stringify([
            { child: { kind: "session", heartbeat: hearts[0] } },
            { child: { kind: "daemon", heartbeat: hearts[1], dropsMarker: false } },
            { exit: 0 }
          ] satisfies ReadonlyArray<CodexStep>),
          startupCheckSeconds: 10
        })
      )
      assert.strictEqual(started?.startupReturnCode, 0)
      yield* Effect.promise(() => Promise.all(hearts.map(beats)))
      yield* looper.close
      const dead = yield* Effect.promise(() => Promise.all(hearts.map((heart) => stopsGrowing(heart))))
      assert.deepStrictEqual(dead, [true, true])
    })
  )

  it.live("cuts the message: nothing is launched, no log is left", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper({ parts: { notifier: layerNotifying(gate.pass) } })
      const held = yield* looper.begin(Effect.flip(run({ message: "m", prompt: "p" })))
      yield* gate.entered
      yield* looper.close
      assert.strictEqual((yield* Fiber.join(held))._tag, "ShuttingDown")
      assert.deepStrictEqual(looper.runFiles(), [])
    })
  )

  it.live("cuts the delay: nothing is launched, no log is left", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt } = staying(looper)
      const requestId = drawId()
      const held = yield* looper.begin(Effect.flip(run({ requestId, message: "m", prompt, delaySeconds: 600 })))
      yield* untilStep(looper, "delay")
      assert.lengthOf(looper.runLogs(), 1)
      yield* looper.close
      assert.strictEqual((yield* Fiber.join(held))._tag, "ShuttingDown")
      assert.deepStrictEqual(looper.runFiles(), [])
      assert.deepStrictEqual(carriers(requestId), [])
    })
  )

  it.live("cuts the startup check and stops the run that was started", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const heartbeat = looper.file("heartbeat")
      const { prompt, up } = staying(looper, [{ child: { kind: "session", heartbeat } }])
      const options = { requestId: drawId(), message: "m", prompt, startupCheckSeconds: 600 }
      const held = yield* looper.begin(Effect.flip(run(options)))
      yield* up
      yield* looper.close
      assert.strictEqual((yield* Fiber.join(held))._tag, "ShuttingDown")
      assert.deepStrictEqual(carriers(options.requestId), [])
      assert.isTrue(yield* Effect.promise(() => stopsGrowing(heartbeat)))
      assert.strictEqual(readRunLog(looper.runLogs()[0] ?? "").code, "143")
    })
  )

  it.live("does not cut a kill: the tree ends first, then the sequence", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      let kills = 0
      const looper = yield* openLooper()
      const { prompt } = staying(looper)
      const { started } = yield* looper.perform(run({ message: "m", prompt }))
      const slow = replaced(looper, ProcessTrees, (real) => ({
        terminate: (seeds) =>
          gate.pass.pipe(
            Effect.andThen(real.terminate(seeds)),
            Effect.tap(() => Effect.sync(() => void (kills += 1)))
          )
      }))
      const held = yield* looper.begin(Effect.flip(run({ message: "m", prompt })).pipe(Effect.provideContext(slow)))
      yield* gate.entered
      const closing = yield* Effect.forkScoped(looper.close, { startImmediately: true })
      assert.isTrue(isAlive(started?.pid ?? 0))
      yield* gate.open
      yield* Fiber.join(closing)
      assert.strictEqual(kills, 1)
      assert.strictEqual((yield* Fiber.join(held))._tag, "ShuttingDown")
      assert.deepStrictEqual(looper.runLogs(), [started?.logPath ?? ""])
    })
  )

  it.live("does not cut the record of a run that a kill has just ended", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const serverLog = Layer.effect(
        ServerLog,
        Effect.map(ServerLog, (real) => ({
          ...real,
          append: (lines: Uint8Array) => Effect.andThen(gate.pass, real.append(lines))
        }))
      ).pipe(Layer.provide(ServerLog.layerWith({ isCopiedToStdout: false })))
      const looper = yield* openLooper({ parts: { serverLog } })
      const { prompt, up } = staying(looper, [{ print: "last words" }])
      const { started } = yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      yield* looper.perform(killCodex())
      yield* gate.entered
      const closing = yield* Effect.forkScoped(looper.close, { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(closing)
      assert.strictEqual(readRunLog(started?.logPath ?? "").code, "143")
      assert.lengthOf(looper.runFiles(), 1, "the side file is gone: the end is recorded")
      assert.match(readFileSync(join(looper.folder, "looper-server.log"), "utf8"), /^last words$/m)
    })
  )

  it.live("does not cut a launch: the run is registered, and then stopped", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper()
      const { prompt } = staying(looper)
      const slow = replaced(looper, RunSupervisor, (real) => ({
        launch: (launch) => Effect.andThen(gate.pass, real.launch(launch))
      }))
      const options = { requestId: drawId(), message: "m", prompt, startupCheckSeconds: 600 }
      const held = yield* looper.begin(Effect.flip(run(options)).pipe(Effect.provideContext(slow)))
      yield* gate.entered
      const closing = yield* Effect.forkScoped(looper.close, { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(held))._tag, "ShuttingDown")
      assert.deepStrictEqual(carriers(options.requestId), [])
      assert.strictEqual(readRunLog(looper.runLogs()[0] ?? "").code, "143")
    })
  )

  it.live.each(["is over", "has begun"])("refuses every operation from then on: it %s", (state) =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      yield* state === "is over" ? looper.close : Context.get(looper.services, Shutdown).begin
      for (const program of everyOperation) {
        assert.strictEqual((yield* Effect.flip(looper.perform(program)))._tag, "ShuttingDown")
      }
      assert.deepStrictEqual(looper.runFiles(), [])
    })
  )
})

describe("a caller that is interrupted", () => {
  it.live("while the message is sent changes nothing: the run is launched all the same", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper({ parts: { notifier: layerNotifying(gate.pass) } })
      const { prompt, up } = staying(looper)
      const requestId = drawId()
      const caller = yield* looper.begin(run({ requestId, message: "m", prompt }))
      yield* gate.entered
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(caller), { startImmediately: true })
      yield* gate.open
      yield* Fiber.join(interrupting)
      yield* up
      const lock = Context.get(looper.services, RunLock)
      yield* untilTrue(() => lock.holder() === undefined, "the lock is free again")
      const live = Context.get(looper.services, RunSupervisor).live()
      assert.deepStrictEqual(
        live.map((each) => each.requestId),
        [requestId]
      )
      assert.isTrue(isAlive(live[0]?.codex.pid ?? 0))
    })
  )

  it.live.each(["delay", "startup_check"])("in the step %s changes nothing", (step) =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt, up } = staying(looper)
      const requestId = drawId()
      const options = { requestId, message: "m", prompt, delaySeconds: 0.3, startupCheckSeconds: 0.3 }
      const caller = yield* looper.begin(run(options))
      yield* untilStep(looper, step)
      yield* Fiber.interrupt(caller)
      assert.strictEqual(Context.get(looper.services, RunLock).holder()?.requestId, requestId)
      yield* up
      const lock = Context.get(looper.services, RunLock)
      yield* untilTrue(() => lock.holder() === undefined, "the lock is free again")
      assert.lengthOf(Context.get(looper.services, RunSupervisor).live(), 1)
    })
  )
})
