/** What a list of measured values says. */

/** The value below which `share` of the values lie (nearest rank); NaN where there are none. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The middle value, of an even count the lower one. */
export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)
