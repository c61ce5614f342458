/** Looper as a layer for tests: real processes, a codex and a Zulip that do as they are told, a temporary folder. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { type HandlerServices, handlers } from "../../handlers/index.ts"
import { layerParts, layerWith } from "../layers.ts"
import { layerAutopoll } from "../runtime/autopoll.ts"
import { HttpServer } from "../runtime/server.ts"
import { layerStartWarnings } from "../runtime/startWarnings.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { ProcessTrees } from "../services/processes/ProcessTrees.ts"
import { ServerLog } from "../services/serverLog/ServerLog.ts"
import { installCodexStandIn } from "./CodexStandIn.ts"
import { ZulipServer, type ZulipServerOptions, type ZulipServerShape } from "./ZulipServer.ts"

/** What a test may choose; nothing has to be. */
export interface LooperForTestsOptions {
  /** Variables over the defaults, relative paths below the temporary folder; undefined unsets one. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly zulip?: ZulipServerOptions
  /** How long processes may take to obey SIGTERM before SIGKILL; default 500. */
  readonly graceMillis?: number
}

/** A run's log as it is now. */
export interface RunLogText {
  readonly path: string
  readonly text: string
}

/** A running Looper: its address, its files, and what they hold now. */
export interface LooperForTestsShape {
  /** Where it listens: `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Holds everything below; removed with the layer. */
  readonly folder: string
  readonly logDir: string
  /** An empty folder, the default workspace. */
  readonly workspace: string
  readonly serverLogPath: string
  /** The stand-in that runs start. */
  readonly codexPath: string
  readonly serverLog: Effect.Effect<string>
  /** By name, which begins with the second of the start. */
  readonly runLogs: Effect.Effect<ReadonlyArray<RunLogText>>
}

type Folder = Omit<LooperForTestsShape, "url">

/** A Looper of the test kit. */
export class LooperForTests extends Context.Service<LooperForTests, LooperForTestsShape>()(
  "looper/testing/LooperForTests"
) {
  /**
   * Runs Looper, with its HTTP server and every service of the operations, as long as the layer lives.
   *
   * **Details** Takes nothing over from the caller's own Looper or codex: only `PATH`, `LANG` and `TMPDIR` are
   * inherited. Messages go to the {@link ZulipServer} that the layer gives too (`LOOPER_NOTIFIER=log`: to the log).
   * Only its own runs are targets, nothing starts by itself, delays and startup checks take no time. Records go to
   * the server log, not to stdout. The layer's end stops the runs with their trees and removes the folder.
   *
   * **Errors** As Looper's start: `ConfigInvalid` and `ListenFailed` name what `environment` made wrong.
   */
  static readonly layer = (options: LooperForTestsOptions = {}) =>
    Layer.unwrap(
      Effect.gen(function* () {
        const zulip = yield* ZulipServer
        return layerIn(yield* makeFolder, zulip, options)
      })
    ).pipe(Layer.provideMerge(ZulipServer.layer(options.zulip)))
}

type KitLayer = ReturnType<typeof LooperForTests.layer>

/** All that the layer gives: the kit's own services, and those of the operations. */
export type LooperForTestsServices = Layer.Success<KitLayer>

/** Every way Looper's start can fail. */
export type LooperForTestsError = Layer.Error<KitLayer>

const makeFolder = Effect.acquireRelease(
  Effect.sync((): Folder => {
    const folder = mkdtempSync(join(tmpdir(), "looper-for-tests-"))
    const [logDir, workspace, bin] = [join(folder, "logs"), join(folder, "workspace"), join(folder, "bin")]
    for (const path of [logDir, workspace, bin, join(folder, "home")]) mkdirSync(path, { mode: 0o700 })
    const serverLogPath = join(folder, "looper-server.log")
    return {
      folder,
      logDir,
      workspace,
      serverLogPath,
      codexPath: installCodexStandIn(bin),
      serverLog: Effect.sync(() => readFileSync(serverLogPath, "utf8")),
      runLogs: Effect.sync(() => readRunLogs(logDir))
    }
  }),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
)

const readRunLogs = (logDir: string): ReadonlyArray<RunLogText> =>
  readdirSync(logDir)
    .filter((name) => /^codex-exec-.*\.log$/.test(name))
    .toSorted()
    .map((name) => join(logDir, name))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }))

const layerIn = (folder: Folder, zulip: ZulipServerShape, options: LooperForTestsOptions) => {
  const environment = { ...environmentOf(folder, zulip), ...options.environment }
  const looper = Layer.effect(
    LooperForTests,
    Effect.map(HttpServer, ({ url }) => LooperForTests.of({ ...folder, url }))
  )
  return Layer.mergeAll(looper, layerAutopoll, layerStartWarnings).pipe(
    Layer.provide(HttpServer.layer<HandlerServices>(handlers)),
    Layer.provideMerge(
      layerWith(LooperConfig.layer({ root: folder.folder, environment }), {
        ...layerParts,
        serverLog: ServerLog.layerWith({ isCopiedToStdout: false }),
        processTrees: ProcessTrees.layerWith({ graceMillis: options.graceMillis ?? 500 })
      })
    )
  )
}

const environmentOf = (folder: Folder, zulip: ZulipServerShape): Readonly<Record<string, string | undefined>> => ({
  PATH: process.env.PATH,
  LANG: process.env.LANG,
  TMPDIR: process.env.TMPDIR,
  HOME: join(folder.folder, "home"),
  LOOPER_HOST: "127.0.0.1",
  LOOPER_PORT: "0",
  LOOPER_NOTIFIER: "zulip",
  LOOPER_AUTO_START_WHEN_IDLE: "0",
  LOOPER_SERVER_LOG_PATH: folder.serverLogPath,
  LOOPER_DEFAULT_WORKSPACE: folder.workspace,
  CODEX_EXEC_LOG_DIR: folder.logDir,
  CODEX_EXEC_KILL_SCOPE: "own",
  CODEX_EXEC_BINARY: folder.codexPath,
  CODEX_EXEC_DELAY_SECONDS: "0",
  CODEX_EXEC_STARTUP_CHECK_SECONDS: "0",
  ZULIP_SITE: zulip.url,
  ZULIP_BOT_EMAIL: zulip.email,
  ZULIP_BOT_API_KEY: zulip.apiKey,
  // The caller's own credentials would be found otherwise where a test unsets these.
  ZULIPRC_PATH: join(folder.folder, "zuliprc")
})
