/** Help on stdout; what is wrong with a command line as one sentence and a hint on stderr. */
import { Effect, Layer } from "effect"
import { CliConfig, type CliError, CliOutput, GlobalFlag } from "effect/cli"
import { note, print } from "./output.ts"

/** Flags of every command. No wizard, and no level of a log that the commands do not write. */
export const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions]

/** Presents help and mistakes. */
export const layerUsage = (options: { readonly isColored: boolean }): Layer.Layer<never> => {
  const { formatHelpDoc } = CliOutput.defaultFormatter({ colors: options.isColored })
  const presenter: CliOutput.Presenter = {
    present: (event) => {
      switch (event._tag) {
        case "Help":
          return print(spaced(formatHelpDoc(event.helpDoc)).trimEnd())
        case "Version":
          return print(`${event.name} ${event.version}`)
        case "InvalidInvocation":
          return note(mistakeText(event.errors, event.commandPath))
        default:
          return Effect.void
      }
    }
  }
  return Layer.merge(CliOutput.layerPresenter(presenter), CliConfig.layer({ builtIns }))
}

/** The formatter puts no line between the commands and the examples. */
const spaced = (help: string): string => help.replace(/(?<!\n)\n(?=[^A-Z\n]*EXAMPLES\b)/, "\n\n")

/** The first mistake as one line, and where to read more. */
export const mistakeText = (errors: ReadonlyArray<CliError.CliError>, commandPath: ReadonlyArray<string>): string => {
  const sentence = errors.slice(0, 1).map(mistakeSentence).join("")
  return `looper: ${sentence}\nTry '${commandPath.join(" ")} --help'.\n`
}

/** One line, whatever was typed. */
const mistakeSentence = (error: CliError.CliError): string => {
  const [sentence = "", ...suggestions] = error.message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "Did you mean this?")
  const text = suggestions.length === 0 ? sentence : `${sentence}; did you mean ${suggestions.join(" or ")}?`
  return text.replaceAll(/\p{Cc}/gu, "?")
}
