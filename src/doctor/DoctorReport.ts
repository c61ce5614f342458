/** What `doctor` answers: one result a check, as data and as text. */
import { Schema } from "effect"

/** One check's result. */
export const DoctorResult = Schema.Struct({
  /** Stable, in snake_case. */
  name: Schema.String,
  outcome: Schema.Literals(["ok", "warning", "failure"]),
  /** What was found, in one line. */
  found: Schema.String,
  /** How to mend it; absent where nothing is to be mended. */
  remedy: Schema.optionalKey(Schema.String)
})
/** One check's result. */
export type DoctorResult = typeof DoctorResult.Type

/** All results, in the order of the checks; `ok` is false where one is a failure. */
export const DoctorReport = Schema.Struct({ ok: Schema.Boolean, checks: Schema.Array(DoctorResult) })
/** All results, in the order of the checks. */
export type DoctorReport = typeof DoctorReport.Type

/** 1 where a check failed; warnings alone are 0. */
export const doctorExitCode = (report: DoctorReport): 0 | 1 => (report.ok ? 0 : 1)

/** Select Graphic Rendition of ECMA-48. */
const colours = { ok: 32, warning: 33, failure: 31 } as const

const count = (report: DoctorReport, outcome: DoctorResult["outcome"]): number =>
  report.checks.filter((check) => check.outcome === outcome).length

const plural = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`

/** The report for people: a line a check, its remedy below it, and a count; ends in a newline. */
export const renderDoctorReport = (report: DoctorReport, options: { readonly color?: boolean } = {}): string => {
  const paint = (outcome: DoctorResult["outcome"], text: string) =>
    options.color === true ? `\u001b[${colours[outcome]}m${text}\u001b[0m` : text
  const nameWidth = Math.max(...report.checks.map(({ name }) => name.length), 0)
  const outcomeWidth = "failure".length
  const indent = " ".repeat(outcomeWidth + nameWidth + 4)
  const lines = report.checks.flatMap(({ name, outcome, found, remedy }) => [
    `${paint(outcome, outcome.padEnd(outcomeWidth))}  ${name.padEnd(nameWidth)}  ${found}`,
    ...(remedy === undefined ? [] : [`${indent}→ ${remedy}`])
  ])
  const counts = [
    `${count(report, "ok")} ok`,
    plural(count(report, "warning"), "warning"),
    plural(count(report, "failure"), "failure")
  ]
  return `${[...lines, counts.join(", ")].join("\n")}\n`
}
