/** Times, sizes and tables as people read them. */

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1]
] as const

/** Its two largest units: `2d 3h`, `12m 5s`, `0s`. Milliseconds. */
export const durationText = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1_000))
  const first = units.findIndex(([, size]) => seconds >= size)
  if (first < 0) return "0s"
  let rest = seconds
  const parts: Array<string> = []
  for (const [unit, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.join(" ")
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"] as const

/** Bytes, with three digits at most: `0 B`, `1.5 KiB`. */
export const sizeText = (bytes: number): string => {
  let value = bytes
  let index = 0
  while (value >= 1_000 && index < sizes.length - 1) {
    value /= 1_024
    index += 1
  }
  return `${index === 0 ? value : value.toFixed(value < 9.95 ? 1 : 0)} ${sizes[index]}`
}

const two = (value: number): string => String(value).padStart(2, "0")

/** Local time: `15:04:05`, and with the date where `nowMillis` has another one. */
export const clockText = (at: string, nowMillis: number): string => {
  const time = new Date(at)
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")
  return time.toDateString() === new Date(nowMillis).toDateString() ? clock : `${dateText(time)} ${clock}`
}

const dateText = (time: Date): string => [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-")

/** Local time with its date. */
export const dateTimeText = (at: string): string => `${dateText(new Date(at))} ${clockText(at, Date.parse(at))}`

/** A moment to come: `in 4m 10s, at 15:04:05`. */
export const comingText = (at: string, nowMillis: number): string =>
  `in ${durationText(Date.parse(at) - nowMillis)}, at ${clockText(at, nowMillis)}`

/** Rows as columns of one width, two blanks between them; the last column may be as long as it is. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}
