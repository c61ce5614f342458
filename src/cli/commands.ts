/** The tree of `looper`'s commands: names, flags, help and examples; their work is loaded when it is to be done. */
import { Argument, Command } from "effect/cli"
import { dryRun, json, later, toggle } from "./flags.ts"
import { logs, runs, status, stop } from "./historyCommands.ts"
import { run, spawn } from "./launchCommands.ts"

const serve = Command.make("serve", {}, () =>
  later(
    () => import("./serveCommand.ts"),
    ({ serveNow }) => serveNow
  )
).pipe(
  Command.withShortDescription("Serve HTTP until a signal ends it"),
  Command.withDescription(
    "Serves HTTP, autopoll among it, until SIGTERM or Ctrl-C. Configured by environment and .env."
  )
)

const message = Argument.String("message").pipe(Argument.withDescription("What is sent"))

const notify = Command.make("notify", { message, json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.notify(options)
  )
).pipe(
  Command.withDescription("Send a message and do nothing else"),
  Command.withExamples([{ command: 'looper notify "Tests are green"' }])
)

const kill = Command.make("kill", { dryRun, json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.kill(options)
  )
).pipe(
  Command.withDescription("Stop every codex exec with its tree"),
  Command.withExamples([{ command: "looper kill --dry-run", description: "Which processes that would be" }])
)

const tick = Command.make("tick", { json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.tick(options)
  )
).pipe(Command.withDescription("One tick of autopoll now, also while it is off or backing off"))

const pause = Command.make("pause", { json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.pause(options)
  )
).pipe(Command.withDescription("Autopoll starts nothing until resumed, over restarts too"))

const resume = Command.make("resume", { json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.resume(options)
  )
).pipe(Command.withDescription("Autopoll starts work again"))

const doctor = Command.make("doctor", { json }, (options) =>
  later(
    () => import("./doctorCommand.ts"),
    ({ doctorNow }) => doctorNow(options)
  )
).pipe(Command.withDescription("Check what a run needs, on this machine; needs no running Looper"))

const invoke = Command.make(
  "invoke",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Name of a handler, such as status or run")),
    input: Argument.String("json").pipe(
      Argument.withDescription("Its request's fields as a JSON object; - reads them from stdin"),
      Argument.optional
    ),
    json: toggle("json", "Print an error, too, as JSON on stdout")
  },
  (options) =>
    later(
      () => import("./invokeCommand.ts"),
      ({ invokeNow }) => invokeNow(options)
    )
).pipe(
  Command.withShortDescription("Run one handler's function here, without a server"),
  Command.withDescription(
    "Runs one handler's function in this process and prints its answer. Holds the log folder's lock meanwhile, so no Looper may run on it; a run that it starts lives on for the next Looper."
  ),
  Command.withExamples([
    { command: "looper invoke status" },
    { command: `looper invoke run '{"zulip_message":"Go","codex_prompt":"Fix the test"}'` }
  ])
)

/** `looper` with all its commands. */
export const looper = Command.make("looper").pipe(
  Command.withDescription("Announce, replace and launch: keeps at most one codex exec run alive."),
  Command.withSubcommands([
    serve,
    run,
    notify,
    kill,
    spawn,
    tick,
    pause,
    resume,
    status,
    runs,
    logs,
    stop,
    doctor,
    invoke
  ]),
  Command.withExamples([
    { command: "looper serve", description: "In one terminal" },
    { command: 'looper run -m "Next step" "Fix the failing test" --wait', description: "In another" },
    { command: "looper logs -f" },
    { command: 'eval "$(looper --completions bash)"', description: "Completions for this shell; also zsh, fish" }
  ])
)
