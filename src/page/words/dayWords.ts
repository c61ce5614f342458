/** What a day is called. */
import { dayOf, shortDay } from "./time.ts"

/** "Today", "Yesterday", "Sat 21 Nov", "21 Nov 2025"; `day` as {@link dayOf} has it. */
export const dayName = (day: string, nowMillis: number): string => {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number)
  if (day === dayOf(nowMillis)) return "Today"
  // Noon: days are not all of 24 hours.
  const now = new Date(nowMillis)
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1, 12)
  if (day === dayOf(yesterday.getTime())) return "Yesterday"
  const noon = new Date(year, month - 1, date, 12)
  if (year === now.getFullYear()) return shortDay(noon.getTime()).replace(",", "")
  return noon.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })
}
