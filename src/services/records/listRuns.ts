/** Pages of the history: the database's, with the runs that live laid over it. */
import type { SQLInputValue } from "node:sqlite"
import { isAutopollRun, type RunRecord, type RunsQuery } from "../../domain/RunRecord.ts"
import { selectRuns } from "./runRow.ts"

/** The statement that reads a page, and its values; there are few of them, because each one is kept prepared. */
export const selectPage = ({
  states: givenStates,
  isAutopoll,
  before,
  startedBeforeMillis,
  limit
}: RunsQuery): readonly [sql: string, ...values: ReadonlyArray<SQLInputValue>] => {
  const states = givenStates && [...new Set(givenStates)]
  const conditions = [
    states && `state IN (${states.map(() => "?").join(", ")})`,
    isAutopoll !== undefined && `request_id ${isAutopoll ? "" : "NOT "}LIKE 'auto%'`,
    before && "(started_at, request_id) < (?, ?)",
    startedBeforeMillis !== undefined && "started_at < ?"
  ].filter((condition) => typeof condition === "string")
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`
  const place = before === undefined ? [] : [before.startedAtMillis, before.requestId]
  const times = startedBeforeMillis === undefined ? [] : [startedBeforeMillis]
  const values = [...(states ?? []), ...place, ...times, limit]
  return [`${selectRuns}${where} ORDER BY started_at DESC, request_id DESC LIMIT ?`, ...values]
}

/** A page with what the database may know less of: a run that lives, in its own place. */
export const withLive = (
  page: ReadonlyArray<RunRecord>,
  live: ReadonlyArray<RunRecord>,
  query: RunsQuery
): ReadonlyArray<RunRecord> => {
  const ids = new Set(live.map(({ requestId }) => requestId))
  const isWanted = ({ state, requestId, startedAtMillis }: RunRecord) =>
    (query.states?.includes(state) ?? true) &&
    (query.isAutopoll === undefined || isAutopollRun(requestId) === query.isAutopoll) &&
    (query.startedBeforeMillis === undefined || startedAtMillis < query.startedBeforeMillis) &&
    (query.before === undefined || isNewer(query.before, { startedAtMillis, requestId }))
  return [...page.filter(({ requestId }) => !ids.has(requestId)), ...live.filter(isWanted)]
    .toSorted((one, other) => (isNewer(one, other) ? -1 : 1))
    .slice(0, query.limit)
}

type Place = NonNullable<RunsQuery["before"]>

const isNewer = (one: Place, other: Place): boolean =>
  one.startedAtMillis === other.startedAtMillis
    ? one.requestId > other.requestId
    : one.startedAtMillis > other.startedAtMillis
