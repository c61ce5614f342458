/** Of each failure of a run one notice, also where codex was never started. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { run } from "../../effects/run.ts"
import { spawnCodex } from "../../effects/spawnCodex.ts"
import { NotifyFailed, RunLogUnwritable, SpawnFailed } from "../../src/domain/errors.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { ProcessTrees } from "../../src/services/processes/ProcessTrees.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { RunLogs } from "../../src/services/runs/RunLogs.ts"
import { RunSupervisor } from "../../src/services/runs/RunSupervisor.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { drawId, type EmbeddedLooper, openLooper, replaced, type Services, untilStep } from "./embeddedLooper.ts"

/** A Looper that tells failures, and what it told. */
const open = Effect.gen(function* () {
  const sent: Array<string> = []
  const send = (message: string) =>
    Effect.sync(() => {
      sent.push(message)
      return "OK"
    })
  const looper = yield* openLooper({
    env: () => ({ LOOPER_NOTIFY_ON: "failure", LOOPER_DEFAULT_PROMPT: "p" }),
    parts: { notifier: Layer.succeed(Notifier, { send }) }
  })
  /** Closing sends what waits. */
  const told = Effect.map(looper.close, () => sent.filter((text) => text.startsWith("Looper:")))
  return { looper, told }
})

const unwritable = (looper: EmbeddedLooper): Context.Context<never> =>
  replaced(looper, RunLogs, () => ({
    create: () => Effect.fail(new RunLogUnwritable({ path: "here", reason: "ENOSPC" }))
  }))
const unlaunched = (looper: EmbeddedLooper): Context.Context<never> =>
  replaced(looper, RunSupervisor, () => ({ launch: () => Effect.fail(new SpawnFailed({ reason: "m, EAGAIN" })) }))

const requestId = drawId()
const announced = run({ requestId, message: "m", prompt: "p" })
const spawned = spawnCodex({ requestId, prompt: "p" })
type Program = Effect.Effect<unknown, { readonly _tag: string }, Services>

describe("a run that fails before codex is started is told once", () => {
  it.live.each<[string, Program, (looper: EmbeddedLooper) => Context.Context<never>, string]>([
    ["its log cannot be written", announced, unwritable, "cannot create run log here: ENOSPC"],
    ["its log cannot be written, POST /spawn", spawned, unwritable, "cannot create run log here: ENOSPC"],
    ["it is not launched", announced, unlaunched, "failed to start codex exec: m, EAGAIN"],
    ["it is not launched, POST /spawn", spawned, unlaunched, "failed to start codex exec: m, EAGAIN"],
    [
      "somebody survives",
      announced,
      (looper) =>
        replaced(looper, ProcessTrees, () => ({
          terminate: () => Effect.succeed({ survivors: [4_000_000], treeSize: 1, signal: "SIGKILL" as const })
        })),
      "codex exec processes survived: 4000000"
    ],
    [
      "it dies",
      announced,
      (looper) => replaced(looper, RunSupervisor, () => ({ launch: () => Effect.die(new Error("injected")) })),
      "internal error"
    ]
  ])("%s", ([, program, inject, reason]) =>
    Effect.gen(function* () {
      const { looper, told } = yield* open
      yield* program.pipe(Effect.provideContext(inject(looper)), looper.perform, Effect.exit)
      assert.deepStrictEqual(yield* told, [`Looper: run \`${requestId}\` could not be started: \`${reason}\``])
    })
  )

  it.live("by its tick, where one started it", () =>
    Effect.gen(function* () {
      const { looper, told } = yield* open
      yield* autopollTick().pipe(Effect.provideContext(unlaunched(looper)), looper.perform, Effect.exit)
      const [notice, ...more] = yield* told
      assert.match(
        notice ?? "",
        /^Looper: autopoll could not start run `auto\w+`: `failed to start codex exec: m, EAGAIN`$/
      )
      assert.isEmpty(more)
    })
  )
})

describe("a failure is told", () => {
  it.live("once, as the run's end, where codex exits early", () =>
    Effect.gen(function* () {
      const { looper, told } = yield* open
      const prompt = codexScript([{ exit: 7 }])
      const error = yield* Effect.flip(looper.perform(spawnCodex({ requestId, prompt, startupCheckSeconds: 10 })))
      assert.strictEqual(error._tag, "ExitedEarly")
      const [notice, ...more] = yield* told
      assert.match(notice ?? "", /^Looper: run `\w+` failed with exit 7 after /)
      assert.isEmpty(more)
    })
  )

  it.live("not where the message failed, whose caller has it, and not where somebody cancelled", () =>
    Effect.gen(function* () {
      const { looper, told } = yield* open
      const mute = replaced(looper, Notifier, () => ({ send: () => Effect.fail(new NotifyFailed({ reason: "no" })) }))
      yield* Effect.flip(announced.pipe(Effect.provideContext(mute), looper.perform))
      const held = yield* looper.begin(Effect.exit(run({ requestId, message: "m", prompt: "p", delaySeconds: 60 })))
      yield* untilStep(looper, "delay")
      yield* Context.get(looper.services, RunLock).cancel(requestId)
      yield* Fiber.join(held)
      const cut = yield* looper.begin(Effect.exit(run({ message: "m", prompt: "p", delaySeconds: 60 })))
      yield* untilStep(looper, "delay")
      assert.isEmpty(yield* told)
      yield* Fiber.join(cut)
    })
  )
})
