/** What a run does, in which order, and what it answers. */
import { assert, describe, it } from "@effect/vitest"
import { chmodSync, existsSync, writeFileSync } from "node:fs"
import { Effect, Layer, Ref } from "effect"
import { getRun } from "../../effects/getRun.ts"
import { notify } from "../../effects/notify.ts"
import { run } from "../../effects/run.ts"
import { NotifyFailed } from "../../src/domain/errors.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { ProcessTrees } from "../../src/services/processes/ProcessTrees.ts"
import { RunSupervisor } from "../../src/services/runs/RunSupervisor.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../support/logs.ts"
import { beats, isAlive } from "../support/processes.ts"
import { drawId, type EmbeddedLooper, openLooper, replaced, staying, untilTrue } from "./embeddedLooper.ts"

const refusing = Layer.succeed(Notifier, { send: () => Effect.fail(new NotifyFailed({ reason: "no server" })) })

/** A run that lives before the test's own, with its heartbeat. */
const startResident = Effect.fnUntraced(function* (looper: EmbeddedLooper) {
  const heartbeat = looper.file("heartbeat")
  const { prompt, up } = staying(looper, [{ child: { kind: "group", heartbeat } }])
  const { started } = yield* looper.perform(run({ message: "m", prompt }))
  yield* up
  return { pid: started?.pid ?? 0, heartbeat }
})

const stepsOf = (looper: EmbeddedLooper, id: string) =>
  Effect.map(looper.perform(getRun(id)), ({ steps }) => steps.map(({ step, result, detail }) => [step, result, detail]))

describe("run", () => {
  it.live("announces, stops and launches, in this order", () =>
    Effect.gen(function* () {
      const calls = yield* Ref.make<ReadonlyArray<string>>([])
      const called = (name: string) => Ref.update(calls, (all) => [...all, name])
      const notifier = Layer.succeed(Notifier, { send: (message) => Effect.as(called(`send ${message}`), "OK") })
      const looper = yield* openLooper({ parts: { notifier } })
      const resident = yield* startResident(looper)
      yield* Ref.set(calls, [])
      const requestId = drawId()
      const recording = Effect.fnUntraced(function* (prompt: string) {
        return yield* run({ requestId, message: "second", prompt }).pipe(
          Effect.provideContext(
            replaced(looper, ProcessTrees, (real) => ({
              terminate: (seeds) =>
                called(isAlive(resident.pid) ? "stop the living" : "stop").pipe(Effect.andThen(real.terminate(seeds)))
            }))
          ),
          Effect.provideContext(
            replaced(looper, RunSupervisor, (real) => ({
              launch: (launch) =>
                called(`launch ${launch.requestId}${isAlive(resident.pid) ? " too early" : ""}`).pipe(
                  Effect.andThen(real.launch(launch))
                )
            }))
          )
        )
      })
      const { prompt, up } = staying(looper)
      const result = yield* looper.perform(recording(prompt))
      assert.deepStrictEqual(yield* Ref.get(calls), ["send second", "stop the living", `launch ${requestId}`])
      assert.deepInclude(result.killed, { killedPids: [resident.pid], remainingPids: [] })
      assert.deepInclude(result, { requestId, notifierOutput: "OK", workspace: looper.workspace })
      assert.deepStrictEqual(result.binary, { path: looper.codexPath, source: "env" })
      const steps = yield* stepsOf(looper, requestId)
      assert.deepStrictEqual(steps.slice(0, 3), [
        ["preflight", "ok", `${looper.workspace}, ${looper.codexPath}`],
        ["notify", "ok", "OK"],
        ["kill", "ok", `pid ${resident.pid} and 1 more, SIGTERM`]
      ])
      yield* up
      assert.isTrue(isAlive(result.started?.pid ?? 0))
    })
  )

  it.live("stops nothing and launches nothing where the message is not sent", () =>
    Effect.gen(function* () {
      let isDown = false
      const notifier = Layer.succeed(Notifier, {
        send: () => (isDown ? Effect.fail(new NotifyFailed({ reason: "no server" })) : Effect.succeed("OK"))
      })
      const looper = yield* openLooper({ parts: { notifier } })
      const resident = yield* startResident(looper)
      const files = looper.runFiles()
      isDown = true
      const error = yield* Effect.flip(looper.perform(run({ message: "m", prompt: "p" })))
      assert.deepInclude(error, { _tag: "NotifyFailed", reason: "no server" })
      assert.deepStrictEqual(looper.runFiles(), files)
      assert.isTrue(yield* Effect.promise(() => beats(resident.heartbeat)))
      assert.isTrue(isAlive(resident.pid))
    })
  )

  it.live("goes on without its message where that is not required, and answers why it is missing", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({
        env: () => ({ LOOPER_NOTIFY_REQUIRED: "0" }),
        parts: { notifier: refusing }
      })
      const { prompt, up } = staying(looper)
      const result = yield* looper.perform(run({ message: "m", prompt }))
      yield* up
      assert.strictEqual(result.notifierOutput, "failed to send Zulip message: no server")
      const steps = yield* stepsOf(looper, result.requestId)
      assert.deepStrictEqual(steps.slice(1, 3), [
        ["notify", "NotifyFailed", "failed to send Zulip message: no server"],
        ["kill", "ok", "nothing ran"]
      ])
      const error = yield* Effect.flip(looper.perform(notify({ message: "m" })))
      assert.strictEqual(error._tag, "NotifyFailed")
    })
  )

  it.live("with an empty prompt only sends", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const resident = yield* startResident(looper)
      const files = looper.runFiles()
      const nowhere = { message: "m", prompt: " \n", workspace: "/nowhere", binary: "no-such-codex" }
      const result = yield* looper.perform(run(nowhere))
      assert.deepInclude(result, { started: undefined, binary: undefined, notifierOutput: "OK notifier=log" })
      assert.deepStrictEqual(result.killed, { killedPids: [], remainingPids: [], foreignPids: [] })
      assert.deepStrictEqual(looper.runFiles(), files)
      assert.isTrue(yield* Effect.promise(() => beats(resident.heartbeat)))
      assert.isTrue(isAlive(resident.pid))
    })
  )
})

