/** Runs a program that only tells something, bounded and without leaving anything of it. */
import { spawn } from "node:child_process"
import { Effect } from "effect"

/** How a program ended; `code` is undefined after a signal. */
export type ProgramEnd =
  | { readonly _tag: "Ended"; readonly code: number | undefined; readonly stdout: string; readonly stderr: string }
  /** The system's word for why, such as `ENOENT`. */
  | { readonly _tag: "NotStarted"; readonly reason: string }

const maxOutput = 16 * 1024
/** Streams that a descendant holds open are not waited for. */
const drainMillis = 500

/** Runs it to its end, in a process group of its own, which is killed where nobody waits for that end any more. */
export const runProgram = (options: {
  readonly command: readonly [program: string, ...words: ReadonlyArray<string>]
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
}): Effect.Effect<ProgramEnd> =>
  Effect.callback((resume) => {
    const { command, environment, directory } = options
    const [program, ...words] = command
    let late: NodeJS.Timeout | undefined
    const output = { stdout: "", stderr: "" }
    const child = spawn(program, words, {
      cwd: directory,
      env: environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const stop = () => {
      clearTimeout(late)
      // Once it has exited, its number may name another group.
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      process.kill(-child.pid, "SIGKILL")
    }
    const end = (code: number | null) => {
      clearTimeout(late)
      for (const stream of [child.stdout, child.stderr]) stream.destroy()
      resume(Effect.succeed({ _tag: "Ended", code: code ?? undefined, ...output }))
    }
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] = (output[name] + text).slice(0, maxOutput)
      })
    }
    child.once("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.succeed({ _tag: "NotStarted", reason: error.code ?? error.message }))
    )
    child.once("close", end)
    child.once("exit", (code) => {
      late = setTimeout(() => end(code), drainMillis)
    })
    return Effect.sync(stop)
  })
