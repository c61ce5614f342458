/** The part of docs/benchmarks.md that the harness writes. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { checkout } from "./looper.ts"

const path = join(checkout, "docs/benchmarks.md")
const [begin, end] = ["<!-- written by `npm run bench` -->", "<!-- end of what is written -->"]

/** Replaces what is between the markers. */
export const writeDocument = (lines: ReadonlyArray<string>): void => {
  const text = readFileSync(path, "utf8")
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${path} has no place for the table: ${begin} … ${end}`)
  writeFileSync(
    path,
    `${text.slice(0, from)}${[begin, "", ...lines, "", end].join("\n")}${text.slice(to + end.length)}`
  )
}
