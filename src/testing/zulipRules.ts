/** How the real Zulip server treats a request: who may ask, what `to` means, what becomes of the text. */
import { failure, success, type ZulipAnswer, type ZulipServerRequest } from "./zulipReplies.ts"

/** A member of the organization. */
export interface ZulipServerUser {
  readonly user_id: number
  readonly full_name: string
  readonly email: string
  readonly delivery_email?: string | null
  readonly is_active?: boolean
  readonly is_bot?: boolean
}

/** The organization that the server plays; without a list of channels or users everyone and everything exists. */
export interface ZulipRealm {
  readonly email: string
  readonly apiKey: string
  readonly users: ReadonlyArray<ZulipServerUser> | undefined
  readonly channels: ReadonlyArray<string> | undefined
  /** May the bot notify everyone in a channel? */
  readonly mayMentionAll: boolean
  /** An incoming-webhook bot may only send. */
  readonly isWebhookBot: boolean
  /** How new the server is: 35 is too old for `code` in errors, 400 the newest known here. */
  readonly featureLevel: number
  /** Who made the bot. */
  readonly botOwnerId: number | null
}

/** The bot's own. */
export const botId = 1

/** A message as the server stored it. */
export interface ZulipServerMessage {
  readonly id: number
  readonly type: string
  /** A channel's name or id, or the list of people, as the server understood it. */
  readonly to: string | number | ReadonlyArray<string | number>
  readonly topic: string | undefined
  readonly content: string
  readonly senderId: number
  /** In seconds. */
  readonly timestamp: number
  readonly authUser: string
  readonly headers: ZulipServerRequest["headers"]
}

type Draft = Pick<ZulipServerMessage, "type" | "to" | "topic" | "content">

/** Who asks, or the answer for one who may not. */
export const authenticate = (realm: ZulipRealm, header: string | undefined): string | ZulipAnswer => {
  const [scheme, token = ""] = (header ?? "").split(" ")
  const [email = "", key] = Buffer.from(token, "base64").toString().split(/:(.*)/s)
  if (scheme !== "Basic")
    return failure(401, "UNAUTHORIZED", "Not logged in: API authentication or user session required")
  return email === realm.email && key === realm.apiKey ? email : failure(401, "INVALID_API_KEY", "Invalid API key")
}

/** Whether the bot may ask for anything but to send. */
export const refuseWebhookBot = (realm: ZulipRealm): ZulipAnswer | undefined =>
  realm.isWebhookBot ? failure(401, "UNAUTHORIZED", "This API is not available to incoming webhook bots.") : undefined

/** A failure as a server of the realm's feature level words it: `code` came with level 36. */
export const asOldAs = (realm: ZulipRealm, answer: ZulipAnswer): ZulipAnswer => {
  const { code: _, ...body } = JSON.parse(answer.body) as Record<string, unknown>
  return realm.featureLevel < 36 ? { ...answer, body: JSON.stringify(body) } : answer
}

const knownParameters = new Set(["type", "to", "topic", "subject", "content", "queue_id", "local_id", "read_by_sender"])

/** Servers name the parameters they do not know since level 167. */
export const ignoredParameters = (realm: ZulipRealm, form: ZulipServerRequest["form"]) => {
  const ignored = Object.keys(form).filter((name) => !knownParameters.has(name))
  return realm.featureLevel >= 167 && ignored.length > 0 ? { ignored_parameters_unsupported: ignored } : {}
}

/** The names of the two kinds of message, and the level that each came with. */
const kinds: Readonly<Record<string, { readonly isDirect: boolean; readonly level: number } | undefined>> = {
  private: { isDirect: true, level: 0 },
  direct: { isDirect: true, level: 174 },
  stream: { isDirect: false, level: 0 },
  channel: { isDirect: false, level: 248 }
}

/** JSON where it is JSON, else the text itself. */
const parseTo = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const cut = (text: string, limit: number, marker: string): string => {
  const points = Array.from(text)
  return points.length <= limit ? text : points.slice(0, limit - marker.length).join("") + marker
}

const bad = (msg: string): ZulipAnswer => failure(400, "BAD_REQUEST", msg)

const noChannel = (channel: string | number): ZulipAnswer =>
  typeof channel === "number"
    ? failure(400, "STREAM_DOES_NOT_EXIST", `Channel with ID '${channel}' does not exist`, { stream_id: channel })
    : failure(400, "STREAM_DOES_NOT_EXIST", `Channel '${channel}' does not exist`, { stream: channel })

