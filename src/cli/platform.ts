/** What the command line's parser takes from Node, and no more: all of that is much to load for a text of help. */
import { Context, Effect, FileSystem, Layer, Path } from "effect"
import type { Command } from "effect/cli"
import { later } from "./flags.ts"

/** Node's files, loaded for the first flag that is a path. */
const files = <A, E>(use: (files: FileSystem.FileSystem) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  later(
    () => import("@effect/platform-node/NodeFileSystem"),
    ({ layer }) => Effect.provide(FileSystem.FileSystem.use(use), layer)
  )

/** For flags that are paths. What only prompts take is not there: no command has one. */
export const layerPlatform: Layer.Layer<Command.Environment> = Layer.mergeAll(
  Layer.succeedContext(Context.empty() as Context.Context<Command.Environment>),
  FileSystem.layerNoop({
    exists: (path) => files(({ exists }) => exists(path)),
    stat: (path) => files(({ stat }) => stat(path))
  }),
  Path.layer
)
