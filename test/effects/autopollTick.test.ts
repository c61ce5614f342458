/** One tick: starts the default prompt, or says why not; and the loop around it. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { run } from "../../effects/run.ts"
import type { SkipReason, TickResult } from "../../src/domain/RunResult.ts"
import { CodexProcesses } from "../../src/services/processes/CodexProcesses.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { isAlive } from "../support/processes.ts"
import {
  type EmbeddedLooper,
  type EmbeddedOptions,
  layerNotifying,
  makeGate,
  openLooper,
  replaced,
  staying,
  untilTrue
} from "./embeddedLooper.ts"

const skipped = (reason: SkipReason): TickResult => ({ outcome: "skipped", reason })

/** Ticks, and nothing but the files of what was there before is there afterwards. */
const tickInVain = Effect.fnUntraced(function* (looper: EmbeddedLooper) {
  const files = looper.runFiles()
  const result = yield* looper.perform(autopollTick())
  assert.deepStrictEqual(looper.runFiles(), files)
  return result
})

describe("a tick", () => {
  it.live("starts the default prompt in the default workspace, without a message or a delay", () =>
    Effect.gen(function* () {
      let sent = 0
      const looper = yield* openLooper({
        env: ({ folder }) => ({
          LOOPER_DEFAULT_PROMPT: ` ${codexScript([{ argvTo: join(folder, "argv") }, { hang: true }])} `,
          CODEX_EXEC_DELAY_SECONDS: "600"
        }),
        parts: { notifier: layerNotifying(Effect.sync(() => void (sent += 1))) }
      })
      const result = yield* looper.perform(autopollTick())
      assert.strictEqual(result.outcome, "started")
      if (result.outcome !== "started") return
      assert.match(result.started.requestId, /^auto[0-9a-f]{8}$/)
      assert.deepStrictEqual(looper.runLogs(), [result.started.logPath])
      assert.isTrue(isAlive(result.started.pid))
      assert.strictEqual(sent, 0)
      const argv = join(looper.folder, "argv")
      yield* untilTrue(() => existsSync(argv) && readFileSync(argv, "utf8").endsWith("]"), "the run is up")
      const words = JSON.parse(readFileSync(argv, "utf8")) as ReadonlyArray<string>
      assert.strictEqual(words[words.indexOf("-C") + 1], looper.workspace)
    })
  )

  it.live("skips while a target lives", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { prompt } = staying(looper)
      const { started } = yield* looper.perform(run({ message: "m", prompt }))
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("alive_tasks"))
      assert.isTrue(isAlive(started?.pid ?? 0))
    })
  )

  it.live("skips while a sequence holds the lock, whatever else speaks against it", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper({
        env: () => ({ LOOPER_DEFAULT_WORKSPACE: "/nowhere" }),
        parts: { notifier: layerNotifying(gate.pass) }
      })
      const { prompt } = staying(looper)
      const held = yield* looper.begin(run({ message: "m", prompt, workspace: looper.workspace }))
      yield* gate.entered
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("run_lock_busy"))
      yield* gate.open
      yield* Fiber.join(held)
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("alive_tasks"))
    })
  )

  it.live("is in nobody's way while it looks, and starts nothing beside what began meanwhile", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate
      const looper = yield* openLooper()
      let looks = 0
      const slow = replaced(looper, CodexProcesses, (real) => ({
        survey: (options) => Effect.tap(real.survey(options), () => (looks++ === 0 ? gate.pass : Effect.void))
      }))
      const tick = yield* looper.begin(autopollTick().pipe(Effect.provideContext(slow)))
      yield* gate.entered
      const { prompt } = staying(looper)
      const { started } = yield* looper.perform(run({ message: "m", prompt }))
      assert.isTrue(isAlive(started?.pid ?? 0))
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(tick), skipped("alive_tasks"))
    })
  )

  it.live("skips where somebody takes the lock while it looks", () =>
    Effect.gen(function* () {
      const [look, message] = [yield* makeGate, yield* makeGate]
      const looper = yield* openLooper({ parts: { notifier: layerNotifying(message.pass) } })
      const slow = replaced(looper, CodexProcesses, (real) => ({
        survey: (options) => Effect.tap(real.survey(options), () => look.pass)
      }))
      const tick = yield* looper.begin(autopollTick().pipe(Effect.provideContext(slow)))
      yield* look.entered
      const { prompt } = staying(looper)
      const held = yield* looper.begin(run({ message: "m", prompt }))
      yield* message.entered
      yield* look.open
      assert.deepStrictEqual(yield* Fiber.join(tick), skipped("run_lock_busy"))
      yield* message.open
      yield* Fiber.join(held)
    })
  )

  it.live("looks at the targets of the default workspace, where only those are targets", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({
        env: () => ({ CODEX_EXEC_KILL_SCOPE: "workspace", LOOPER_DEFAULT_PROMPT: codexScript([{ hang: true }]) })
      })
      const workspace = join(looper.folder, "other")
      mkdirSync(workspace)
      const { prompt } = staying(looper)
      yield* looper.perform(run({ message: "m", prompt, workspace }))
      assert.strictEqual((yield* looper.perform(autopollTick())).outcome, "started")
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("alive_tasks"))
    })
  )

  it.live("skips while the newest run log is fresh", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({
        env: () => ({ LOOPER_IDLE_LOG_STALE_SECONDS: "3600", LOOPER_DEFAULT_WORKSPACE: "/nowhere" })
      })
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("misconfigured"))
      const options = { message: "m", prompt: "p", startupCheckSeconds: 10, workspace: looper.workspace }
      yield* looper.perform(run(options))
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("recent_log_activity"))
    })
  )

  it.live("starts where the newest run log is old enough", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({
        env: () => ({ LOOPER_IDLE_LOG_STALE_SECONDS: "0.05", LOOPER_DEFAULT_PROMPT: "p" })
      })
      yield* looper.perform(run({ message: "m", prompt: "p", startupCheckSeconds: 10 }))
      yield* untilTrue(
        () => Effect.runPromise(Effect.map(looper.perform(autopollTick()), ({ outcome }) => outcome === "started")),
        "a tick starts a run"
      )
    })
  )

  const misconfigured: Readonly<Record<string, NonNullable<EmbeddedOptions["env"]>>> = {
    "workspace is missing": () => ({ LOOPER_DEFAULT_WORKSPACE: "/nowhere" }),
    "prompt file is missing": ({ folder }) => ({ LOOPER_DEFAULT_PROMPT_FILE: join(folder, "no-prompt") }),
    "prompt file is blank": ({ file }) => {
      const path = file("prompt")
      writeFileSync(path, " \n")
      return { LOOPER_DEFAULT_PROMPT_FILE: path }
    },
    "prompt file is not UTF-8": ({ file }) => {
      const path = file("prompt")
      writeFileSync(path, Buffer.from([0xff, 0xfe]))
      return { LOOPER_DEFAULT_PROMPT_FILE: path }
    },
    "binary is missing": ({ folder }) => ({ CODEX_EXEC_BINARY: join(folder, "no-codex") })
  }

  it.live.each(Object.keys(misconfigured))("skips as long as the %s", (name) =>
    Effect.gen(function* () {
      const looper = yield* openLooper({ ...(misconfigured[name] && { env: misconfigured[name] }) })
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("misconfigured"))
    })
  )

  it.live("reads the prompt's file anew each time", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper({
        env: ({ folder }) => ({ LOOPER_DEFAULT_PROMPT_FILE: join(folder, "prompt") })
      })
      const path = join(looper.folder, "prompt")
      assert.deepStrictEqual(yield* tickInVain(looper), skipped("misconfigured"))
      writeFileSync(path, "p")
      assert.strictEqual((yield* looper.perform(autopollTick())).outcome, "started")
      rmSync(path)
    })
  )

  it.live("fails where a start fails", () =>
    Effect.gen(function* () {
      const full = yield* openLooper({ env: () => ({ LOOPER_MIN_FREE_BYTES: String(2 ** 52) }) })
      assert.strictEqual((yield* Effect.flip(full.perform(autopollTick())))._tag, "DiskSpaceLow")
      const looper = yield* openLooper({
        env: () => ({
          LOOPER_DEFAULT_PROMPT: codexScript([{ exit: 4 }]),
          CODEX_EXEC_STARTUP_CHECK_SECONDS: "10"
        })
      })
      const error = yield* Effect.flip(looper.perform(autopollTick()))
      assert.deepInclude(error, { _tag: "ExitedEarly", returnCode: 4 })
    })
  )
})
