/** Writes the documents that are made from the code: `npm run docs`; a test compares them. */
import { writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect } from "effect"
import { handlers } from "../handlers/index.ts"
import { configTable } from "../src/services/config/configTable.ts"
import { apiPage } from "./apiPage.ts"
import { cliPage } from "./cliPage.ts"
import { metricsPage } from "./metricsPage.ts"
import { row } from "./table.ts"

const checkout = resolve(import.meta.dirname, "..")

/** docs/configuration.md */
export const configurationPage = (): string => {
  const variables = Object.values(configTable("/"))
  const rows = variables.map(({ names, allowed, fallback, about }) =>
    row(names.map((name) => `\`${name}\``).join(", "), fallback === "" ? "none" : `\`${fallback}\``, allowed, about)
  )
  return [
    "# Configuration",
    "",
    "From the environment, over a `.env` file in Looper's folder; an empty variable counts as unset. A wrong value stops",
    "the start with one line that names it. Where a row has several names, the first that is set counts; the second of a",
    "pair is an older or an official name, one in `_FILE` names a file with the value. Paths may begin with `~`; relative",
    "ones lie below Looper's folder. Made from the code by `npm run docs`.",
    "",
    row("variable", "default", "allowed", "what it is"),
    row("---", "---", "---", "---"),
    ...rows,
    ""
  ].join("\n")
}

if (import.meta.main) {
  writeFileSync(join(checkout, "docs/configuration.md"), configurationPage())
  writeFileSync(join(checkout, "docs/api.md"), apiPage(handlers))
  writeFileSync(join(checkout, "docs/metrics.md"), metricsPage())
  writeFileSync(join(checkout, "docs/cli.md"), await Effect.runPromise(cliPage))
}
