import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Result, Schema } from "effect"
import {
  directRecipients,
  findRecipient,
  findRecipients,
  splitTargets,
  type ZulipUser
} from "../../../src/services/zulip/zulipRecipient.ts"

const user = (user_id: number, full_name: string, rest: Partial<ZulipUser> = {}): ZulipUser => ({
  user_id,
  full_name,
  email: `user${user_id}@zulip.example.com`,
  is_active: true,
  ...rest
})

const users = [
  user(8, "Tessa", { delivery_email: "Tessa@Example.com" }),
  user(9, "Bob Smith", { delivery_email: null }),
  user(10, "bob smith"),
  user(11, "Gone", { is_active: false }),
  user(12, "Ünal"),
  user(13, "88")
]

const find = (target: string) => findRecipient(target, users)

const reason = (target: string, among: ReadonlyArray<ZulipUser> = users) =>
  Result.getOrThrow(Result.flip(findRecipient(target, among)))

const names = Arbitrary.schema(Schema.Literals(["Ann", "ann", "Ann Lee", "Bo", "8", "9-Bo", "A@b.c"]))

const anyUsers = Arbitrary.map(Arbitrary.array(names, { maxLength: 6 }), (list) =>
  list.map((name, index) => user(index + 5, name, { is_active: index % 3 !== 2 }))
)

describe("findRecipient", () => {
  it("finds by id, e-mail address, full name and the 8-Tessa form, ignoring case", () => {
    for (const target of [
      "8",
      "user8@zulip.example.com",
      "tessa@example.com",
      "Tessa",
      "TESSA",
      "8-Tessa",
      " 8-tessa "
    ]) {
      assert.deepStrictEqual(find(target), Result.succeed(8), target)
    }
    assert.deepStrictEqual(find("U\u0308NAL"), Result.succeed(12))
    assert.deepStrictEqual(find("9-Bob Smith"), Result.succeed(9))
  })

  it("takes an id before a name that looks like one", () => {
    assert.deepStrictEqual(findRecipient("8", [user(1, "8"), user(8, "Tessa")]), Result.succeed(8))
    assert.deepStrictEqual(find("88"), Result.succeed(13))
  })

  it("wants id and name of the 8-Tessa form to belong together", () => {
    for (const target of ["8-Bob Smith", "9-Tessa", "8-", "-Tessa", "8-Tess"])
      assert.isTrue(Result.isFailure(find(target)), target)
  })

  it("does not guess by a part of a name, in either direction", () => {
    for (const target of ["Tess", "Tessa B", "essa", ""]) assert.isTrue(Result.isFailure(find(target)), target)
  })

  it("takes nobody without an address for the owner of an empty one", () => {
    assert.isTrue(Result.isFailure(findRecipient(" ", [user(1, "Ann", { delivery_email: null })])))
  })

  it("skips users who are deactivated", () => {
    for (const target of ["Gone", "11", "11-Gone", "user11@zulip.example.com"]) {
      assert.match(reason(target), /^no active Zulip user is /)
      assert.notInclude(reason(target), "11-Gone,")
    }
    assert.deepStrictEqual(
      findRecipient("Ann", [user(1, "Ann", { is_active: false }), user(2, "Ann")]),
      Result.succeed(2)
    )
  })

  it("lists all whom an ambiguous name means", () => {
    assert.strictEqual(reason("Bob Smith"), "'Bob Smith' names several Zulip users: 9-Bob Smith, 10-bob smith")
    assert.strictEqual(
      reason("8-Tessa", [user(8, "Tessa"), user(1, "8-Tessa")]),
      "'8-Tessa' names several Zulip users: 8-Tessa, 1-8-Tessa"
    )
  })

  it("lists those who are similar, else everybody, ten at most", () => {
    assert.strictEqual(reason("bob"), "no active Zulip user is 'bob'; candidates: 9-Bob Smith, 10-bob smith")
    const crowd = Array.from({ length: 12 }, (_, index) => user(index + 1, `N${index + 1}`))
    assert.match(reason("zzz", crowd), /candidates: 1-N1, .*, 10-N10 and 2 more$/)
    assert.strictEqual(reason("zzz", []), "no active Zulip user is 'zzz'; candidates: none")
  })

  it.prop("never answers with someone whom the target does not name exactly", [names, anyUsers], ([target, list]) => {
    const found = findRecipient(target, list)
    if (Result.isFailure(found)) return
    const match = list.find((one) => one.user_id === found.success)
    const wanted = target.toLowerCase()
    const name = match?.full_name.toLowerCase()
    assert.isTrue(match?.is_active)
    assert.include([String(match?.user_id), match?.email, name, `${match?.user_id}-${name}`], wanted)
  })
})

