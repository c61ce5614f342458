/** Starts a run's supervisor as a child of Looper and speaks with it over fd 3. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import type { Duplex } from "node:stream"
import { Deferred, Effect } from "effect"
import { SpawnFailed } from "../../domain/errors.ts"
import { supervisorArguments, supervisorShell } from "../../domain/supervisor.ts"
import type { RunLog } from "./RunLogs.ts"

/** A supervisor whose codex waits for {@link go}. */
export interface SupervisorProcess {
  readonly supervisorPid: number
  readonly codexPid: number
  /** Lets codex start. */
  readonly go: Effect.Effect<void>
  /** Closes fd 3: before `go` this means that nothing starts. */
  readonly abandon: Effect.Effect<void>
  /** The shell's code when exec itself failed: 126 or 127. */
  readonly execFailure: Deferred.Deferred<number>
  /** The supervisor's end: codex' return code, or `undefined` when a signal ended the supervisor. */
  readonly exited: Deferred.Deferred<number | undefined>
}

/** The supervisor says who codex is within a few milliseconds; a machine that needs longer than this is lost. */
const greetingBoundMillis = 10_000

/** What was written to fd 3 may be read after the exit was seen: this long it is waited for. */
const lastWordsMillis = 100

/**
 * Starts `/bin/sh` with the supervisor's text as leader of a session of its own.
 *
 * **Details** stdout and stderr are one append-mode descriptor of the run log, fd 4 is the side file: what codex
 * writes never passes through Looper, and Looper's death loses none of it.
 *
 * **Errors** `SpawnFailed`: nothing was started.
 */
export const startSupervisor = (options: {
  readonly argv: ReadonlyArray<string>
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
  readonly log: RunLog
}): Effect.Effect<SupervisorProcess, SpawnFailed> =>
  Effect.gen(function* () {
    const child = yield* Effect.try({ try: () => start(options), catch: spawnFailed })
    if (!hasStdio(child)) return yield* failureOf(child)
    const channel = child.stdio[3] as Duplex
    const greeting = Deferred.makeUnsafe<number, SpawnFailed>()
    const execFailure = Deferred.makeUnsafe<number>()
    const exited = Deferred.makeUnsafe<number | undefined>()

    child.once("error", (cause) => Deferred.doneUnsafe(greeting, Effect.fail(spawnFailed(cause))))
    child.once("exit", (code, signal) => {
      const finish = () => {
        Deferred.doneUnsafe(exited, Effect.succeed(signal === null ? (code ?? undefined) : undefined))
        Deferred.doneUnsafe(greeting, Effect.fail(new SpawnFailed({ reason: "the supervisor ended at once" })))
      }
      if (channel.readableEnded || channel.destroyed) return finish()
      channel.once("end", finish).once("close", finish)
      setTimeout(finish, lastWordsMillis).unref()
      return undefined
    })
    onLines(channel, (line) => {
      const failure = /^E (\d+)$/.exec(line)
      if (failure !== null) Deferred.doneUnsafe(execFailure, Effect.succeed(Number(failure[1])))
      else if (/^\d+$/.test(line)) Deferred.doneUnsafe(greeting, Effect.succeed(Number(line)))
    })
    child.unref()
    ;(channel as Duplex & { unref?: () => void }).unref?.()

    const abandon = Effect.sync(() => void channel.destroy())
    const codexPid = yield* Deferred.await(greeting).pipe(
      Effect.timeoutOrElse({
        duration: greetingBoundMillis,
        orElse: () => Effect.fail(new SpawnFailed({ reason: "the supervisor did not answer" }))
      }),
      Effect.onError(() => abandon)
    )
    return {
      supervisorPid: child.pid ?? 0,
      codexPid,
      go: Effect.sync(() => void channel.write("go\n")),
      abandon,
      execFailure,
      exited
    }
  })

/** Out of descriptors (EMFILE, ENFILE) Node creates no stdio at all and emits the error in its next turn. */
const hasStdio = (child: ChildProcess): boolean => (child.stdio as unknown) !== undefined

const failureOf = (child: ChildProcess): Effect.Effect<never, SpawnFailed> =>
  Effect.callback((resume) => void child.once("error", (cause) => resume(Effect.fail(spawnFailed(cause)))))

const spawnFailed = (cause: unknown): SpawnFailed =>
  new SpawnFailed({ reason: (cause as NodeJS.ErrnoException).code ?? (cause as Error).message, cause })

const start = (options: {
  readonly argv: ReadonlyArray<string>
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
  readonly log: RunLog
}): ChildProcess => {
  const opened: Array<number> = []
  const open = (path: string) => {
    const fd = openSync(path, "a", 0o600)
    opened.push(fd)
    return fd
  }
  try {
    const log = open(options.log.path)
    return spawn(supervisorShell, supervisorArguments(options.argv), {
      detached: true,
      cwd: options.workingDirectory,
      env: options.environment,
      stdio: ["ignore", log, log, "pipe", open(options.log.sidePath)]
    })
  } finally {
    opened.forEach(closeSync)
  }
}

/** Without its error listener a reset of fd 3 would end Looper. */
const onLines = (channel: Duplex, onLine: (line: string) => void): void => {
  let rest = ""
  channel.on("error", () => undefined)
  channel.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    lines.forEach(onLine)
  })
}
