/** What an answer of the Zulip server means, told by status and `code`, never by the translated `msg`. */
import { Option, Schema } from "effect"
import { foreignText, pageText } from "./zulipText.ts"

/** One answer as it came. */
export interface ZulipReply {
  readonly status: number
  readonly text: string
  /** The headers `Retry-After` and `Location`. */
  readonly retryAfter: string | undefined
  readonly location: string | undefined
}

/** The body of a success; what it holds besides depends on the call. */
export type ZulipBody = Readonly<Record<string, unknown>>

/**
 * - `Success`: the server did it.
 * - `Refused`: the server did not do it and will not.
 * - `Later`: the server did not do it and may be asked again.
 * - `Unsure`: the server may have done it.
 */
export type Verdict =
  | { readonly _tag: "Success"; readonly body: ZulipBody }
  | { readonly _tag: "Refused"; readonly reason: string; readonly code: string | undefined }
  | {
      readonly _tag: "Later"
      readonly reason: string
      readonly delaySeconds: number | undefined
      readonly maxTries: number
    }
  | { readonly _tag: "Unsure"; readonly reason: string }

/** A server that is down seldom returns within 30 seconds. */
export const maxTriesWhenDown = 3

/** Bounds a server that always answers `Retry-After: 0`. */
const maxTriesWhenLimited = 10

const ErrorBody = Schema.fromJsonString(
  Schema.Struct({
    result: Schema.Literal("error"),
    msg: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
    var_name: Schema.optionalKey(Schema.Unknown),
    "retry-after": Schema.optionalKey(Schema.Unknown)
  })
)
type ErrorBody = typeof ErrorBody.Type

const decodeError = Schema.decodeUnknownOption(ErrorBody)

const decodeSuccess = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.StructWithRest(Schema.Struct({ result: Schema.Literal("success") }), [
      Schema.Record(Schema.String, Schema.Unknown)
    ])
  )
)

const advice: Readonly<Record<string, string>> = {
  INVALID_API_KEY: "ZULIP_BOT_EMAIL or ZULIP_BOT_API_KEY is wrong",
  UNAUTHORIZED: "ZULIP_BOT_EMAIL or ZULIP_BOT_API_KEY is wrong, or this kind of bot may not do this",
  USER_DEACTIVATED: "the bot is deactivated",
  REALM_DEACTIVATED: "the organization is deactivated",
  NONEXISTENT_SUBDOMAIN: "ZULIP_SITE names no organization of this server",
  STREAM_DOES_NOT_EXIST: "the channel of ZULIP_STREAM does not exist or the bot cannot see it",
  STREAM_WILDCARD_MENTION_NOT_ALLOWED: "the bot may not notify everyone in the channel",
  TOPIC_WILDCARD_MENTION_NOT_ALLOWED: "the bot may not notify everyone in the topic",
  REQUEST_VARIABLE_MISSING: "Looper and this server disagree about the request",
  REQUEST_VARIABLE_INVALID: "Looper and this server disagree about the request",
  RATE_LIMIT_HIT: "the bot sends too often"
}

const adviceByStatus = (reply: ZulipReply, secrets: ReadonlyArray<string>): string | undefined => {
  if (reply.status >= 300 && reply.status < 400) {
    return `ZULIP_SITE redirects to ${foreignText(reply.location ?? "nowhere", secrets)}`
  }
  return reply.status === 404 ? "ZULIP_SITE may be no Zulip server" : undefined
}

const reasonOf = (reply: ZulipReply, error: ErrorBody | undefined, secrets: ReadonlyArray<string>): string => {
  const said = error === undefined ? pageText(reply.text, secrets) : foreignText(error.msg ?? "", secrets)
  const variable = typeof error?.var_name === "string" ? `${error.var_name}, ` : ""
  const code = error?.code === undefined ? "" : ` [${foreignText(variable + error.code, secrets)}]`
  const known = error?.code === undefined ? adviceByStatus(reply, secrets) : advice[error.code]
  return `Zulip request failed (${reply.status}): ${said || "no text"}${code}${known === undefined ? "" : `; ${known}`}`
}

const seconds = (value: unknown): number | undefined => {
  if (typeof value === "number") return value >= 0 ? value : undefined
  return typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined
}

/** How long the server asks to wait: the header, else the body; both may be fractions. */
export const retryDelaySeconds = (header: string | undefined, body: unknown): number | undefined =>
  seconds(header) ?? seconds(body)

/** Judges one answer; `secrets` are taken out of what the server said. */
export const judge = (reply: ZulipReply, secrets: ReadonlyArray<string>): Verdict => {
  const { status } = reply
  if (status >= 200 && status < 300) {
    const body = decodeSuccess(reply.text)
    if (Option.isSome(body)) return { _tag: "Success", body: body.value }
    const said = pageText(reply.text, secrets)
    return { _tag: "Unsure", reason: `Zulip answered ${status} without a result: ${said || "no text"}` }
  }
  const error = Option.getOrUndefined(decodeError(reply.text))
  const reason = reasonOf(reply, error, secrets)
  const delaySeconds = retryDelaySeconds(reply.retryAfter, error?.["retry-after"])
  if (status === 429) return { _tag: "Later", reason, delaySeconds: delaySeconds ?? 1, maxTries: maxTriesWhenLimited }
  if (status === 503) return { _tag: "Later", reason, delaySeconds, maxTries: maxTriesWhenDown }
  return status >= 500 ? { _tag: "Unsure", reason } : { _tag: "Refused", reason, code: error?.code }
}