/** A list of people as it may be written. */
const anyTargets = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Literals(["8", "Tessa", "9-Bob Smith", "tessa@example.com", "88", "", " ", "Ünal", "7"])),
    { maxLength: 5 }
  ),
  (parts) => parts.join(", ")
)

describe("findRecipients", () => {
  it("finds each one, and nobody twice", () => {
    assert.deepStrictEqual(findRecipients("8-Tessa, 9-Bob Smith", users), Result.succeed([8, 9]))
    assert.deepStrictEqual(findRecipients("tessa,8,Tessa@example.com,9", users), Result.succeed([8, 9]))
    assert.deepStrictEqual(findRecipients(" Tessa ,, ", users), Result.succeed([8]))
  })

  it("splits no text that names somebody as a whole", () => {
    const smiths = [user(1, "Smith, Ann"), user(2, "Smith"), user(3, "Ann"), user(4, "Bo"), user(5, "Bo")]
    assert.deepStrictEqual(findRecipients("smith, ann", smiths), Result.succeed([1]))
    assert.deepStrictEqual(findRecipients("1-Smith, Ann", smiths), Result.succeed([1]))
    assert.deepStrictEqual(findRecipients("Smith,Ann", smiths), Result.succeed([2, 3]))
    const gone = [user(9, "Smith, Ann", { is_active: false }), ...smiths.slice(1)]
    assert.deepStrictEqual(findRecipients("Smith, Ann", gone), Result.succeed([2, 3]))
    const twins = [user(6, "Bo, Bo"), user(7, "Bo, Bo"), ...smiths]
    assert.deepStrictEqual(
      findRecipients("Bo, Bo", twins),
      Result.fail("'Bo, Bo' names several Zulip users: 6-Bo, Bo, 7-Bo, Bo")
    )
  })

  it("finds nobody where one names nobody", () => {
    assert.deepStrictEqual(
      findRecipients("8-Tessa, bob", users),
      Result.fail("no active Zulip user is 'bob'; candidates: 9-Bob Smith, 10-bob smith")
    )
    assert.deepStrictEqual(
      findRecipients("8-Tessa, Gone", users),
      Result.fail("no active Zulip user is 'Gone'; candidates: 8-Tessa, 9-Bob Smith, 10-bob smith, 12-Ünal, 13-88")
    )
  })

  it.prop("answers with whom the parts name, once each, or with nobody", [anyTargets], ([targets]) => {
    const found = findRecipients(targets, users)
    const parts = splitTargets(targets)
    if (parts.includes("7")) return assert.isTrue(Result.isFailure(found))
    const ids = Result.getOrThrow(found)
    assert.deepStrictEqual(new Set(ids), new Set(parts.map((part) => Result.getOrThrow(find(part)))))
    assert.strictEqual(ids.length, new Set(ids).size)
  })
})

describe("directRecipients", () => {
  it("need no lookup where all are ids, or all e-mail addresses", () => {
    assert.deepStrictEqual(directRecipients(" 9 "), Option.some([9]))
    assert.deepStrictEqual(directRecipients("9, 8,09,"), Option.some([9, 8]))
    assert.deepStrictEqual(directRecipients("a@b"), Option.some(["a@b"]))
    assert.deepStrictEqual(directRecipients("a@b,c@d , A@B"), Option.some(["A@B", "c@d"]))
  })

  it.each([
    "8-Tessa",
    "Tessa",
    "0",
    "-1",
    "1.5",
    "99999999999999999999",
    "a@b@c",
    "Tessa <a@b.c>",
    "@b",
    "a b@c",
    "8,a@b",
    "8, a@b",
    "8,Tessa",
    "a@b, Tessa"
  ])("take %s for names", (targets) => {
    assert.deepStrictEqual(directRecipients(targets), Option.none())
  })

  it.prop("never mix ids and addresses", [anyTargets], ([targets]) => {
    const kinds = Option.map(directRecipients(targets), (found) => new Set(found.map((one) => typeof one)).size)
    assert.isAtMost(
      Option.getOrElse(kinds, () => 0),
      1
    )
  })
})
