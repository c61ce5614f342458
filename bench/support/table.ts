/** Figures as a Markdown table, which is read as it is on a terminal too. */
import { type Figure, isMet, kindOf, measuredOf, type Result, type Unit } from "./figures.ts"

const heads = ["scenario", "figure", "Looper", "limit", "ratio", "goal", "met", "webhook"]

/** Three digits that count, none behind the point from 100 on. */
const digits = (value: number): string => {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

const withUnit = (value: number, unit: Unit): string =>
  unit === "descriptors" ? String(Math.round(value)) : `${digits(value)} ${unit}`

const measured = (figure: Figure): string => {
  const value = measuredOf(figure)
  const kind = kindOf(figure)
  if (kind === "ratio") return `${value.toFixed(2)} ×`
  return kind === "difference" ? `${value < 0 ? "" : "+"}${withUnit(value, figure.unit)}` : "–"
}

const goalText = ({ goal, unit }: Figure): string => {
  if (goal === undefined) return "–"
  const { kind, atMost } = goal
  if (kind === "ratio") return `≤ ${atMost} ×`
  const bound = unit === "descriptors" ? String(atMost) : `${atMost} ${unit}`
  return kind === "difference" ? `≤ +${bound}` : `≤ ${bound}`
}

const metText = (figure: Figure): string => {
  const met = isMet(figure)
  return met === undefined ? "–" : met ? "yes" : "**no**"
}

const webhookText = ({ webhook, unit }: Figure): string => {
  if (webhook === undefined) return "–"
  return typeof webhook === "string" ? webhook : withUnit(webhook, unit)
}

const cellsOf = (scenario: string, figure: Figure): ReadonlyArray<string> => [
  scenario,
  figure.name,
  withUnit(figure.value, figure.unit),
  figure.limit === undefined ? "–" : `${withUnit(figure.limit.value, figure.unit)} (${figure.limit.name})`,
  measured(figure),
  goalText(figure),
  metText(figure),
  webhookText(figure)
]

const rowsOf = (result: Result): ReadonlyArray<ReadonlyArray<string>> =>
  "figures" in result
    ? result.figures.map((figure) => cellsOf(result.scenario, figure))
    : [[result.scenario, `wrong: ${result.problem}`, "–", "–", "–", "–", "**no**", "–"]]

/** One line each, the columns aligned. */
export const tableOf = (results: ReadonlyArray<Result>): ReadonlyArray<string> => {
  const rows = [heads, ...results.flatMap(rowsOf)].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")))
  const widths = heads.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`
  const [first = heads, ...others] = rows
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)]
}
