/** Pages of the history as one list, newest first. */
import type { Run, RunsPage } from "../api/answers.ts"
import { dayOf, millisOf } from "../words/time.ts"
import type { History, HistoryFilter, PageState } from "./PageState.ts"

/** Runs a request. */
export const pageRuns = 100

const queries: Readonly<Record<HistoryFilter, string>> = {
  all: "",
  failed: "&state=failed",
  stopped: "&state=stopped,interrupted",
  auto: "&autopoll=1"
}

/** Where a part of the history is. */
export const runsPath = (filter: HistoryFilter, cursor?: string, limit: number = pageRuns): string => {
  const from = cursor === undefined ? "&counts=1" : `&cursor=${encodeURIComponent(cursor)}`
  return `runs?limit=${limit}${from}${queries[filter]}`
}

/** The newest page put before what is loaded; where runs in between are not known, it replaces it. */
export const withNewest = (history: History, page: RunsPage): History => {
  const fresh = new Set(page.runs.map((run) => run.request_id))
  const last = history.runs.findLastIndex((run) => fresh.has(run.request_id))
  const isWhole = page.next_cursor === null
  const older = last === -1 || isWhole ? [] : history.runs.slice(last + 1)
  const isJoined = older.length > 0
  return {
    ...history,
    runs: isJoined ? [...page.runs, ...older] : page.runs,
    counts: page.counts ?? history.counts,
    nextCursor: isJoined ? history.nextCursor : page.next_cursor,
    isLoading: false,
    error: undefined
  }
}

/** A page of older ones put behind what is loaded. */
export const withOlder = (history: History, page: RunsPage): History => {
  const known = new Set(history.runs.map((run) => run.request_id))
  const older = page.runs.filter((run) => !known.has(run.request_id))
  return {
    ...history,
    runs: [...history.runs, ...older],
    nextCursor: page.next_cursor,
    isLoading: false,
    error: undefined
  }
}

/** Something that changes when a run begins or ends. */
export const historyKey = ({ run, holder, autopoll }: NonNullable<PageState["status"]>): string =>
  [run?.request_id, run?.state, holder?.request_id, autopoll.last_tick?.at].join()

/** How many of a filter there are; `undefined` where nobody counted. */
export const countOf = (filter: HistoryFilter, counts: History["counts"]): number | undefined => {
  if (counts === undefined) return undefined
  const { total, failed, stopped, interrupted, autopoll } = counts
  return { all: total, failed, stopped: stopped + interrupted, auto: autopoll }[filter]
}

/** Where somebody wants to go: a run's id, the beginning of one, or a time, in milliseconds since the epoch. */
export type Target =
  | { readonly kind: "id"; readonly id: string; readonly isWhole: boolean }
  | { readonly kind: "time"; readonly beforeMillis: number }

/** Reads `3f9c21ab`, `3f9c`, `2026-11-22`, `2026-11-22 13:57` and `13:57`; local time. */
export const targetOf = (text: string, nowMillis: number): Target | undefined => {
  const asked = text.trim().toLowerCase()
  const time = /^(?:(\d{4})-(\d\d?)-(\d\d?))?(?:(?:^|[t ]+)(\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(asked)
  if (asked !== "" && time !== null) {
    const [year, month, day, hour, minute, second] = time
      .slice(1)
      .map((part) => (part === undefined ? undefined : Number(part)))
    const today = new Date(nowMillis)
    const date = new Date(
      year ?? today.getFullYear(),
      month === undefined ? today.getMonth() : month - 1,
      day ?? today.getDate(),
      hour ?? 0,
      minute ?? 0,
      second ?? 0
    )
    const isReal = month === undefined || date.getMonth() === month - 1
    // What started within the minute, or the day, that was named is meant too.
    const step = hour === undefined ? 86_400_000 : second === undefined ? 60_000 : 1_000
    return isReal ? { kind: "time", beforeMillis: date.getTime() + step } : undefined
  }
  if (!/^(?:auto?|aut?|(?:auto)?[0-9a-f]{1,8})$/.test(asked)) return undefined
  return { kind: "id", id: asked, isWhole: /^(?:auto)?[0-9a-f]{8}$/.test(asked) }
}

/** One piece of the list: a day with its count, or a run. */
export type Item =
  | { readonly kind: "day"; readonly name: string; readonly count: string }
  | { readonly kind: "run"; readonly run: Run }

/** The list with its days; the count of a day that goes on is not known yet. */
export const itemsOf = (
  history: Pick<History, "runs" | "nextCursor">,
  nowMillis: number,
  nameOf: DayName
): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  const days = Map.groupBy(history.runs, (run) => dayOf(millisOf(run.started_at) ?? 0))
  let left = days.size
  for (const [day, runs] of days) {
    left -= 1
    const more = left === 0 && typeof history.nextCursor === "string" ? "+" : ""
    const count = `${runs.length}${more} ${runs.length === 1 && more === "" ? "run" : "runs"}`
    items.push({ kind: "day", name: nameOf(day, nowMillis), count })
    for (const run of runs) items.push({ kind: "run", run })
  }
  return items
}

/** What a day is called. */
export type DayName = (day: string, nowMillis: number) => string
