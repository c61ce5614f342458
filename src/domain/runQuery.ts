/** What the routes of the history are asked: an id, a page, a part of a log. Issues complete `'<field>' …`. */
import { Buffer } from "node:buffer"
import { Result, Schema, SchemaTransformation } from "effect"
import { RequestId } from "./RequestId.ts"
import { RunState } from "./RunRecord.ts"

/** A whole number, or its digits: a query has text only. */
const Whole = ({ minimum, maximum }: { readonly minimum: number; readonly maximum?: number }) => {
  const message = `must be a whole number ${maximum === undefined ? `>= ${minimum}` : `from ${minimum} to ${maximum}`}`
  const isWhole = Schema.Number.annotate({ message }).check(
    Schema.isInt({ message }).abort(),
    Schema.isGreaterThanOrEqualTo(minimum, { message })
  )
  const inRange = maximum === undefined ? isWhole : isWhole.check(Schema.isLessThanOrEqualTo(maximum, { message }))
  return Schema.Union([inRange, Schema.String.check(Schema.isPattern(/^[0-9]{1,16}$/, { message }))])
    .annotate({ message })
    .pipe(
      Schema.decodeTo(
        inRange,
        SchemaTransformation.transform({
          decode: (value: number | string): number => Number(value),
          encode: (value: number): number | string => value
        })
      )
    )
}

type FlagText = boolean | "" | "1" | "true" | "0" | "false"

const flagMessage = "must be 1, true, 0 or false"

/** `?follow=1`, and `?follow` alone. */
const Flag = Schema.Union([
  Schema.Boolean,
  Schema.Literals(["", "1", "true", "0", "false"]).annotate({ message: flagMessage })
])
  .annotate({ message: flagMessage })
  .pipe(
    Schema.decodeTo(
      Schema.Boolean,
      SchemaTransformation.transform({
        decode: (value: FlagText): boolean => value !== "0" && value !== "false" && value !== false,
        encode: (value: boolean): FlagText => value
      })
    )
  )

const statesMessage = `must be one or more of ${RunState.literals.join(", ")}, separated by commas`
const isState = Schema.is(RunState)
const splitStates = (text: string): ReadonlyArray<string> => text.split(",").map((state) => state.trim())

const States = Schema.String.annotate({ message: statesMessage })
  .check(Schema.makeFilter((text) => splitStates(text).every(isState), { message: statesMessage }))
  .pipe(
    Schema.decodeTo(
      Schema.Array(RunState),
      SchemaTransformation.transform({
        decode: (text: string): ReadonlyArray<RunState> => splitStates(text).filter(isState),
        encode: (states: ReadonlyArray<RunState>) => states.join(",")
      })
    )
  )

const Place = Schema.Struct({ startedAtMillis: Schema.Int, requestId: RequestId })
/** A run's place in the history, newest first; a page begins behind it. */
export type RunPlace = typeof Place.Type

const readPlace = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Tuple([Schema.Int, RequestId])))
const placeOf = (cursor: string): RunPlace | undefined => {
  const decoded = readPlace(Buffer.from(cursor, "base64url").toString())
  if (Result.isFailure(decoded)) return undefined
  const [startedAtMillis, requestId] = decoded.success
  const place = { startedAtMillis, requestId }
  // base64 skips what is not of its alphabet.
  return cursorOf(place) === cursor ? place : undefined
}

/** The text that stands for a place; to its reader it means nothing. */
export const cursorOf = ({ startedAtMillis, requestId }: RunPlace): string =>
  Buffer.from(JSON.stringify([startedAtMillis, requestId])).toString("base64url")

const cursorMessage = "must be the 'next_cursor' of an answer"

const Cursor = Schema.String.annotate({ message: cursorMessage })
  .check(Schema.makeFilter((text) => placeOf(text) !== undefined, { message: cursorMessage }))
  .pipe(
    Schema.decodeTo(
      Place,
      SchemaTransformation.transform({
        decode: (text: string) => placeOf(text) ?? { startedAtMillis: 0, requestId: "" },
        encode: cursorOf
      })
    )
  )

