/** Prometheus' text format, read back. */

/** Series with their values; labels as they were written. */
export const seriesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const space = line.lastIndexOf(" ")
        return [line.slice(0, space), Number(line.slice(space + 1))] as const
      })
  )

/** What is not the same in both, as the difference; a series that was not there counts as 0. */
export const increases = (before: string, after: string, pattern: RegExp): Readonly<Record<string, number>> => {
  const earlier = seriesOf(before)
  const changed = [...seriesOf(after)]
    .map(([series, value]) => [series, value - (earlier.get(series) ?? 0)] as const)
    .filter(([series, difference]) => pattern.test(series) && difference !== 0)
  return Object.fromEntries(changed)
}
