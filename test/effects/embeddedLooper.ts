/** Looper's services without HTTP: all of them real, in a temporary folder, with the codex stand-in. */
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Deferred, Effect, Exit, type Fiber, Layer, Scope } from "effect"
import { layerParts, layerWith } from "../../src/layers.ts"
import type { ConfigInvalid } from "../../src/services/config/configValue.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { Notifier } from "../../src/services/notifiers/Notifier.ts"
import { ProcessTrees } from "../../src/services/processes/ProcessTrees.ts"
import { RunLock } from "../../src/services/runs/RunLock.ts"
import { type CodexStep, codexScript, installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { killHard, until, withEnvironment } from "../support/processes.ts"

/** A folder of which nothing, and no process of which, outlives its scope. */
export interface Folder {
  readonly folder: string
  readonly workspace: string
  readonly logDir: string
  readonly codexPath: string
  /** A path in it that nobody has. */
  readonly file: (name: string) => string
  /** Paths of the run logs, in the order of their names. */
  readonly runLogs: () => ReadonlyArray<string>
  /** Names of every file of a run: logs and side files. */
  readonly runFiles: () => ReadonlyArray<string>
}

/** In the environment of everything that is started here, also where a run's marker is dropped. */
const folderVariable = "TEST_FOLDER"

export const makeFolder: Effect.Effect<Folder, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "looper-effects-"))
    const [workspace, logDir, bin] = ["workspace", "logs", "bin"].map((name) => join(folder, name)) as [
      string,
      string,
      string
    ]
    for (const path of [workspace, logDir, bin]) mkdirSync(path)
    let files = 0
    const runFiles = () => readdirSync(logDir).filter((name) => name.startsWith("codex-exec-"))
    return {
      folder,
      workspace,
      logDir,
      codexPath: installCodexStandIn(bin),
      file: (name: string) => join(folder, `${++files}-${name}`),
      runFiles,
      runLogs: () =>
        runFiles()
          .filter((name) => name.endsWith(".log"))
          .toSorted()
          .map((name) => join(logDir, name))
    }
  }),
  ({ folder }) =>
    Effect.promise(async () => {
      await until(() => {
        const left = withEnvironment(folderVariable, folder)
        for (const pid of left) killHard(pid)
        return left.length === 0
      }, `no process of ${folder} is left`)
      rmSync(folder, { recursive: true, force: true })
    })
)

const environmentOf = (folder: Folder, over: Readonly<Record<string, string | undefined>>) => ({
  PATH: process.env.PATH,
  HOME: folder.folder,
  [folderVariable]: folder.folder,
  LOOPER_NOTIFIER: "log",
  LOOPER_LOG_LEVEL: "CRITICAL",
  LOOPER_SERVER_LOG_PATH: join(folder.folder, "looper-server.log"),
  LOOPER_DEFAULT_WORKSPACE: folder.workspace,
  CODEX_EXEC_LOG_DIR: folder.logDir,
  CODEX_EXEC_KILL_SCOPE: "own",
  CODEX_EXEC_BINARY: folder.codexPath,
  CODEX_EXEC_DELAY_SECONDS: "0",
  CODEX_EXEC_STARTUP_CHECK_SECONDS: "0",
  ...over
})

export interface EmbeddedOptions {
  /** Over the defaults; undefined unsets. */
  readonly env?: (folder: Folder) => Readonly<Record<string, string | undefined>>
  readonly parts?: Partial<typeof layerParts>
}

/** All that the layers give. */
export type Services = Layer.Success<ReturnType<typeof layerWith<never, never>>>

export interface EmbeddedLooper extends Folder {
  readonly services: Context.Context<Services>
  /** Runs a program over the one set of services. */
  readonly perform: <A, E>(program: Effect.Effect<A, E, Services>) => Effect.Effect<A, E>
  /** The same, and `program` begins before this returns. */
  readonly begin: <A, E>(program: Effect.Effect<A, E, Services>) => Effect.Effect<Fiber.Fiber<A, E>, never, Scope.Scope>
  /** Closes the layers' scope, without any signal. */
  readonly close: Effect.Effect<void>
}

export const openLooper = Effect.fnUntraced(function* (
  options: EmbeddedOptions = {}
): Effect.fn.Return<EmbeddedLooper, Layer.Error<ReturnType<typeof layerWith<ConfigInvalid, never>>>, Scope.Scope> {
  const folder = yield* makeFolder
  const environment = environmentOf(folder, options.env?.(folder) ?? {})
  const scope = yield* Scope.make()
  const close = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => close)
  const layer = layerWith(LooperConfig.layer({ root: folder.folder, environment }), {
    ...layerParts,
    processTrees: ProcessTrees.layerWith({ graceMillis: 300 }),
    ...options.parts
  })
  const services = yield* Layer.buildWithScope(layer, scope)
  return {
    ...folder,
    services,
    close,
    perform: (program) => Effect.provideContext(program, services),
    begin: (program) => Effect.forkScoped(Effect.provideContext(program, services), { startImmediately: true })
  }
})

/** One service with some methods replaced, for `Effect.provideServices` or a part of the layers. */
export const replaced = <I, S extends object>(
  looper: EmbeddedLooper,
  tag: Context.Key<I, S>,
  change: (real: S) => Partial<S>
): Context.Context<I> => {
  const real = Context.getUnsafe(looper.services as Context.Context<never>, tag)
  return Context.make(tag, { ...real, ...change(real) })
}

/** A request id of this test alone: whatever Looper on this machine has a run of the same id stops both. */
export const drawId = () => randomBytes(4).toString("hex")

/** Something that waits until the test opens it. */
export const makeGate = Effect.gen(function* () {
  const entered = yield* Deferred.make<void>()
  const opened = yield* Deferred.make<void>()
  return {
    /** What waits. */
    pass: Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(opened)),
    /** Until somebody waits. */
    entered: Deferred.await(entered),
    open: Deferred.succeed(opened, undefined)
  }
})

/** A notifier that does `effect` and then says that it sent. */
export const layerNotifying = (effect: Effect.Effect<void>) =>
  Layer.succeed(Notifier, { send: () => Effect.as(effect, "OK notifier=test") })

/** Polls; see `until`. */
export const untilTrue = <A>(predicate: () => A | Promise<A>, label: string) =>
  Effect.promise(() => until(predicate, label))

export const untilStep = (looper: EmbeddedLooper, step: string) =>
  untilTrue(() => Context.get(looper.services, RunLock).holder()?.step === step, `the sequence is in ${step}`)

/** Steps of a run that stays, and the file that tells that it is up. */
export const staying = (looper: Folder, steps: ReadonlyArray<CodexStep> = []) => {
  const ready = looper.file("ready")
  return {
    prompt: codexScript([...steps, { writeFile: { path: ready, text: "" } }, { hang: true }]),
    up: untilTrue(() => existsSync(ready), "the run is up")
  }
}
