/** The command line of a run, as data. */

/** A prompt that codex would take for one of these without `--`. */
const subcommands = new Set(["resume", "review", "fork", "help"])

/**
 * `<codex> --ask-for-approval never exec --sandbox workspace-write -C <workspace> [extra …] [--] <prompt>`.
 *
 * **Details** `--` stands before a prompt that codex would parse, and before every prompt behind extra arguments,
 * whose last option might take it for its value.
 */
export const codexCommand = (options: {
  readonly binary: string
  readonly workspace: string
  readonly extraArguments: ReadonlyArray<string>
  readonly prompt: string
}): ReadonlyArray<string> => {
  const { binary, workspace, extraArguments, prompt } = options
  const isParsed = prompt.startsWith("-") || subcommands.has(prompt) || extraArguments.length > 0
  return [
    binary,
    "--ask-for-approval",
    approvalPolicy,
    "exec",
    "--sandbox",
    sandbox,
    "-C",
    workspace,
    ...extraArguments,
    ...(isParsed ? ["--"] : []),
    prompt
  ]
}

/** Value of `--ask-for-approval`: nobody is there to be asked. */
export const approvalPolicy = "never" as const
/** Value of `--sandbox`: codex writes below its workspace and in temporary folders. */
export const sandbox = "workspace-write" as const
