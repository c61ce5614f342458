/** Times in words: "4 s", "12 m 03 s", "1 h 12 m", "6 d 2 h"; clock times are local, of 24 hours. */

const two = (value: number): string => String(value).padStart(2, "0")

/** A duration of so many milliseconds; below a minute in whole seconds. */
export const duration = (millis: number): string => {
  const seconds = Math.max(0, Math.floor(millis / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${two(minutes % 60)} m`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** A configured length, without zeros: "30 m", "1 h", "90 s" as "1 m 30 s". */
export const wholeDuration = (seconds: number): string => {
  const parts: Array<string> = []
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60]
  ] as const
  let left = seconds
  for (const [unit, length] of units) {
    const count = Math.floor(left / length)
    if (count > 0) parts.push(`${count} ${unit}`)
    left -= count * length
  }
  if (left > 0 || parts.length === 0) parts.push(`${Number(left.toFixed(1))} s`)
  return parts.slice(0, 2).join(" ")
}

/** What a step took: "4 ms", "1.71 s", "11.2 s". */
export const stepDuration = (millis: number): string => {
  if (millis < 1_000) return `${Math.round(millis)} ms`
  return millis < 60_000 ? `${Number((millis / 1_000).toPrecision(3))} s` : duration(millis)
}

/** `13:57`. */
export const clockMinute = (millis: number): string => {
  const date = new Date(millis)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

/** `13:57:01`. */
export const clock = (millis: number): string => `${clockMinute(millis)}:${two(new Date(millis).getSeconds())}`

/** A day's own number in the local zone, for grouping. */
export const dayOf = (millis: number): string => {
  const date = new Date(millis)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** `13:57` of today, `Sat 21 Nov 13:57` of another day. */
export const clockSince = (millis: number, nowMillis: number): string =>
  dayOf(millis) === dayOf(nowMillis) ? clockMinute(millis) : `${shortDay(millis)} ${clockMinute(millis)}`

/** `Sat 21 Nov`. */
export const shortDay = (millis: number): string =>
  new Date(millis).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" })

/** The full local time with its zone, and UTC: for `title`. */
export const fullTime = (millis: number): string => {
  const date = new Date(millis)
  const local = date.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" })
  return `${local}, ${date.toISOString()}`
}

/** `1.24 MB`; decimal, as disks are sold and `ls` is not. */
export const bytes = (count: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`
}

/** `2,360`. */
export const grouped = (count: number): string => count.toLocaleString("en")

/** An age in its largest unit that says enough: "12 s", "26 m", "1 h 12 m", "6 d 2 h". */
export const age = (millis: number): string => {
  const minutes = Math.floor(millis / 60_000)
  return minutes >= 1 && minutes < 60 ? `${minutes} m` : duration(millis)
}

/** Milliseconds of an ISO time; `undefined` for none. */
export const millisOf = (iso: string | null | undefined): number | undefined => {
  const millis = typeof iso === "string" ? Date.parse(iso) : Number.NaN
  return Number.isFinite(millis) ? millis : undefined
}