const toChannel = (realm: ZulipRealm, text: string): string | number | ZulipAnswer => {
  const parsed = parseTo(text)
  const [channel, ...others] = Array.isArray(parsed) ? (parsed as ReadonlyArray<unknown>) : [parsed]
  if (others.length > 0 || (typeof channel !== "string" && typeof channel !== "number"))
    return bad("Expected exactly one channel")
  const name = typeof channel === "number" ? realm.channels?.[channel - 1] : channel
  return realm.channels === undefined || (name !== undefined && realm.channels.includes(name))
    ? channel
    : noChannel(channel)
}

const knows = (realm: ZulipRealm, person: string | number): boolean =>
  realm.users === undefined ||
  [botId, realm.email].includes(person) ||
  realm.users.some((user) => user.user_id === person || user.email === person)

const isNumbers = (list: ReadonlyArray<unknown>): list is ReadonlyArray<number> =>
  list.every((item) => typeof item === "number")

const isStrings = (list: ReadonlyArray<unknown>): list is ReadonlyArray<string> =>
  list.every((item) => typeof item === "string")

const toPeople = (realm: ZulipRealm, text: string): ReadonlyArray<string | number> | ZulipAnswer => {
  const parsed = parseTo(text)
  const people: ReadonlyArray<unknown> = Array.isArray(parsed) ? parsed : String(parsed).split(",")
  if (!isNumbers(people) && !isStrings(people)) {
    return bad("Recipient lists may contain emails or user IDs, but not both.")
  }
  const stranger = (people as ReadonlyArray<string | number>).find((person) => !knows(realm, person))
  if (stranger === undefined) return people.length > 0 ? people : bad("Message must have recipients")
  return bad(typeof stranger === "number" ? `Invalid user ID ${stranger}` : `Invalid email '${stranger}'`)
}

const isAnswer = (value: object | string | number): value is ZulipAnswer =>
  typeof value === "object" && "status" in value

/** The message that a `POST /messages` makes, or the server's refusal. */
export const draftOf = (realm: ZulipRealm, form: ZulipServerRequest["form"]): Draft | ZulipAnswer => {
  const missing = ["type", "to", "content"].find((name) => form[name] === undefined)
  if (missing !== undefined) {
    return failure(400, "REQUEST_VARIABLE_MISSING", `Missing '${missing}' argument`, { var_name: missing })
  }
  const { type = "", to: rawTo = "", topic: rawTopic, content: rawContent = "" } = form
  const content = rawContent.trimEnd().replace(/^\n+/, "")
  if (content === "") return bad("Message must not be empty")
  if (content.includes("\0")) return bad("Message must not contain null bytes")
  const text = cut(content, 10_000, "\n[message truncated]")
  const kind = kinds[type]
  if (kind === undefined || kind.level > realm.featureLevel) return bad("Invalid type")
  if (kind.isDirect) {
    const to = toPeople(realm, rawTo)
    return isAnswer(to) ? to : { type, to, topic: undefined, content: text }
  }
  if (rawTopic === undefined)
    return failure(400, "REQUEST_VARIABLE_MISSING", "Missing 'topic' argument", { var_name: "topic" })
  if (/\p{Cc}/u.test(rawTopic)) return bad("Invalid character in topic, at position 1!")
  if (!realm.mayMentionAll && /@\*\*(all|everyone|channel|stream)\*\*/.test(text)) {
    return failure(
      400,
      "STREAM_WILDCARD_MENTION_NOT_ALLOWED",
      "You do not have permission to use channel wildcard mentions."
    )
  }
  const to = toChannel(realm, rawTo)
  return isAnswer(to) ? to : { type, to, topic: cut(rawTopic, 60, "..."), content: text }
}

const bot = { user_id: botId, full_name: "Looper", is_bot: true, is_active: true }

/** The answer to a `GET`, with these fields besides its own. */
export const readAnswer = (
  realm: ZulipRealm,
  request: ZulipServerRequest,
  user: string,
  fields: Readonly<Record<string, unknown>>
): ZulipAnswer => {
  const defaults = { is_active: true, is_bot: false, delivery_email: null }
  const members = (realm.users ?? []).map((member) => Object.assign({}, defaults, member))
  switch (request.path) {
    case "/server_settings":
      return success({
        zulip_version: "11.0",
        zulip_feature_level: realm.featureLevel,
        realm_name: "Looper",
        ...fields
      })
    case "/users":
      return success({ members, ...fields })
    case "/users/me":
      return success({ ...bot, email: user, bot_owner_id: realm.botOwnerId, ...fields })
    case "/get_stream_id": {
      const channel = toChannel(realm, JSON.stringify(request.query.stream ?? ""))
      return isAnswer(channel)
        ? channel
        : success({ stream_id: (realm.channels ?? []).indexOf(String(channel)) + 1, ...fields })
    }
    default:
      return failure(404, "BAD_REQUEST", "Unknown endpoint")
  }
}
