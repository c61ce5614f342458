/** What is looked for in a log, line by line, as the lines are shown. */
import { plainText } from "./cleanLine.ts"
import { isError, isMessage } from "./lineKind.ts"

/** What is looked for. */
export type Query =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "errors" }
  | { readonly kind: "messages" }

/** Without case, every character where it was. */
export const fold = (text: string): string => {
  const lower = text.toLowerCase()
  if (lower.length === text.length) return lower
  return Array.from(text, (character) => {
    const folded = character.toLowerCase()
    return folded.length === character.length ? folded : character
  }).join("")
}

/** The columns, in characters of the line as it is shown, where the query's matches begin. */
export type Matcher = (line: string) => ReadonlyArray<number>

const here = [0]
const nowhere: ReadonlyArray<number> = []

/** Matches do not overlap. */
export const matcherOf = (query: Query): Matcher => {
  switch (query.kind) {
    case "errors":
      return (line) => (isError(line) ? here : nowhere)
    case "messages":
      return (line) => (isMessage(line) ? here : nowhere)
    case "text": {
      const needle = fold(query.text)
      return (line) => {
        const text = fold(plainText(line))
        let column = text.indexOf(needle)
        if (column < 0) return nowhere
        const columns: Array<number> = []
        for (; column >= 0; column = text.indexOf(needle, column + needle.length)) columns.push(column)
        return columns
      }
    }
  }
}

/** A match: its line's first byte, and the column in it. */
export interface Match {
  readonly start: number
  readonly column: number
}

/** The order of the file. */
export const compareMatches = (a: Match, b: Match): number => a.start - b.start || a.column - b.column
