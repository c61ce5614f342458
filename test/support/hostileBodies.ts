/** Bodies for hostile requests: JSON that is none, JSON that says nothing valid, and some that does. */
import type { SeededRandom } from "./seededRandom.ts"

/** Reads as a record wherever it gets to the beginning of a line. */
export const forgedRecord = "2026-02-13 10:11:12,345 INFO looper forged.record request_id=0badc0de"

export interface Body {
  readonly bytes: Buffer
  readonly isValid: boolean
}

/** No object in UTF-8. */
const noObjects: ReadonlyArray<(random: SeededRandom) => string | Buffer> = [
  () => "not JSON",
  () => "zulip_message=m",
  () => "[]",
  () => "null",
  () => "5",
  () => '"text"',
  () => "{",
  () => '{"zulip_message":"m"',
  () => '{"zulip_message":"m"}}',
  () => '{"zulip_message":"m",}',
  () => "{'zulip_message':'m'}",
  () => '{"zulip_message":"m"}\0',
  () => '\0{"zulip_message":"m"}',
  () => '{"zulip_message":"a\nb"}',
  () => '{"zulip_message":"\\x41"}',
  () => '{"zulip_message":NaN}',
  () => '{"zulip_message":+1}',
  () => '{"zulip_message":0x10}',
  () => '{"zulip_message":01}',
  () => '{"zulip_message":.5}',
  () => '/**/{"zulip_message":"m"}',
  () => "\ufeff\ufeff{}",
  () => "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
  (random) => "[".repeat(1 + random.below(20_000)),
  (random) => `${'{"a":'.repeat(1 + random.below(5_000))}`,
  () => `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
  (random) =>
    Buffer.from(
      `{"zulip_message":"${random.pick(["\xff", "\xc0\x80", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\xc3", "\x80"])}"}`,
      "latin1"
    ),
  () => Buffer.from('{"zulip_message":"m"}', "utf16le"),
  () => Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from('{"zulip_message":"m"}')]),
  () => Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0])
]

/** JSON texts that no field for text takes. */
const noTexts = [
  "5",
  "true",
  "[]",
  "{}",
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00x"',
  "1e400",
  "-0",
  '["m"]',
  '{"toString":"m"}'
]
const blanks = ['""', '"  "', '"\\n\\t"']
/** JSON texts that no number of seconds is. */
const noSeconds = [
  "-1",
  "-0.001",
  "1e999",
  '"0x10"',
  '"1_0"',
  '"Infinity"',
  '"NaN"',
  '" "',
  '""',
  "true",
  "[]",
  "{}",
  "[1]",
  "86401",
  '"1e9"',
  '"1,5"',
  '"1\\u0000"',
  "99999999999999999999999999"
]
const noFlags = ['"true"', "1", "0", '""', "[]", "{}", '"\\u0000"']

const launchFields: ReadonlyArray<readonly [name: string, values: ReadonlyArray<string>]> = [
  ["codex_prompt", [...noTexts, '"-"', JSON.stringify("x".repeat(131_072))]],
  ["prompt", noTexts],
  ["workspace", noTexts],
  ["codex_exec_binary", [...noTexts, ...blanks]],
  ["codex_exec_delay_seconds", noSeconds],
  ["startup_delay_seconds", noSeconds],
  ["sidebar_delay_seconds", noSeconds],
  ["new_task_delay_seconds", noSeconds],
  ["prompt_send_delay_seconds", noSeconds],
  ["codex_exec_startup_check_seconds", [...noSeconds, "3601"]]
]
const messages = [...noTexts, ...blanks]

const fieldsOf: Readonly<Record<string, typeof launchFields>> = {
  "/run": [
    ["zulip_message", messages],
    ["zulip_script_path", [...noTexts, ...blanks]],
    ["dry_run", noFlags],
    ...launchFields
  ],
  "/spawn": [...launchFields, ["codex_prompt", blanks]],
  "/kill": [["dry_run", noFlags]],
  "/notify": [["zulip_message", messages]]
}

/** A body that the route refuses with 400. */
export const badBody = (random: SeededRandom, path: string): Body => {
  const fields = fieldsOf[path]
  if (fields === undefined || random.chance(0.3)) {
    const text = random.pick(noObjects)(random)
    return { bytes: typeof text === "string" ? Buffer.from(text) : text, isValid: false }
  }
  const needsMessage = path === "/run" || path === "/notify"
  if (needsMessage && random.chance(0.2)) return object(random, [["codex_prompt", '"p"']], false, [])
  const [name, values] = random.pick(fields)
  const good: Array<readonly [string, string]> = needsMessage
    ? [["zulip_message", JSON.stringify(`m\n${forgedRecord}`)]]
    : []
  // Of duplicates the last counts.
  return object(random, [...good, [name, random.pick(values)]], false, [name])
}

/** A body that the route takes. */
export const validBody = (random: SeededRandom, path: string): Body =>
  path === "/notify"
    ? object(random, [["zulip_message", random.pick(texts)]], true, ["zulip_message"])
    : object(random, [], true, [])

const texts = [
  '"m"',
  JSON.stringify(`\n${forgedRecord}\n`),
  JSON.stringify("\u202e\u2028\u0085\u001b[2J\r\n"),
  JSON.stringify("😀".repeat(3_000)),
  '"\\ud83d\\ude00"',
  JSON.stringify("x".repeat(15_000))
]

/** Fields in this order among unknown ones, one of `taken` not among those. */
const object = (
  random: SeededRandom,
  fields: ReadonlyArray<readonly [string, string]>,
  isValid: boolean,
  taken: ReadonlyArray<string>
): Body => {
  const blank = random.pick(["", "", " ", "\n", "\r\n\t "])
  const known = fields.map(([name, value]) => `${escaped(random, name)}${blank}:${blank}${value}`)
  const twice = random.chance(0.1) ? duplicates(random, taken) : []
  const parts = [...strangers(random), ...twice, ...known.toSpliced(1, 0, ...strangers(random))]
  const text = `{${blank}${[...parts, ...strangers(random)].join(`${blank},${blank}`)}${blank}}`
  return { bytes: Buffer.from(`${random.chance(0.1) ? "\ufeff" : ""}${blank}${text}${blank}`), isValid }
}

/** JSON may write a name in two ways. */
const escaped = (random: SeededRandom, name: string): string =>
  random.chance(0.1) ? `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}"` : JSON.stringify(name)

const duplicates = (random: SeededRandom, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.map((name) => `"${name}":${random.pick(["1", '"first"', "null", "[[[]]]"])}`)

/** Fields that no route knows, sometimes. */
const strangers = (random: SeededRandom): ReadonlyArray<string> =>
  random.chance(0.8)
    ? []
    : [
        random.pick([
          `${JSON.stringify(`\n${forgedRecord}\n`)}:1`,
          '"__proto__":{"isAdmin":true}',
          '"constructor":{"prototype":1}',
          '"":""',
          '"toJSON":5',
          '"\\u0000":[]',
          '"\\ud800":1',
          `"deep":${"[".repeat(2_000)}${"]".repeat(2_000)}`,
          `"n":${"9".repeat(400)}`,
          `"n":-1e-${"9".repeat(50)}`,
          `"x":${JSON.stringify("y".repeat(5_000))}`,
          '"then":{}',
          '"request_id":"0badc0de"'
        ])
      ]
