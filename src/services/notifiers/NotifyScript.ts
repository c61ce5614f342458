/** A caller's own Node script in place of the built-in client: `node <script> <message>`. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { Context, Deferred, Effect, Layer, Redacted } from "effect"
import { withoutSent } from "../../domain/endReason.ts"
import { NotifyFailed } from "../../domain/errors.ts"
import { redactor } from "../../logging.ts"
import { absolutePath } from "../config/configTable.ts"
import { foreignText } from "../delivery/foreignText.ts"
import { LooperConfig, type ZulipConfig } from "../config/LooperConfig.ts"
import { ProcessTable } from "../processes/ProcessTable.ts"
import { ProcessTrees } from "../processes/ProcessTrees.ts"
import { monotonicMillis } from "../Shutdown.ts"

/** A script that is given up gets this long: the message's 30 s, or a run's own grace at shutdown, are nearly over. */
const graceMillis = 500

/** What a script prints beyond this is dropped. */
const maxOutputBytes = 16 * 1024

/** Runs one script a message, in a session of its own, with the configured Zulip settings in its environment. */
export class NotifyScript extends Context.Service<
  NotifyScript,
  {
    /**
     * Runs the script and answers with its trimmed stdout; interrupted, it ends the script's tree.
     *
     * **Errors** `NotifyFailed`: it cannot be started or ended with another code than 0.
     */
    readonly send: (options: {
      readonly scriptPath: string
      readonly message: string
    }) => Effect.Effect<string, NotifyFailed>
  }
>()("looper/services/notifiers/NotifyScript") {
  static readonly layerNoDeps = Layer.effect(
    NotifyScript,
    Effect.gen(function* () {
      const config = yield* LooperConfig
      const { root, environment, zulip } = config
      const redact = redactor(config)
      const table = yield* ProcessTable
      const trees = yield* ProcessTrees

      const endTree = Effect.fnUntraced(function* (script: Script) {
        const leader = yield* table.find(script.pid)
        if (leader === undefined || script.hasEnded()) return
        yield* trees.terminate({ targets: [leader], leaders: [leader], markers: new Set() }, { graceMillis })
      })

      return NotifyScript.of({
        send: Effect.fn("NotifyScript.send")(function* ({ scriptPath, message }) {
          const path = absolutePath(root, scriptPath)
          const startedAt = yield* monotonicMillis
          yield* Effect.logDebug("cmd.start").pipe(Effect.annotateLogs({ command: "node", script: path }))
          if (!existsSync(path)) return yield* new NotifyFailed({ reason: `script not found: ${path}` })
          const end = yield* Effect.acquireUseRelease(
            start({ path, message, environment: { ...environment, ...zulipEnvironment(zulip) } }),
            (script) => Deferred.await(script.ended),
            endTree
          ).pipe(
            Effect.onError(() =>
              Effect.flatMap(monotonicMillis, (now) =>
                Effect.annotateLogs(Effect.logWarning("cmd.fail"), {
                  script: path,
                  rc: "none",
                  duration_ms: Math.round(now - startedAt)
                })
              )
            )
          )
          const fields = {
            script: path,
            rc: end.code,
            duration_ms: Math.round((yield* monotonicMillis) - startedAt),
            stdout: withoutSent(end.stdout, message),
            stderr: withoutSent(end.stderr, message)
          }
          if (end.code === 0) {
            yield* Effect.logDebug("cmd.done").pipe(Effect.annotateLogs(fields))
            return end.stdout
          }
          yield* Effect.logWarning("cmd.fail").pipe(Effect.annotateLogs(fields))
          const said = foreignText(redact(fields.stderr || fields.stdout), [])
          return yield* new NotifyFailed({ reason: `${path} ended with ${end.code}: ${said}` })
        })
      })
    })
  )
}

interface ScriptEnd {
  /** The exit code, or the signal's name. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

interface Script {
  readonly pid: number
  readonly ended: Deferred.Deferred<ScriptEnd>
  readonly hasEnded: () => boolean
}

const start = (options: {
  readonly path: string
  readonly message: string
  readonly environment: Readonly<Record<string, string | undefined>>
}): Effect.Effect<Script, NotifyFailed> =>
  Effect.callback((resume) => {
    const fail = (error: Error) => resume(Effect.fail(new NotifyFailed({ reason: error.message })))
    let child: ChildProcess
    try {
      child = spawn(process.execPath, [options.path, options.message], {
        detached: true,
        env: { ...options.environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
    } catch (error) {
      fail(error as Error)
      return
    }
    const ended = Deferred.makeUnsafe<ScriptEnd>()
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    child.once("error", fail)
    // Not `close`: a process that the script left behind may hold its output open.
    child.once("exit", (code, signal) => {
      setImmediate(() =>
        Deferred.doneUnsafe(ended, Effect.succeed({ code: code ?? signal ?? "", stdout: stdout(), stderr: stderr() }))
      )
    })
    child.once("spawn", () =>
      resume(Effect.succeed({ pid: child.pid ?? 0, ended, hasEnded: () => Deferred.isDoneUnsafe(ended) }))
    )
  })

const collect = (stream: NodeJS.ReadableStream | null): (() => string) => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  stream?.on("data", (chunk: Buffer) => {
    if (bytes < maxOutputBytes) chunks.push(chunk.subarray(0, maxOutputBytes - bytes))
    bytes += chunk.length
  })
  stream?.on("error", () => undefined)
  return () => Buffer.concat(chunks).toString("utf8").trim()
}

/** What the script would find in `.env`, too. */
const zulipEnvironment = (zulip: ZulipConfig): Record<string, string | undefined> => ({
  ZULIP_SITE: zulip.site,
  ZULIP_BOT_EMAIL: zulip.botEmail,
  ZULIP_BOT_API_KEY: zulip.botApiKey && Redacted.value(zulip.botApiKey),
  ZULIP_MESSAGE_TYPE: zulip.messageType,
  ZULIP_STREAM: zulip.stream,
  ZULIP_TOPIC: zulip.topic,
  ZULIP_TO: zulip.to,
  ZULIP_CERT_BUNDLE: zulip.certBundle?.path,
  ZULIP_ALLOW_INSECURE: zulip.isInsecure ? "true" : undefined
})
