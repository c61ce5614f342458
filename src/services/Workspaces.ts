/** Workspaces as callers name them. */
import { realpath, stat } from "node:fs/promises"
import { Context, Effect, Layer } from "effect"
import { WorkspaceNotDirectory } from "../domain/errors.ts"
import { absolutePath } from "./config/configTable.ts"
import { LooperConfig } from "./config/LooperConfig.ts"

/** A workspace, as given and as it is used. */
export interface Workspace {
  /** As the caller wrote it. */
  readonly given: string
  /** Absolute; `~` and relative paths are resolved against the root. */
  readonly path: string
}

/** Resolves and checks workspaces; keeps nothing. */
export class Workspaces extends Context.Service<
  Workspaces,
  {
    /** The workspace that is meant: the default one when nothing is given. */
    readonly resolve: (given: string | undefined) => Workspace
    /** **Errors** `WorkspaceNotDirectory`: it is no directory, or cannot be looked at. */
    readonly check: (workspace: Workspace) => Effect.Effect<void, WorkspaceNotDirectory>
  }
>()("looper/services/Workspaces") {
  static readonly layerNoDeps = Layer.effect(
    Workspaces,
    Effect.map(LooperConfig, ({ root, defaultWorkspace }) =>
      Workspaces.of({
        resolve: (given = defaultWorkspace) => ({ given, path: absolutePath(root, given) }),
        check: (workspace) => {
          const refuse = new WorkspaceNotDirectory({ path: workspace.path })
          return Effect.tryPromise({ try: () => stat(workspace.path), catch: () => refuse }).pipe(
            Effect.flatMap((found) => (found.isDirectory() ? Effect.void : Effect.fail(refuse)))
          )
        }
      })
    )
  )
}

/** A path with its symbolic links followed, or as it is where that cannot be done. */
export const withoutLinks = (path: string): Effect.Effect<string> =>
  Effect.tryPromise(() => realpath(path)).pipe(Effect.orElseSucceed(() => path))