describe("startup check", () => {
  it.live("answers an early exit with its code and the end of its log", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const prompt = codexScript([{ print: `${"x".repeat(2_000)}\u001b[31m wrong\n` }, { exit: 7 }])
      const error = yield* Effect.flip(looper.perform(run({ message: "m", prompt, startupCheckSeconds: 10 })))
      assert.strictEqual(error._tag, "ExitedEarly")
      if (error._tag !== "ExitedEarly") return
      const [path = ""] = looper.runLogs()
      assert.deepInclude(error, { step: "startup_check", returnCode: 7, logPath: path })
      assert.include(error.tail, `${"x".repeat(1_100)}\\x1b[31m wrong\\n`)
      assert.isBelow(error.tail.length, 1_300)
      assert.strictEqual(error.message, `codex exec exited early (rc=7, log_path=${path}, tail=${error.tail})`)
      assert.strictEqual(readRunLog(path).code, "7")
      yield* untilTrue(() => looper.runFiles().length === 1, "the side file is gone")
    })
  )

  it.live("shows no secret in that, not in half at its beginning, and not where colours split it", () =>
    Effect.gen(function* () {
      const secret = "correct-horse-battery"
      const looper = yield* openLooper({ env: () => ({ LOOPER_API_TOKEN: secret }) })
      const tailOf = Effect.fnUntraced(function* (print: string) {
        const prompt = codexScript([{ print }, { exit: 7 }])
        const error = yield* Effect.flip(looper.perform(run({ message: "m", prompt, startupCheckSeconds: 10 })))
        return error._tag === "ExitedEarly" ? error.tail : assert.fail(error.message)
      })
      const trailer = "\n# codex_exec_return_code=7\n"
      const cut = yield* tailOf(secret + "x".repeat(1_190 - trailer.length))
      assert.match(cut, /^[^-]*\*\*\*x+\\n# codex_exec_return_code=7\\n$/)
      const split = yield* tailOf("\u001b[1mcorrect-\u001b[0mhorse-battery staple")
      assert.strictEqual(split, "*** staple\\n# codex_exec_return_code=7\\n")
    })
  )

  it.live("answers an exit with 0 as a success that has ended", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { started } = yield* looper.perform(run({ message: "m", prompt: "p", startupCheckSeconds: 10 }))
      assert.strictEqual(started?.startupReturnCode, 0)
    })
  )

  it.live("answers a run that outlives it as one without a code", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt } = staying(looper)
      const { started } = yield* looper.perform(run({ message: "m", prompt, startupCheckSeconds: 0.05 }))
      assert.isUndefined(started?.startupReturnCode)
      assert.isTrue(isAlive(started?.pid ?? 0))
    })
  )

  it.live("answers a failed exec as an early exit of the spawn, also where nothing is to be checked", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const cutOff = looper.file("program")
      writeFileSync(cutOff, Buffer.from("\x7fELF\x02\x01\x01", "latin1"))
      chmodSync(cutOff, 0o755)
      const options = { message: "m", prompt: "p", binary: cutOff, startupCheckSeconds: 0 }
      const error = yield* Effect.flip(looper.perform(run(options)))
      assert.deepInclude(error, { _tag: "ExitedEarly", step: "spawn", returnCode: 126 })
      const [path = ""] = looper.runLogs()
      assert.strictEqual(readRunLog(path).code, "126")
    })
  )

  it.live("answers a codex that itself exits with 127 as an early exit of the check", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const options = { message: "m", prompt: codexScript([{ exit: 127 }]), startupCheckSeconds: 10 }
      const error = yield* Effect.flip(looper.perform(run(options)))
      assert.deepInclude(error, { _tag: "ExitedEarly", step: "startup_check", returnCode: 127 })
    })
  )

  it.live("does not hold up a run whose check is 0", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const go = looper.file("go")
      const done = looper.file("done")
      const prompt = codexScript([{ waitForFile: go }, { writeFile: { path: done, text: "" } }, { exit: 3 }])
      const { started } = yield* looper.perform(run({ message: "m", prompt }))
      assert.isUndefined(started?.startupReturnCode)
      writeFileSync(go, "")
      yield* untilTrue(() => existsSync(done), "the run goes on")
    })
  )
})
