/** The POSIX shell program that leads a run's session, runs codex in its foreground and records its true code. */

const signature = "# looper run supervisor"

/**
 * The supervisor's text; `$0` is the shell's own path, `$@` codex and its arguments.
 *
 * **Details**
 * - fd 1, 2: the run log. fd 3: a socket to Looper. fd 4: the side file.
 * - Signals are caught, never ignored: an ignored signal would stay ignored in codex.
 * - Up fd 3 goes codex' pid; codex starts only after `go` came down: Looper has stored who it is by then. When
 *   Looper dies before, the read fails and nothing was started.
 * - `E 126|127` goes up when exec itself failed; `shopt` keeps bash alive to say so, elsewhere it is a
 *   failed look-up.
 * - The outer stderr is shut so that the shell's own `Terminated` never enters the log; the inner `2>&1` gives
 *   codex the log again.
 * - The code goes to the side file before the trailer and `done` after it, so every crash in between can be told.
 */
export const supervisorText = `${signature}
trap : HUP INT QUIT TERM USR1 USR2 PIPE ALRM
exec 2>/dev/null
"$0" -c 'shopt -s execfail
echo $$ >&3
read -r go <&3 || exit 125
exec 4>&-
trap "echo E \\$? >&3" EXIT
{ exec "$@" 2>&1; } 3>&-' sh "$@"
rc=$?
printf '%s\\n' "$rc" >&4
printf '\\n# codex_exec_return_code=%s\\n' "$rc" && printf 'done\\n' >&4
exit "$rc"
`

/** Runs {@link supervisorText}: dash, bash or another POSIX shell, whichever the machine has there. */
export const supervisorShell = "/bin/sh"

/** The supervisor's arguments for codex' `command`, program first. */
export const supervisorArguments = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "-c",
  supervisorText,
  supervisorShell,
  ...command
]

/** Is this the command line of a supervisor, this Looper's or an earlier one's? */
export const isSupervisor = (argv: ReadonlyArray<string>): boolean =>
  argv[1] === "-c" && argv[2] !== undefined && argv[2].startsWith(`${signature}\n`)

/** The same of a command line whose arguments are joined by blanks. */
export const isSupervisorLine = (line: string): boolean =>
  line.replaceAll("\n", " ").startsWith(`${supervisorShell} -c ${signature} `)

/** Is this the command line of codex' place before its exec: the inner shell that waits for `go`? */
export const isBeforeExec = (argv: ReadonlyArray<string>): boolean =>
  argv[1] === "-c" && argv.slice(2).join(" ").startsWith("shopt -s execfail")
