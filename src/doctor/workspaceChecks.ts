/** What a run works on: the default workspace and the default prompt. */
import { Effect, Result } from "effect"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { DefaultPrompt } from "../services/DefaultPrompt.ts"
import { foreignText } from "../services/delivery/foreignText.ts"
import { Workspaces } from "../services/Workspaces.ts"
import { type Check, failure, ok, warning } from "./Check.ts"
import { runsEnvironment } from "./codexFiles.ts"
import { codexOptions } from "./codexOptions.ts"
import { runProgram } from "./runProgram.ts"

/** codex starts only inside a git work tree. */
export const workspaceCheck: Check<LooperConfig | Workspaces> = {
  name: "workspace",
  reads: ["defaultWorkspace", "extraArguments"],
  look: Effect.gen(function* () {
    const config = yield* LooperConfig
    const workspaces = yield* Workspaces
    const workspace = workspaces.resolve(undefined)
    const checked = yield* Effect.result(workspaces.check(workspace))
    if (Result.isFailure(checked)) {
      return failure(checked.failure.message, "set LOOPER_DEFAULT_WORKSPACE to the repository to work on")
    }
    const end = yield* runProgram({
      command: ["git", "rev-parse", "--is-inside-work-tree"],
      environment: withoutGit(runsEnvironment(config)),
      directory: workspace.path
    })
    if (end._tag === "NotStarted") {
      return warning(`${workspace.path} is there, but git cannot be asked: ${end.reason}`, "install git")
    }
    if (end.code === 0 && end.stdout.trim() === "true") return ok(`${workspace.path} is a git work tree`)
    if (codexOptions(config.extraArguments).flags.has("--skip-git-repo-check")) {
      return ok(`${workspace.path} is no git work tree, which CODEX_EXEC_EXTRA_ARGS allows`)
    }
    const said = foreignText(end.stderr.trim().split("\n", 1)[0] ?? "", [])
    if (said.includes("dubious ownership")) {
      return warning(
        `${workspace.path} belongs to another user: codex starts in it, git refuses to work`,
        `run git config --global --add safe.directory ${workspace.path}`
      )
    }
    return failure(
      `${workspace.path} is no git work tree${said === "" ? "" : ` (${said})`}: codex will not start in it`,
      `run git init ${workspace.path}, or add --skip-git-repo-check to CODEX_EXEC_EXTRA_ARGS`
    )
  })
}

/** `GIT_DIR` and its like would answer for another folder; git's words are to be English. */
const withoutGit = (environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("GIT_"))),
  LC_ALL: "C"
})

/** The prompt of a run that names none, and of autopoll's. */
export const defaultPromptCheck: Check<LooperConfig | DefaultPrompt> = {
  name: "default_prompt",
  reads: ["defaultPromptText", "defaultPromptFile"],
  look: Effect.gen(function* () {
    const { defaultPrompt } = yield* LooperConfig
    const read = yield* Effect.result((yield* DefaultPrompt).read)
    const source = "file" in defaultPrompt ? defaultPrompt.file : "the default prompt"
    if (Result.isFailure(read)) {
      return failure(read.failure.message, "correct the file that LOOPER_DEFAULT_PROMPT_FILE names")
    }
    const bytes = Buffer.byteLength(read.success)
    if (bytes > 0) return ok(`${source} has ${bytes} bytes`)
    return warning(`${source} is empty: a run that names no prompt only sends its message`, "write a prompt into it")
  })
}
