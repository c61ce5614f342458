/** What an answer of the Zulip server means, told by status and `code`, never by the translated `msg`. */
import { Option, Schema } from "effect"
import { withoutSent } from "../../domain/endReason.ts"
import { foreignText, pageText } from "../delivery/foreignText.ts"
import { type HttpReply, isRedirect, isSuccess, judgeFailure, type Verdict } from "../delivery/httpReply.ts"

/** A success: its fields, which depend on the call, and the header `Date`, the server's own time. */
export interface ZulipSuccess {
  readonly fields: Readonly<Record<string, unknown>>
  readonly date: string | undefined
}

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

const adviceByStatus = (reply: HttpReply, secrets: ReadonlyArray<string>): string | undefined => {
  if (isRedirect(reply)) return `ZULIP_SITE redirects to ${foreignText(reply.location ?? "nowhere", secrets)}`
  return reply.status === 404 ? "ZULIP_SITE may be no Zulip server" : undefined
}

const reasonOf = (
  reply: HttpReply,
  error: ErrorBody | undefined,
  secrets: ReadonlyArray<string>,
  sent: string
): string => {
  const said =
    error === undefined
      ? pageText(withoutSent(reply.text, sent), secrets)
      : foreignText(withoutSent(error.msg ?? "", sent), secrets)
  const variable = typeof error?.var_name === "string" ? `${error.var_name}, ` : ""
  const code = error?.code === undefined ? "" : ` [${foreignText(variable + error.code, secrets)}]`
  const known = error?.code === undefined ? adviceByStatus(reply, secrets) : advice[error.code]
  return `Zulip request failed (${reply.status}): ${said || "no text"}${code}${known === undefined ? "" : `; ${known}`}`
}

/** Judges one answer; `secrets` and the message that was `sent` are taken out of what the server said. */
export const judge = (reply: HttpReply, secrets: ReadonlyArray<string>, sent = ""): Verdict<ZulipSuccess> => {
  if (isSuccess(reply)) {
    if (reply.cutAtBytes !== undefined)
      return { _tag: "Unsure", reason: `Zulip answered ${reply.status} with more than ${reply.cutAtBytes} bytes` }
    const body = decodeSuccess(reply.text)
    if (Option.isSome(body)) return { _tag: "Success", body: { fields: body.value, date: reply.date } }
    const said = pageText(withoutSent(reply.text, sent), secrets)
    return { _tag: "Unsure", reason: `Zulip answered ${reply.status} without a result: ${said || "no text"}` }
  }
  const error = Option.getOrUndefined(decodeError(reply.text))
  const reason = reasonOf(reply, error, secrets, sent)
  return judgeFailure(reply, { reason, code: error?.code, waitInBody: error?.["retry-after"] })
}