const beforeMessage =
  "must be an ISO 8601 date, or a date and time with Z or an offset, such as 2026-02-13 or 2026-02-13T10:11:12Z"

const isoTime = /^(\d{4}-\d\d-\d\d)(?:T([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Milliseconds since the epoch; `undefined` for what is no time, such as the 30th of February. A date begins in UTC. */
const millisOf = (text: string): number | undefined => {
  // In a query a `+` that is not encoded is a blank.
  const time = text.replace(" ", "+")
  const date = isoTime.exec(time)?.[1]
  if (date === undefined) return undefined
  const millis = Date.parse(time)
  const isDay = Number.isFinite(millis) && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date)
  return isDay ? millis : undefined
}

const Before = Schema.String.annotate({ message: beforeMessage })
  .check(Schema.makeFilter((text) => millisOf(text) !== undefined, { message: beforeMessage }))
  .pipe(
    Schema.decodeTo(
      Schema.Number,
      SchemaTransformation.transform({
        decode: (text: string): number => millisOf(text) ?? 0,
        encode: (millis: number): string => new Date(millis).toISOString()
      })
    )
  )

const Id = Schema.String.annotateKey({ description: "Id of a run, as `X-Request-Id` or `request_id` told it" })

/** Of a route below `/runs/:id`. */
export const RunIdRequest = Schema.Struct({ id: Id }).annotate({ identifier: "RunIdRequest" })

/** How many runs a page has at most, and where nothing was said. */
export const pageSize = { default: 50, maximum: 500 }

/** Query of `GET /runs`. */
export const RunsRequest = Schema.Struct({
  state: Schema.optionalKey(States).annotateKey({
    description: `Only these, separated by commas: ${RunState.literals.join(", ")}`
  }),
  autopoll: Schema.optionalKey(Flag).annotateKey({
    description: "Only those that autopoll started, or only the others"
  }),
  limit: Schema.optionalKey(Whole({ minimum: 1, maximum: pageSize.maximum })).annotateKey({
    description: `Runs a page; ${pageSize.default} where it is absent`
  }),
  cursor: Schema.optionalKey(Cursor).annotateKey({ description: "`next_cursor` of the page before" }),
  before: Schema.optionalKey(Before).annotateKey({
    description:
      "Only those that started before this ISO 8601 date, which begins in UTC, or date and time; not beside `cursor`"
  }),
  counts: Schema.optionalKey(Flag).annotateKey({ description: "The answer also says how many runs there are" })
})
  .check(
    Schema.makeFilter(({ before, cursor }) =>
      before === undefined || cursor === undefined
        ? undefined
        : { path: ["before"], issue: "must not stand beside 'cursor', whose page has its own beginning" }
    )
  )
  .annotate({ identifier: "RunsRequest" })
/** A decoded query of `GET /runs`. */
export type RunsRequest = typeof RunsRequest.Type

/** Lines of `tail` at most. */
const maxTailLines = 1_000_000

/** Query and header fields of `GET /runs/:id/log`. */
export const RunLogRequest = Schema.Struct({
  id: Id,
  tail: Schema.optionalKey(Whole({ minimum: 0, maximum: maxTailLines })).annotateKey({
    description: "Only the last so many lines; with `follow` what comes goes on behind them"
  }),
  follow: Schema.optionalKey(Flag).annotateKey({ description: "Server-Sent Events, until the run ends" }),
  numbered: Schema.optionalKey(Flag).annotateKey({
    description: "`X-Log-Line` tells the number of the first byte's line; ignored with `follow`"
  }),
  range: Schema.optionalKey(Schema.String).annotateKey({
    description: "One range of bytes, `bytes=<first>-<last>`; ignored with `tail`, `follow` and `HEAD`"
  }),
  if_range: Schema.optionalKey(Schema.String).annotateKey({
    description: "With it `Range` is ignored: a log has no validator"
  }),
  last_event_id: Schema.optionalKey(Whole({ minimum: 0 })).annotateKey({
    description: "With `follow`: the `id` of the last event that came; what follows it comes next"
  })
}).annotate({ identifier: "RunLogRequest" })
/** A decoded request of `GET /runs/:id/log`. */
export type RunLogRequest = typeof RunLogRequest.Type
