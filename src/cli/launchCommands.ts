/** `run` and `spawn`: what both are told about a run to start. */
import { Argument, Command, Flag } from "effect/cli"
import { dryRun, json, later, toggle } from "./flags.ts"

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const seconds = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("seconds"), Flag.withDescription(description), Flag.optional)

const launch = {
  prompt: Argument.String("prompt").pipe(
    Argument.withDescription("What codex is asked; - reads it from stdin; without it the default prompt"),
    Argument.optional
  ),
  promptFile: Flag.Path("prompt-file", { pathType: "either", typeName: "file" }).pipe(
    Flag.withDescription("Read the prompt from this file"),
    Flag.optional
  ),
  workspace: Flag.Directory("workspace").pipe(
    Flag.withAlias("C"),
    Flag.withDescription("Folder in which codex works; without it the default workspace"),
    Flag.optional
  ),
  binary: text("binary", "Path or name of codex, instead of the configured one"),
  delay: seconds("delay", "How long to wait between stop and launch, 0 to 86400"),
  startupCheck: seconds("startup-check", "How long codex must live to count as started, 0 to 3600"),
  wait: toggle("wait", "Wait until the run has ended and exit with its code; failures of Looper are then 125"),
  json
}

/** `looper run` */
export const run = Command.make(
  "run",
  {
    message: Flag.String("message").pipe(Flag.withAlias("m"), Flag.withDescription("Sent before anything else")),
    ...launch,
    dryRun,
    idempotencyKey: text("idempotency-key", "Do this once: a repeat with the same key gets the first answer")
  },
  (options) =>
    later(
      () => import("./launch.ts"),
      ({ launchRun }) => launchRun(options)
    )
).pipe(
  Command.withShortDescription("Announce, stop every codex exec, start one fresh run"),
  Command.withDescription(
    "Sends the message, stops every codex exec, starts one fresh run and answers when it has started. An empty prompt only sends the message."
  ),
  Command.withExamples([
    { command: 'looper run -m "Next step" "Fix the failing test"', description: "Replace whatever runs" },
    { command: "looper run -m 'From a file' --prompt-file task.md --wait", description: "Exit with the run's code" },
    { command: "git diff | looper run -m Review -", description: "Prompt from stdin" },
    { command: 'looper run -m "Next step" --dry-run', description: "Which processes would be stopped" }
  ])
)

/** `looper spawn` */
export const spawn = Command.make("spawn", launch, (options) =>
  later(
    () => import("./launch.ts"),
    ({ launchSpawn }) => launchSpawn(options)
  )
).pipe(
  Command.withShortDescription("Start a run where nothing runs"),
  Command.withDescription(
    "Starts a run without a message and stops nothing: while any codex exec lives, it is refused."
  ),
  Command.withExamples([
    { command: 'looper spawn "Fix the failing test"' },
    { command: "looper spawn -C ~/project --wait", description: "The default prompt, in this folder" }
  ])
)
