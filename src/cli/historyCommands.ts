/** `status`, `runs`, `logs` and `stop`: what is said about runs, and which one is meant. */
import { Command, Flag } from "effect/cli"
import { json, later, runId, toggle } from "./flags.ts"

/** `looper status` */
export const status = Command.make("status", { json }, (options) =>
  later(
    () => import("./history.ts"),
    (history) => history.status(options)
  )
).pipe(Command.withDescription("What runs, or why nothing runs and when something will"))

/** `looper runs` */
export const runs = Command.make(
  "runs",
  {
    state: Flag.String("state").pipe(
      Flag.withDescription(
        "Only these, separated by commas: starting, running, succeeded, failed, stopped, interrupted"
      ),
      Flag.optional
    ),
    autopoll: Flag.Boolean("autopoll").pipe(
      Flag.withDescription("Only those that autopoll started; --no-autopoll: only the others"),
      Flag.optional
    ),
    limit: Flag.String("limit").pipe(
      Flag.withMetavar("number"),
      Flag.withDescription("So many a page, 1 to 500; without it 50"),
      Flag.optional
    ),
    cursor: Flag.String("cursor").pipe(
      Flag.withDescription("Those behind a page, as its last line or next_cursor told"),
      Flag.optional
    ),
    all: toggle("all", "Every page"),
    json
  },
  (options) =>
    later(
      () => import("./history.ts"),
      (history) => history.runs(options)
    )
).pipe(
  Command.withDescription("The history of runs, newest first"),
  Command.withExamples([
    { command: "looper runs --state failed,interrupted --limit 10" },
    { command: "looper runs --all --json", description: "For a program" }
  ])
)

/** `looper logs` */
export const logs = Command.make(
  "logs",
  {
    id: runId("the run that lives, else the newest"),
    follow: toggle("follow", "Go on until the run ends").pipe(Flag.withAlias("f")),
    lines: Flag.String("lines").pipe(
      Flag.withAlias("n"),
      Flag.withMetavar("number"),
      Flag.withDescription("Only the last so many lines, 0 to 1000000"),
      Flag.optional
    )
  },
  (options) =>
    later(
      () => import("./logs.ts"),
      (logs) => logs.logs(options)
    )
).pipe(
  Command.withShortDescription("A run's log, also live"),
  Command.withDescription(
    "Prints a run's log: byte for byte into a pipe or a file; on a terminal control characters but colours are shown as ?."
  ),
  Command.withExamples([
    { command: "looper logs -f", description: "Like tail -f on what runs" },
    { command: "looper logs 1a2b3c4d -n 20" }
  ])
)

/** `looper stop` */
export const stop = Command.make("stop", { id: runId("the run that lives"), json }, (options) =>
  later(
    () => import("./operations.ts"),
    (operations) => operations.stop(options)
  )
).pipe(
  Command.withShortDescription("Stop one run and no other"),
  Command.withDescription("Stops one run and no other process, or ends the sequence that is about to start it.")
)
