/** Who the configured recipients are, by exact match only: a near miss would send private text to a stranger. */
import { Option, Result, Schema } from "effect"

/** As much of a member of `GET /users` as tells people apart. */
export const ZulipUser = Schema.Struct({
  user_id: Schema.Int,
  full_name: Schema.String,
  email: Schema.optionalKey(Schema.String),
  delivery_email: Schema.optionalKey(Schema.NullOr(Schema.String)),
  is_active: Schema.optionalKey(Schema.Boolean)
})
/** A member as the server lists it; old servers leave out the optional fields. */
export type ZulipUser = typeof ZulipUser.Type

const maxCandidates = 10

const fold = (text: string): string => text.normalize("NFC").trim().toLowerCase()

/** People by their ids or by their e-mail addresses; the server takes no list of both. */
export type Recipients = ReadonlyArray<number> | ReadonlyArray<string>

/** What stands between the commas. */
export const splitTargets = (targets: string): ReadonlyArray<string> =>
  targets
    .split(",")
    .map((target) => target.trim())
    .filter(Boolean)

const idOf = (target: string): number | undefined => {
  const id = /^\d+$/.test(target) ? Number(target) : 0
  return Number.isSafeInteger(id) && id > 0 ? id : undefined
}

const isEmail = (target: string): boolean => /^[^\s@<>]+@[^\s@<>]+$/.test(target)

/** Ids alone, or e-mail addresses alone, name their owners without asking the server; each once. */
export const directRecipients = (targets: string): Option.Option<Recipients> => {
  const parts = splitTargets(targets)
  const ids = parts.map(idOf).filter((id) => id !== undefined)
  if (ids.length === parts.length) return Option.some([...new Set(ids)])
  if (!parts.every(isEmail)) return Option.none()
  return Option.some([...new Map(parts.map((email) => [fold(email), email])).values()])
}

const hasEmail = (user: ZulipUser, wanted: string): boolean =>
  [user.email, user.delivery_email].some((email) => typeof email === "string" && fold(email) === wanted)

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

/** The first of these that anybody matches decides: id, e-mail address, full name or `8-Tessa` form. */
const matchesOf = (wanted: string, active: ReadonlyArray<ZulipUser>): ReadonlyArray<ZulipUser> =>
  [
    active.filter((user) => String(user.user_id) === wanted),
    active.filter((user) => hasEmail(user, wanted)),
    active.filter((user) => fold(user.full_name) === wanted || hasIdAndName(user, wanted))
  ].find((found) => found.length > 0) ?? []

const isActive = (user: ZulipUser): boolean => user.is_active !== false

/** The id of the one active user that the target names, or a sentence that lists who could be meant. */
export const findRecipient = (target: string, users: ReadonlyArray<ZulipUser>): Result.Result<number, string> => {
  const wanted = fold(target)
  const active = users.filter(isActive)
  const matches = matchesOf(wanted, active)
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

/**
 * The ids of the active users that the targets name, each once, or what is wrong with the first that names nobody.
 *
 * **Details** A full name may hold a comma: where the whole text names somebody it is not split.
 */
export const findRecipients = (
  targets: string,
  users: ReadonlyArray<ZulipUser>
): Result.Result<ReadonlyArray<number>, string> => {
  const isOne = matchesOf(fold(targets), users.filter(isActive)).length > 0
  const found = (isOne ? [targets] : splitTargets(targets)).map((target) => findRecipient(target, users))
  return Result.map(Result.all(found), (ids) => [...new Set(ids)])
}
