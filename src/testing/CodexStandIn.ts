/** A scriptable stand-in for the codex binary: a real executable that does what its prompt says. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

/** A process that a run starts; it lives until it is killed, and the next step begins when it is ready. */
export interface StandInChild {
  /** Same group; own process group; own session; double-forked daemon in its own session, whose parent is gone. */
  readonly kind: "group" | "ownGroup" | "session" | "daemon"
  readonly ignoresTerm?: boolean
  /** Grows by a byte about every 20 ms. */
  readonly heartbeat?: string
  /** Keeps the run's stdout and stderr; `/dev/null` otherwise. */
  readonly holdsOutput?: boolean
  /** Prints a line `child <pid> <n>` each time. */
  readonly printsEveryMillis?: number
  /** Starts without `LOOPER_RUN_ID`. */
  readonly dropsMarker?: boolean
  /** Gets the child's pid appended as a line. */
  readonly pidTo?: string
}

/** A request from inside the run, as a wrapper script would send it. */
export interface StandInPost {
  /** Appended to `$LOOPER_URL`. */
  readonly path: string
  /** Sent as JSON. */
  readonly body: unknown
  /** `ticket` (default) sends `$LOOPER_RUN_TICKET` where that is set, null nothing, other text is the token itself. */
  readonly token?: "ticket" | (string & {}) | null
  /** Sends through a client process of its own below the run: curl, or node where that is missing. */
  readonly viaChild?: boolean
  /** Gets `{"status":…,"body":"…"}` or `{"error":"…"}` appended as a line. */
  readonly answerTo?: string
}

/** One thing the stand-in does; steps run in order. */
export type CodexStep =
  | { readonly print: string }
  | { readonly printError: string }
  | { readonly printBase64: string }
  | { readonly printTimes: { readonly text: string; readonly times: number } }
  /** Numbered lines of `lineLength` bytes (100), newline included, cut after `bytes`. */
  | { readonly flood: { readonly bytes: number; readonly lineLength?: number } }
  /** From here on every byte written by the stand-in and by children that hold its output goes there too. */
  | { readonly copyTo: string }
  | { readonly ignore: ReadonlyArray<"SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGUSR1" | "SIGUSR2"> }
  | { readonly child: StandInChild }
  /** Starts a process that forks that many sleepers a second, 2,000 at most, until it is killed. */
  | {
      readonly forkStorm: {
        readonly perSecond: number
        readonly ignoresTerm?: boolean
        /** Each sleeper in a session of its own. */
        readonly sessions?: boolean
      }
    }
  | { readonly stopSelf: true }
  | { readonly sleep: number }
  | { readonly hang: true }
  | { readonly writeFile: { readonly path: string; readonly text: string } }
  | { readonly appendPid: string }
  | { readonly waitForFile: string }
  | { readonly post: StandInPost }
  | { readonly environmentTo: string }
  | { readonly argvTo: string }
  | { readonly exit: number }
  | { readonly kill: NodeJS.Signals }

/**
 * Writes the executable `codex` into an existing folder and returns its path.
 *
 * **Details** It runs under the Node that installs it, and shows in a process list as `node <folder>/codex …`. A prompt
 * that is a JSON array of steps, as a whole or after its first line, is run; any other is answered and ends with 0.
 */
export const installCodexStandIn = (folder: string): string => {
  const path = join(folder, "codex")
  const program = join(import.meta.dirname, "codexStandIn.cjs")
  // Below a package.json it may be an ES module: there is no `require` then.
  const text = `process.getBuiltinModule("module").createRequire("/")(${JSON.stringify(program)})`
  writeFileSync(path, `#!${process.execPath}\n${text}\n`, { mode: 0o755 })
  return path
}

/** The prompt that makes the stand-in run these steps. */
export const codexScript = (steps: ReadonlyArray<CodexStep>): string => JSON.stringify(steps)
