/** Which codex is started, and whether it can be. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs"
import * as path from "node:path"
import { Context, Effect, Layer } from "effect"
import { ToolMissing } from "../domain/errors.ts"
import type { ResolvedBinary } from "../domain/RunResult.ts"
import { userEnvironment } from "../domain/runEnvironment.ts"
import { absolutePath } from "./config/configTable.ts"
import { LooperConfig } from "./config/LooperConfig.ts"

const localBinaries = ["codex/codex", "codex/codex-rs/target/release/codex", "codex/codex-rs/target/debug/codex"]

/** Looks for codex anew at each call. */
export class CodexBinary extends Context.Service<
  CodexBinary,
  {
    /**
     * The binary to start: the request's, else `CODEX_EXEC_BINARY`, else a build below the root, else `codex` on
     * the run's PATH. One that is named does not fall through.
     *
     * **Errors** `ToolMissing`: it, or the interpreter of its `#!` line, is not there or not executable.
     */
    readonly resolve: (requested: string | undefined) => Effect.Effect<ResolvedBinary, ToolMissing>
  }
>()("looper/services/CodexBinary") {
  static readonly layerNoDeps = Layer.effect(
    CodexBinary,
    Effect.map(LooperConfig, ({ root, environment, codexBinary }) => {
      const searchPath = userEnvironment({ environment, root }).PATH ?? "/usr/local/bin:/usr/bin:/bin"

      const onPath = (name: string): string | undefined =>
        searchPath
          .split(":")
          .filter((folder) => folder !== "")
          .map((folder) => path.join(path.resolve(root, folder), name))
          .find(isExecutable)
      const find = (name: string): string | undefined =>
        name.includes("/") || name === "~" ? absolutePath(root, name) : onPath(name)
      const named = (name: string, source: ResolvedBinary["source"]) => ({ name, source, path: find(name) })
      const choose = (requested: string | undefined) => {
        if (requested !== undefined) return named(requested, "request")
        if (codexBinary !== undefined) return named(codexBinary, "env")
        const local = localBinaries.map((file) => path.join(root, file)).find(isExecutable)
        return local === undefined ? named("codex", "path") : ({ name: local, source: "local", path: local } as const)
      }

      return CodexBinary.of({
        resolve: (requested) =>
          Effect.suspend(() => {
            const chosen = choose(requested)
            if (chosen.path === undefined || !isExecutable(chosen.path)) {
              return Effect.fail(new ToolMissing({ name: chosen.name }))
            }
            const missing = missingInterpreter(chosen.path, onPath)
            if (missing !== undefined) return Effect.fail(new ToolMissing({ name: missing }))
            return Effect.succeed({ path: chosen.path, source: chosen.source })
          })
      })
    })
  )
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** Linux reads this much of a `#!` line (BINPRM_BUF_SIZE). */
const longestLine = 256

/**
 * What an executable needs and has not got: its interpreter, or itself when it is neither ELF nor a script.
 *
 * **Details** Behind `#!/usr/bin/env NAME` the NAME is what counts.
 */
const missingInterpreter = (file: string, onPath: (name: string) => string | undefined): string | undefined => {
  const head = readHead(file)
  // What may be executed but not read can only be ELF: a script's interpreter could not read it either.
  if (head === undefined || head.startsWith("\x7fELF")) return undefined
  const [interpreter = "", argument = ""] = /^#![ \t]*([^\n]*)/.exec(head)?.[1]?.split(/[ \t]+/) ?? []
  if (interpreter === "") return file
  if (!isExecutable(interpreter)) return interpreter
  const isName = path.basename(interpreter) === "env" && /^[^-=][^=]*$/.test(argument)
  return isName && !argument.includes("/") && onPath(argument) === undefined ? argument : undefined
}

const readHead = (file: string): string | undefined => {
  let fd: number | undefined
  try {
    fd = openSync(file, "r")
    const head = Buffer.alloc(longestLine)
    return head.toString("latin1", 0, readSync(fd, head, 0, longestLine, 0))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
