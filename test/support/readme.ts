/** The README as its tests read it. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

export const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8")

/** The text between a heading of level 2 and the next one. */
export const section = (heading: string): string =>
  readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ""

/** Rows of a section's tables that begin with a code span: their cells. */
export const tableRows = (heading: string): ReadonlyArray<ReadonlyArray<string>> =>
  section(heading)
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[-|\s]+$/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

/** The code spans of a cell. */
export const codes = (cell: string | undefined): ReadonlyArray<string> =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "")

/** Fenced blocks whose info string is exactly `info`. */
export const blocks = (info: string): ReadonlyArray<string> =>
  [...readme.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].flatMap((match) => (match[1] === info ? [match[2] ?? ""] : []))
