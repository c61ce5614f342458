import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Layer, Scope } from "effect"
import { afterAll, afterEach, vi } from "vitest"
import { killCodex } from "../../effects/killCodex.ts"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { LooperForTests } from "../../src/testing/LooperForTests.ts"
import { startLooperForTests } from "../../src/testing/startLooperForTests.ts"
import { ZulipServer } from "../../src/testing/ZulipServer.ts"
import { type Answer, sendRequest } from "../support/httpClient.ts"
import { runOf } from "../support/residentLooper.ts"
import { beats, sizeOf, stopsGrowing, until } from "../support/processes.ts"

const ownFolder = mkdtempSync(join(tmpdir(), "looper-kit-test-"))
afterAll(() => rmSync(ownFolder, { recursive: true }))
afterEach(() => void vi.unstubAllEnvs())
let files = 0
const file = (name: string) => join(ownFolder, `${++files}-${name}`)

const post = (url: string, path: string, body: unknown = {}): Promise<Answer> =>
  sendRequest(url, "POST", path, { body })
const run = (url: string, steps: ReadonlyArray<CodexStep>) =>
  post(url, "/run", { zulip_message: "hello", codex_prompt: codexScript(steps) })

/** Steps of a run that ignores SIGTERM and stays, and its heartbeat. */
const stubborn = () => {
  const heartbeat = file("heartbeat")
  const steps: ReadonlyArray<CodexStep> = [
    { ignore: ["SIGTERM"] },
    { child: { kind: "daemon", ignoresTerm: true, heartbeat } },
    { hang: true }
  ]
  return { steps, heartbeat }
}

const kitFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("looper-for-tests-"))

describe("Looper of the test kit", () => {
  it.live("announces and starts over HTTP, in folders of its own", () =>
    Effect.gen(function* () {
      const looper = yield* LooperForTests
      const zulip = yield* ZulipServer
      const argvFile = file("argv")
      const answer = yield* Effect.promise(() => run(looper.url, [{ argvTo: argvFile }, { print: "done\n" }]))
      assert.strictEqual(answer.status, 200, answer.text)
      assert.deepInclude(zulip.messages[0], { content: "hello", to: "coding" })
      yield* Effect.promise(() => until(() => sizeOf(argvFile) > 0, "the run has begun"))
      assert.include(readFileSync(argvFile, "utf8"), looper.workspace)
      const trailer = "done\n\n# codex_exec_return_code=0\n"
      yield* looper.runLogs.pipe(
        Effect.repeat({ until: ([log]) => log?.text.endsWith(trailer) === true }),
        Effect.timeout("10 seconds")
      )
      // A record waits while a batch of the mirror is written.
      yield* looper.serverLog.pipe(
        Effect.repeat({ until: (log) => /^.* INFO looper run\.success /m.test(log) }),
        Effect.timeout("10 seconds")
      )
    }).pipe(Effect.provide(LooperForTests.layer()))
  )

  it.live("gives the services of the operations that its server uses", () =>
    Effect.gen(function* () {
      const { url } = yield* LooperForTests
      const answer = yield* Effect.promise(() => run(url, [{ hang: true }]))
      const { killedPids } = yield* killCodex()
      assert.deepStrictEqual(killedPids, [runOf(answer).pid])
    }).pipe(Effect.provide(LooperForTests.layer()))
  )

  it.live("ends with its scope: stubborn runs, the listener and the folder", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const looper = yield* LooperForTests.pipe(
        Effect.provideContext(yield* Layer.buildWithScope(LooperForTests.layer({ graceMillis: 100 }), scope))
      )
      const { steps, heartbeat } = stubborn()
      yield* Effect.promise(() => run(looper.url, steps))
      assert.isTrue(yield* Effect.promise(() => beats(heartbeat)))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* Effect.promise(() => stopsGrowing(heartbeat)))
      assert.isFalse(existsSync(looper.folder))
      const refused = yield* Effect.promise(() => post(looper.url, "/kill").catch((error: Error) => error))
      assert.propertyVal(refused, "code", "ECONNREFUSED")
    })
  )

  it("keeps away from another one beside it", async () => {
    await using one = await startLooperForTests()
    await using other = await startLooperForTests()
    const { steps, heartbeat } = stubborn()
    await run(one.url, steps)
    assert.isTrue(await beats(heartbeat))
    assert.deepStrictEqual((await post(other.url, "/kill")).body?.killed_codex_exec_pids, [])
    assert.isTrue(await beats(heartbeat))
    assert.lengthOf(one.zulip.messages, 1)
    assert.lengthOf(other.zulip.messages, 0)
  })

  it("takes no configuration from its caller", async () => {
    vi.stubEnv("LOOPER_API_TOKEN", "callers-own")
    vi.stubEnv("CALLERS_SECRET", "secret")
    await using looper = await startLooperForTests()
    const environmentFile = file("environment")
    const answer = await run(looper.url, [{ environmentTo: environmentFile }])
    assert.strictEqual(answer.status, 200, answer.text)
    await until(
      () => existsSync(environmentFile) && readFileSync(environmentFile, "utf8").includes("}"),
      "it is written"
    )
    assert.notInclude(readFileSync(environmentFile, "utf8"), "CALLERS_SECRET")
  })

  it("takes variables over its defaults", async () => {
    await using looper = await startLooperForTests({
      environment: { LOOPER_API_TOKEN: "kit-token", LOOPER_NOTIFIER: "log" }
    })
    assert.strictEqual((await run(looper.url, [])).status, 401)
    const headers = { authorization: "Bearer kit-token" }
    const answer = await sendRequest(looper.url, "POST", "/notify", { headers, body: { zulip_message: "hello" } })
    assert.strictEqual(answer.status, 200)
    assert.lengthOf(looper.zulip.messages, 0)
    assert.match(looper.serverLog(), /notify\.log .*message_len=5/)
  })

  it("starts work by itself only when told to", async () => {
    const environment = {
      LOOPER_AUTO_START_WHEN_IDLE: "1",
      LOOPER_DEFAULT_PROMPT: codexScript([{ print: "by itself" }])
    }
    await using looper = await startLooperForTests({ environment })
    assert.isTrue(await until(() => looper.runLogs().some(({ text }) => text.includes("by itself")), "it has started"))
  })

  it("says nothing on stdout", async () => {
    const write = vi.spyOn(process.stdout, "write")
    await using looper = await startLooperForTests()
    await run(looper.url, [])
    assert.notMatch(write.mock.calls.flat().join("\n"), /server\.listening|run\.success/)
    write.mockRestore()
  })

  it("fails with the variable that is wrong and leaves nothing", async () => {
    const before = kitFolders()
    const error = await startLooperForTests({ environment: { LOOPER_PORT: "many" } }).catch((reason: unknown) => reason)
    assert.propertyVal(error, "_tag", "ConfigInvalid")
    assert.propertyVal(error, "variable", "LOOPER_PORT")
    assert.deepStrictEqual(kitFolders(), before)
  })

  it("may be stopped twice", async () => {
    const looper = await startLooperForTests()
    await looper.stop()
    await looper.stop()
    assert.isFalse(existsSync(looper.folder))
  })
})
