import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { handlers as byName } from "../../handlers/index.ts"
import { configurationPage } from "../../scripts/docs.ts"
import * as refusals from "../../src/runtime/refusals.ts"
import { configTable } from "../../src/services/config/configTable.ts"
import { codes, readme, tableRows } from "../support/readme.ts"

const handlers = Object.values(byName)

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

describe("README", () => {
  it("names every route and no other", () => {
    const documented = tableRows("Call it").flatMap(([cell]) => codes(cell).filter((text) => /^(GET|POST) /.test(text)))
    assert.deepStrictEqual(documented.toSorted(), handlers.map(({ method, path }) => `${method} ${path}`).toSorted())
  })

  it("names every body field of POST /run and no other", () => {
    const rows = tableRows("Call it").filter(([first]) => /^`[a-z_]+`/.test(first ?? ""))
    const documented = rows
      .flatMap((row) => row.flatMap(codes))
      .filter((text) => /_seconds$|_path$|^[a-z_]+$/.test(text))
    const known = Object.keys(handlers.find(({ path }) => path === "/run")?.request.fields ?? {})
    for (const field of known) assert.include(documented, field)
  })

  it("names the code of every error once, with its status", () => {
    const rows = tableRows("Call it").filter(([status]) => /^\d{3}/.test(status ?? ""))
    const documented = rows.flatMap(([, cell]) => codes(cell))
    const fromOperations = handlers.flatMap((handler) =>
      Object.keys(handler.errors).map((tag) => tag.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase())
    )
    const fromRuntime = found(/refusal\(\s*\d{3},\s*"([a-z_]+)"/g, [sourceOf("src/runtime/refusals.ts")])
    assert.deepStrictEqual(documented.toSorted(), [...new Set([...fromOperations, ...fromRuntime])].toSorted())
    assert.strictEqual(refusals.internalError.code, "internal_error")
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
