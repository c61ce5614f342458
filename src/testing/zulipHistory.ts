/** How the real Zulip server answers a search for messages, as far as one place and one sender go. */
import { failure, success, type ZulipAnswer, type ZulipServerRequest } from "./zulipReplies.ts"
import { botId, type ZulipRealm, type ZulipServerMessage } from "./zulipRules.ts"

interface Term {
  readonly operator: string
  readonly operand: string | number | ReadonlyArray<number>
}

type Test = (realm: ZulipRealm, operand: Term["operand"], message: ZulipServerMessage) => boolean

/** A person's id, however the person is written. */
const idOf = (realm: ZulipRealm, person: string | number): string | number => {
  const text = String(person).trim().toLowerCase()
  if (text === realm.email.toLowerCase()) return botId
  return realm.users?.find(({ email }) => email.toLowerCase() === text)?.user_id ?? person
}

const inChannel: Test = (realm, operand, { to, topic }) => {
  const names = [to, typeof to === "number" ? realm.channels?.[to - 1] : undefined]
  const wanted = typeof operand === "number" ? [operand, realm.channels?.[operand - 1]] : [operand]
  return topic !== undefined && names.some((name) => name !== undefined && wanted.includes(name as string))
}

const amongPeople: Test = (realm, operand, { to }) => {
  const people = typeof operand === "string" ? operand.split(",") : [operand].flat()
  const idsOf = (list: ReadonlyArray<string | number>) => list.map((person) => String(idOf(realm, person))).toSorted()
  return Array.isArray(to) && idsOf(people).join() === idsOf(to as ReadonlyArray<string | number>).join()
}

/** The conditions, and the level that each name came with. */
const tests: Readonly<Record<string, { readonly level: number; readonly test: Test } | undefined>> = {
  stream: { level: 0, test: inChannel },
  channel: { level: 250, test: inChannel },
  topic: { level: 0, test: (_, operand, { topic }) => topic?.toLowerCase() === String(operand).toLowerCase() },
  sender: { level: 0, test: (realm, operand, { senderId }) => idOf(realm, operand as string | number) === senderId },
  "pm-with": { level: 0, test: amongPeople },
  dm: { level: 177, test: amongPeople }
}

/** The newest messages that the narrow leaves, oldest first; as HTML unless the request declines that. */
export const historyAnswer = (
  realm: ZulipRealm,
  request: ZulipServerRequest,
  messages: ReadonlyArray<ZulipServerMessage>,
  fields: Readonly<Record<string, unknown>>
): ZulipAnswer => {
  const { anchor, num_before = "", num_after = "", narrow = "[]", apply_markdown } = request.query
  if (anchor !== "newest" || !/^\d+$/.test(num_before) || !/^\d+$/.test(num_after)) {
    return failure(400, "REQUEST_VARIABLE_INVALID", "Invalid 'anchor'", { var_name: "anchor" })
  }
  const terms = JSON.parse(narrow) as ReadonlyArray<Term>
  const unknown = terms.find(({ operator }) => (tests[operator]?.level ?? Infinity) > realm.featureLevel)
  if (unknown !== undefined) {
    return failure(400, "BAD_NARROW", `Invalid narrow operator: unknown operator ${unknown.operator}`)
  }
  const found = messages.filter((message) =>
    terms.every(({ operator, operand }) => tests[operator]?.test(realm, operand, message))
  )
  const shown = found.slice(Math.max(0, found.length - 1 - Number(num_before))).map((message) => ({
    id: message.id,
    sender_id: message.senderId,
    timestamp: message.timestamp,
    subject: message.topic ?? "",
    content: apply_markdown === "false" ? message.content : `<p>${message.content}</p>`
  }))
  return success({ messages: shown, found_newest: true, anchor: messages.length, ...fields })
}
