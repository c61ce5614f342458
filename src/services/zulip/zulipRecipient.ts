/** Who a configured recipient is, by exact match only: a near miss would send private text to a stranger. */
import { Option, Result, Schema } from "effect"

/** As much of a member of `GET /users` as tells people apart. */
export const ZulipUser = Schema.Struct({
  user_id: Schema.Int,
  full_name: Schema.String,
  email: Schema.optionalKey(Schema.String),
  delivery_email: Schema.optionalKey(Schema.NullOr(Schema.String)),
  is_active: Schema.optionalKey(Schema.Boolean)
})
export type ZulipUser = typeof ZulipUser.Type

const maxCandidates = 10

const fold = (text: string): string => text.normalize("NFC").trim().toLowerCase()

/** An id or an e-mail address names its owner without asking the server. */
export const directRecipient = (target: string): Option.Option<number | string> => {
  const text = target.trim()
  const id = /^\d+$/.test(text) ? Number(text) : 0
  if (Number.isSafeInteger(id) && id > 0) return Option.some(id)
  return /^[^\s@<>]+@[^\s@<>]+$/.test(text) ? Option.some(text) : Option.none()
}

const hasEmail = (user: ZulipUser, wanted: string): boolean =>
  [user.email, user.delivery_email].some((email) => fold(email ?? "") === wanted)

/** The `8-Tessa` form: the id and the name of the same user. */
const hasIdAndName = (user: ZulipUser, wanted: string): boolean => wanted === `${user.user_id}-${fold(user.full_name)}`

const list = (users: ReadonlyArray<ZulipUser>): string => {
  const names = users.slice(0, maxCandidates).map((user) => `${user.user_id}-${user.full_name}`)
  const more = users.length - names.length
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

const isSimilar = (user: ZulipUser, wanted: string): boolean => {
  const name = fold(user.full_name)
  return name.includes(wanted) || wanted.includes(name) || wanted.startsWith(`${user.user_id}-`)
}

/**
 * The id of the one active user that the target names, or a sentence that lists who could be meant.
 *
 * **Details** The first of these that anybody matches decides: id, e-mail address, full name or `8-Tessa` form.
 */
export const findRecipient = (target: string, users: ReadonlyArray<ZulipUser>): Result.Result<number, string> => {
  const wanted = fold(target)
  const active = users.filter((user) => user.is_active !== false)
  const matches =
    [
      active.filter((user) => String(user.user_id) === wanted),
      active.filter((user) => hasEmail(user, wanted)),
      active.filter((user) => fold(user.full_name) === wanted || hasIdAndName(user, wanted))
    ].find((found) => found.length > 0) ?? []
  const [match] = matches
  if (match === undefined) {
    const similar = active.filter((user) => isSimilar(user, wanted))
    const candidates = list(similar.length > 0 ? similar : active)
    return Result.fail(`no active Zulip user is '${target.trim()}'; candidates: ${candidates || "none"}`)
  }
  return matches.length === 1
    ? Result.succeed(match.user_id)
    : Result.fail(`'${target.trim()}' names several Zulip users: ${list(matches)}`)
}
