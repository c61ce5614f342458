/** Flags and arguments that several commands share, and how a command's work is loaded. */
import { Effect } from "effect"
import { Argument, Flag } from "effect/cli"

/** A flag that is on where it stands. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDefault(false), Flag.withDescription(description))

/** Of every command that has an answer. */
export const json = toggle("json", "Print Looper's answer as one JSON document")

/** A run's id that may be left out. */
export const runId = (without: string) =>
  Argument.String("id").pipe(Argument.withDescription(`Id of a run; without it ${without}`), Argument.optional)

/** Of what announces, kills or starts. */
export const dryRun = toggle("dry-run", "Say what would be done, and do nothing")

/** Loads a command's work only when it is to be done: help and completions need none of it. */
export const later = <Module, A, E, R>(
  load: () => Promise<Module>,
  use: (module: Module) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.flatMap(Effect.promise(load), use)
