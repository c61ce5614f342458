/** What the measured codex prints: numbered lines, none of which looks like a record of the server log. */
import { writeFileSync } from "node:fs"

/** Lines of `lineBytes` bytes, newline included. */
export const numberedLines = (lines: number, lineBytes: number): Buffer =>
  Buffer.from(Array.from({ length: lines }, (_, n) => `${`line ${n} `.padEnd(lineBytes - 1, "x")}\n`).join(""))

/** Writes them into a file and returns them. */
export const writeNumberedLines = (path: string, lines: number, lineBytes: number): Buffer => {
  const bytes = numberedLines(lines, lineBytes)
  writeFileSync(path, bytes)
  return bytes
}
