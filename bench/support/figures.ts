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
  /** A floor has none. */
  readonly goal?: Goal
  /** The same work done by Debian's webhook; a text says why there is no value. */
  readonly webhook?: number | string
}

/** A scenario's name with its figures, or with what went wrong. */
export type Result =
  | { readonly scenario: string; readonly figures: ReadonlyArray<Figure> }
  | { readonly scenario: string; readonly problem: string }

/** What the value is judged by; without a goal the ratio, where there is a limit. */
export const kindOf = ({ goal, limit }: Figure): Goal["kind"] => goal?.kind ?? (limit === undefined ? "value" : "ratio")

/** What the goal is about; NaN where a limit is missing. */
export const measuredOf = (figure: Figure): number => {
  const { value, limit } = figure
  const kind = kindOf(figure)
  if (kind === "value") return value
  const other = limit?.value ?? Number.NaN
  return kind === "ratio" ? value / other : value - other
}

/** Undefined without a goal. */
export const isMet = (figure: Figure): boolean | undefined => figure.goal && measuredOf(figure) <= figure.goal.atMost
