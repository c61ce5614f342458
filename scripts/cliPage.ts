/** docs/cli.md, made of the command line's own values. */
import { Effect, Layer } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CliConfig, CliOutput, Command, type HelpDoc } from "effect/cli"
import { looper } from "../src/cli/commands.ts"
import { exitCodeMeanings } from "../src/cli/exitCodes.ts"
import { builtIns } from "../src/cli/usage.ts"
import { row } from "./table.ts"

const cell = (text: string): string => text.replaceAll("|", "\\|")

const helpOf = (path: ReadonlyArray<string>): Effect.Effect<HelpDoc.HelpDoc> =>
  Effect.gen(function* () {
    const found: Array<HelpDoc.HelpDoc> = []
    const present = (event: CliOutput.Presenter.Event) =>
      Effect.sync(() => {
        if (event._tag === "Help") found.push(event.helpDoc)
      })
    const layer = Layer.mergeAll(
      NodeServices.layer,
      CliOutput.layerPresenter({ present }),
      CliConfig.layer({ builtIns })
    )
    const program = Command.runWith(looper, { version: "" })([...path, "--help"])
    yield* program.pipe(Effect.provide(layer), Effect.orDie)
    return found[0] ?? (yield* Effect.die(`no help of ${path.join(" ")}`))
  })

const flagRow = ({ name, aliases, type, description, required }: HelpDoc.FlagDoc): string => {
  const names = [`--${name}`, ...aliases].map((each) => `\`${each}\``).join(", ")
  const told = type === "boolean" ? names : `${names} ${cell(type)}`
  const text = description._tag === "Some" ? description.value : ""
  return row(told, cell(text) + (required ? "; required" : ""))
}

const argumentRow = ({ name, description, required }: HelpDoc.ArgDoc): string => {
  const text = description._tag === "Some" ? description.value : ""
  return row(`\`${name}\``, cell(text) + (required ? "; required" : ""))
}

const commandSection = (name: string, doc: HelpDoc.HelpDoc): ReadonlyArray<string> => {
  const rows = [...(doc.args ?? []).map(argumentRow), ...doc.flags.map(flagRow)]
  const examples = (doc.examples ?? []).flatMap(({ command, description }) =>
    description === undefined ? [command] : [`${command}  # ${description}`]
  )
  return [
    `## looper ${name}`,
    "",
    `${doc.description.replace(/\.$/, "")}.`,
    "",
    "```",
    doc.usage,
    "```",
    "",
    ...(rows.length === 0 ? [] : [row("word", "what it is"), row("---", "---"), ...rows, ""]),
    ...(examples.length === 0 ? [] : ["```sh", ...examples, "```", ""])
  ]
}

/** docs/cli.md */
export const cliPage: Effect.Effect<string> = Effect.gen(function* () {
  const root = yield* helpOf([])
  const names = (root.subcommands ?? []).flatMap(({ commands }) => commands.map(({ name }) => name))
  const sections = yield* Effect.forEach(names, (name) =>
    Effect.map(helpOf([name]), (doc) => commandSection(name, doc))
  )
  return [...intro, ...(root.globalFlags ?? []).map(flagRow), "", ...sections.flat()].join("\n")
})

const intro = [
  "# Command line",
  "",
  "`looper <command>`, in a checkout `node looper.js <command>`, from any Node of 20 or newer. All commands but `serve`,",
  "`doctor` and `invoke` call the Looper that `LOOPER_URL` names; where that is unset, the one that `LOOPER_HOST` and",
  "`LOOPER_PORT` of environment or `.env` describe. They send `LOOPER_API_TOKEN`; inside of a run, where there is none,",
  "the run's ticket (`LOOPER_RUN_TICKET`), which is good for `looper run`. What was asked for goes to stdout, all else to",
  "stderr; there is no colour outside of a terminal, nor where `NO_COLOR` is set. Made from the code by `npm run docs`.",
  "",
  "## Exit codes",
  "",
  row("code", "when"),
  row("---", "---"),
  ...exitCodeMeanings.map(([code, meaning]) => row(String(code), meaning)),
  "",
  "## Completions",
  "",
  "```sh",
  'eval "$(looper --completions bash)"           # in ~/.bashrc',
  'eval "$(looper --completions zsh)"            # in ~/.zshrc, behind compinit',
  "looper --completions fish | source            # in ~/.config/fish/config.fish",
  "```",
  "",
  "## Of every command",
  "",
  row("word", "what it is"),
  row("---", "---")
]
