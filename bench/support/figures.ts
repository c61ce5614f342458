/** What a scenario reports: figures beside their limits and goals. */

export type Unit = "ms" | "s" | "µs" | "MB" | "cores" | "descriptors"

/** `ratio`: value / limit; `difference`: value - limit; `value`: the value alone. At most `atMost`. */
export interface Goal {
  readonly kind: "ratio" | "difference" | "value"
  readonly atMost: number
}

export interface Figure {
  readonly name: string
  readonly unit: Unit
  readonly value: number
  /** What the value is compared with, measured in the same run. */
  readonly limit?: { readonly name: string; readonly value: number }
  readonly goal: Goal
  /** The same work done by Debian's webhook; a text says why there is no value. */
  readonly webhook?: number | string
}

/** A scenario's name with its figures, or with what went wrong. */
export type Result =
  | { readonly scenario: string; readonly figures: ReadonlyArray<Figure> }
  | { readonly scenario: string; readonly problem: string }

/** What the goal is about; NaN where a limit is missing. */
export const measuredOf = ({ value, limit, goal }: Figure): number => {
  if (goal.kind === "value") return value
  const other = limit?.value ?? Number.NaN
  return goal.kind === "ratio" ? value / other : value - other
}

export const isMet = (figure: Figure): boolean => measuredOf(figure) <= figure.goal.atMost
