import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { handlers } from "../../handlers/index.ts"
import { apiPage } from "../../scripts/apiPage.ts"
import { cliPage } from "../../scripts/cliPage.ts"
import { configurationPage } from "../../scripts/docs.ts"
import { metricsPage } from "../../scripts/metricsPage.ts"
import { codeOf } from "../../src/domain/errors.ts"
import { configTable } from "../../src/services/config/configTable.ts"
import { codes, readme, tableRows } from "../support/readme.ts"

const checkout = join(import.meta.dirname, "../..")

const sources = ["src", "effects", "handlers"]
  .flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name))
  )
  .filter((name) => name.endsWith(".ts") && !name.includes("testing"))
  .map((name) => ({ name, text: readFileSync(join(checkout, name), "utf8") }))

const found = (pattern: RegExp, texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? "")))].toSorted()

it("docs/configuration.md is what the configuration's definition makes", () => {
  assert.strictEqual(readFileSync(join(checkout, "docs/configuration.md"), "utf8"), configurationPage())
})

it("docs/metrics.md is what the metrics' definitions make", () => {
  assert.strictEqual(readFileSync(join(checkout, "docs/metrics.md"), "utf8"), metricsPage())
})

it.effect("docs/cli.md is what the command line's definition makes", () =>
  Effect.map(cliPage, (page) => {
    assert.strictEqual(readFileSync(join(checkout, "docs/cli.md"), "utf8"), page)
  })
)

describe("docs/api.md", () => {
  const page = readFileSync(join(checkout, "docs/api.md"), "utf8")
  const firstCodes = (pattern: RegExp) => [...page.matchAll(pattern)].map((match) => match[1] ?? "").toSorted()

  it("is what the handlers make", () => {
    assert.strictEqual(page, apiPage(handlers))
  })

  it("names every route and no other", () => {
    const mounted = Object.values(handlers).map(({ method, path }) => `${method} ${path}`)
    assert.deepStrictEqual(firstCodes(/^### `([A-Z]+ \/.*)`$/gm), mounted.toSorted())
  })

  it("names every field of POST /run", () => {
    const [, table = ""] = page.split("\n### RunRequest\n")
    for (const field of Object.keys(handlers.run.request.fields))
      assert.match(table, new RegExp(`^\\| \`${field}\` `, "m"))
  })

  it("names the code of every error once, with its status", () => {
    const documented = firstCodes(/^\| \d{3} \| `([a-z_]+)` \| .+ \| .*\|$/gm)
    const fromOperations = Object.values(handlers).flatMap(({ errors }) => Object.keys(errors).map(codeOf))
    const fromRuntime = found(/refusal\(\s*\d{3},\s*"([a-z_]+)"/g, [sourceOf("src/runtime/refusals.ts")])
    assert.deepStrictEqual(documented, [...new Set([...fromOperations, ...fromRuntime])].toSorted())
  })
})

describe("README", () => {
  it("shows where routes, fields and codes are", () => {
    assert.include(readme, "(docs/api.md)")
  })

  it("names no variable that the configuration does not have", () => {
    const known = Object.values(configTable("/")).flatMap(({ names }) => names)
    const forRuns = ["LOOPER_URL", "LOOPER_RUN_ID", "LOOPER_RUN_TICKET"]
    const named = found(/\b((?:LOOPER|CODEX_EXEC|ZULIP|PROMPT)_[A-Z_]*[A-Z])\b/g, [readme])
    for (const name of named) assert.include([...known, ...forRuns], name)
  })

  it("names every event once and no other", () => {
    const documented = tableRows("Logs").flatMap(([cell]) => codes(cell))
    const texts = sources.map(({ text }) => text)
    const events = found(/\blog(?:Debug|Info|Warning|Error|Fatal)?\(\s*["`]([a-z_]+(?:\.[a-z_]+)+)["`]/g, texts)
    const built = [
      "server.log.dropped",
      "process.kill.sigterm",
      "process.kill.sigkill",
      "codex.exec.autopoll.started",
      "codex.exec.autopoll.skipped",
      "codex.exec.autopoll.paused",
      "codex.exec.autopoll.resumed"
    ]
    assert.deepStrictEqual(documented.toSorted(), [...new Set([...events, ...built])].toSorted())
  })
})

const sourceOf = (name: string): string => sources.find((source) => source.name === name)?.text ?? ""
