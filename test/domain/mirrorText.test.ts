import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import type { LogFormat } from "../../src/domain/logRecord.ts"
import { makeMirrorText } from "../../src/domain/mirrorText.ts"

const logPath = "/logs/codex-exec.log"
const mebibyte = 1024 * 1024

interface Settings {
  readonly format?: LogFormat
  readonly pieceBytes?: number
  readonly maxLineBytes?: number
}

/** The whole mirror of some bytes, pushed in pieces through one buffer that is written anew each time, as a reader does. */
const mirror = (raw: Uint8Array | string, { pieceBytes = 262_144, ...settings }: Settings = {}): Buffer => {
  const bytes = Buffer.from(raw)
  const text = makeMirrorText({ logPath, format: "text", ...settings })
  const shared = Buffer.alloc(pieceBytes)
  const given: Array<Uint8Array> = []
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const length = bytes.copy(shared, 0, start, start + pieceBytes)
    given.push(Buffer.from(text.push(shared.subarray(0, length))))
    shared.fill("Z")
  }
  given.push(text.end())
  return Buffer.concat(given)
}

const mirrored = (raw: Uint8Array | string, settings?: Settings): string => mirror(raw, settings).toString()

/** The lines by rules on strings, one at a time. */
const cleanLines = (raw: Uint8Array, maxLineBytes: number): ReadonlyArray<string> => {
  const lines = Buffer.from(raw).toString("latin1").split("\n")
  if (lines.at(-1) === "") lines.pop()
  return lines.map((latin1) => {
    const line = Buffer.from(latin1, "latin1")
    const isLong = line.length > maxLineBytes
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
    const text = isLong
      ? `${decoder.decode(line.subarray(0, maxLineBytes), { stream: true })}… [${line.length} bytes, see ${logPath}]`
      : decoder.decode(line).replace(/\r$/, "")
    return text.replaceAll(/\p{Cc}/gu, (control) => (control === "\t" ? control : "?"))
  })
}

/** The same as the text form has it. */
const reference = (raw: Uint8Array, maxLineBytes: number): string =>
  cleanLines(raw, maxLineBytes)
    .map((line) => `${/^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} |\{")/.test(line) ? " " : ""}${line}\n`)
    .join("")

/** The same as the JSON form has it. */
const jsonReference = (raw: Uint8Array, maxLineBytes: number): string =>
  cleanLines(raw, maxLineBytes)
    .map((line) => `${JSON.stringify({ event: "codex.exec.output", line })}\n`)
    .join("")

const table: ReadonlyArray<readonly [what: string, raw: string | Uint8Array, mirrored: string]> = [
  ["nothing", "", ""],
  ["whole lines", "one\ntwo\n", "one\ntwo\n"],
  ["empty lines", "\n\n", "\n\n"],
  ["an unterminated last line, which gets a newline", "one\ntwo", "one\ntwo\n"],
  ["a tab", "a\tb\n", "a\tb\n"],
  ["text beyond ASCII", "é€😀\u00a0\u2028\n", "é€😀\u00a0\u2028\n"],
  ["a byte order mark", "\ufeffa\n", "\ufeffa\n"],
  ["C0 controls and DEL", "\u0000\u0007\u001b[1m\u001f\u007f~\n", "???[1m??~\n"],
  ["C1 controls, one mark each", "\u0080\u0085\u009f\u00a0\n", "???\u00a0\n"],
  ["a CR before the newline", "a\r\n\r\n", "a\n\n"],
  ["other CRs", "a\rb\r\r\n", "a?b?\n"],
  ["a CR at the end of an unterminated line", "a\r", "a\n"],
  ["invalid UTF-8", Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x0a, 0xc2, 0x0a, 0x80]), "a\ufffd\ufffd\n\ufffd\n\ufffd\n"],
  ["an invalid byte beside a control", Buffer.from([0xff, 0x1b, 0xc2, 0x85, 0x0a]), "\ufffd??\n"],
  ["a text record", "2026-02-13 10:11:12,345 INFO\n", " 2026-02-13 10:11:12,345 INFO\n"],
  ["a JSON record", 'a\n{"event":1}\n{"\n', 'a\n {"event":1}\n {"\n'],
  ["a record in an unterminated line", '{"', ' {"\n'],
  [
    "almost a text record",
    "2026-02-13 10:11:12,345\n2026-02-13 10:11:12.345 x\n",
    "2026-02-13 10:11:12,345\n2026-02-13 10:11:12.345 x\n"
  ],
  ["almost a JSON record", '{ "a"\n{\n {"a"\nx{"\n', '{ "a"\n{\n {"a"\nx{"\n'],
  ["a record after an invalid line", Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from('{"a')]), '\ufffd\n {"a\n']
]

/** Bytes that mean something to the rules, alone or in pairs. */
const tellingBytes: ReadonlyArray<number> = [
  0x61, 0x20, 0x09, 0x0a, 0x0d, 0x00, 0x1b, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xc2, 0xc3, 0xe2, 0x82, 0xac, 0xf0, 0x98,
  0xff, 0xed, 0xef, 0xbb, 0xbf, 0x7b, 0x22, 0x30
]
const tellingByte = Arbitrary.schema(Schema.Literals(tellingBytes))
const anyByte = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const piece = Arbitrary.flatMap(
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))),
  (die) => {
    if (die === 0) return Arbitrary.Constant([...Buffer.from("\n2026-02-13 10:11:12,345 é€😀")])
    if (die === 1) return Arbitrary.Constant([...Buffer.from('\n{"a')])
    if (die === 2) return Arbitrary.Constant([...Buffer.from("0123456789abcdef\r\n")])
    return Arbitrary.array(die < 6 ? anyByte : tellingByte, { maxLength: 12 })
  }
)
const raw = Arbitrary.map(Arbitrary.array(piece, { maxLength: 20 }), (pieces) => Uint8Array.from(pieces.flat()))
const size = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))

describe("makeMirrorText", () => {
  for (const [what, bytes, expected] of table) {
    it(`mirrors ${what}, in one piece or byte by byte`, () => {
      assert.strictEqual(mirrored(bytes), expected)
      assert.strictEqual(mirrored(bytes, { pieceBytes: 1 }), expected)
    })
  }

  it("makes each line an object in the JSON form, in which none needs a space before it", () => {
    const raw = Buffer.from('a "b" \\ \t\u001b\r\n\n{"event":1}\n2026-02-13 10:11:12,345 INFO\nlast\u2028é')
    const lines = ['a "b" \\ \t?', "", '{"event":1}', "2026-02-13 10:11:12,345 INFO", "last\u2028é"]
    const expected = lines.map((line) => `${JSON.stringify({ event: "codex.exec.output", line })}\n`).join("")
    assert.strictEqual(mirrored(raw, { format: "json" }), expected)
    assert.strictEqual(mirrored(raw, { format: "json", pieceBytes: 1 }), expected)
    assert.strictEqual(mirrored("", { format: "json" }), "")
    const cut = `… [5 bytes, see ${logPath}]`
    assert.strictEqual(
      mirrored('a"\\bc\n', { format: "json", maxLineBytes: 3 }),
      `{"event":"codex.exec.output","line":"a\\"\\\\${cut}"}\n`
    )
  })

  it("gives complete lines only, and counts the bytes of the unfinished one", () => {
    const text = makeMirrorText({ logPath, format: "text" })
    assert.strictEqual(text.pendingBytes, 0)
    assert.strictEqual(text.push(Buffer.from("a\u001bé")).length, 0)
    assert.strictEqual(text.pendingBytes, 4)
    assert.strictEqual(text.push(Buffer.from("b\r")).length, 0)
    assert.strictEqual(text.pendingBytes, 6)
    assert.strictEqual(text.push(Buffer.alloc(0)).length, 0)
    assert.strictEqual(Buffer.from(text.push(Buffer.from("\nnext\nlast"))).toString(), "a?éb\nnext\n")
    assert.strictEqual(text.pendingBytes, 4)
    assert.strictEqual(Buffer.from(text.end()).toString(), "last\n")
    assert.strictEqual(text.pendingBytes, 0)
    assert.strictEqual(text.end().length, 0)
    assert.strictEqual(Buffer.from(text.push(Buffer.from("again\n"))).toString(), "again\n")
  })

  it("copies nothing where lines are clean, text beyond ASCII too", () => {
    const chunk = Buffer.from("a line\n\té€😀\n2026 and {\nunfinished")
    const text = makeMirrorText({ logPath, format: "text" })
    const given = text.push(chunk)
    assert.strictEqual(given.buffer, chunk.buffer)
    assert.strictEqual(given.byteOffset, chunk.byteOffset)
    assert.strictEqual(Buffer.from(given).toString(), "a line\n\té€😀\n2026 and {\n")
  })

  it("reads a view that begins inside its memory", () => {
    const memory = new TextEncoder().encode("XXline\nYY")
    assert.strictEqual(
      Buffer.from(makeMirrorText({ logPath, format: "text" }).push(memory.subarray(2, 7))).toString(),
      "line\n"
    )
  })

  it("mirrors a line of 1 MiB whole", () => {
    const line = `${"é".repeat(mebibyte / 2)}\n`
    assert.isTrue(mirror(`a\n${line}b\n`).equals(Buffer.from(`a\n${line}b\n`)))
  })

  it("cuts a longer line after 1 MiB and says its length", () => {
    const tail = `… [1048577 bytes, see ${logPath}]\n`
    assert.isTrue(
      mirror(`a\n${"x".repeat(mebibyte + 1)}\nb\n`).equals(Buffer.from(`a\n${"x".repeat(mebibyte)}${tail}b\n`))
    )
    assert.isTrue(mirror("x".repeat(mebibyte + 1)).equals(Buffer.from(`${"x".repeat(mebibyte)}${tail}`)))
  })

  it("does not cut inside a UTF-8 sequence", () => {
    assert.strictEqual(mirrored("abc😀d\n", { maxLineBytes: 5 }), `abc… [8 bytes, see ${logPath}]\n`)
    assert.strictEqual(mirrored("abc😀d\n", { maxLineBytes: 7 }), `abc😀… [8 bytes, see ${logPath}]\n`)
  })

  it("keeps a byte order mark of a cut line", () =>
    assert.strictEqual(mirrored("\ufeffab\n", { maxLineBytes: 4 }), `\ufeffa… [5 bytes, see ${logPath}]\n`))

  it("keeps a cut line one line, whatever its log's path", () => {
    const text = makeMirrorText({ logPath: "/a\nb\u001b", format: "text", maxLineBytes: 2 })
    assert.strictEqual(Buffer.from(text.push(Buffer.from("abc\n"))).toString(), "ab… [3 bytes, see /a?b?]\n")
  })

  it("keeps no more than about 1 MiB of an unfinished line of 1 GiB", () => {
    const text = makeMirrorText({ logPath, format: "text" })
    const chunk = Buffer.alloc(262_144, "x")
    const before = process.memoryUsage().arrayBuffers
    for (let bytes = 0; bytes < 1024 * mebibyte; bytes += chunk.length) text.push(chunk)
    assert.strictEqual(text.pendingBytes, 1024 * mebibyte)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 8 * mebibyte)
    const given = Buffer.from(text.end())
    assert.isTrue(given.equals(Buffer.from(`${"x".repeat(mebibyte)}… [1073741824 bytes, see ${logPath}]\n`)))
  })

  it("takes a megabyte that comes byte by byte", () => {
    const line = Buffer.alloc(mebibyte, "x")
    const text = makeMirrorText({ logPath, format: "text" })
    const before = process.memoryUsage().arrayBuffers
    for (let index = 0; index < line.length; index++) text.push(line.subarray(index, index + 1))
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 16 * mebibyte)
    assert.isTrue(Buffer.from(text.end()).equals(Buffer.concat([line, Buffer.from("\n")])))
  })

  it.prop(
    "gives what the rules say, however the bytes are cut into pieces",
    [raw, size, size],
    ([raw, pieceBytes, maxLineBytes]) => {
      const expected = reference(raw, maxLineBytes)
      assert.strictEqual(mirrored(raw, { maxLineBytes }), expected)
      assert.strictEqual(mirrored(raw, { maxLineBytes, pieceBytes }), expected)
      assert.strictEqual(mirrored(raw, { pieceBytes }), reference(raw, mebibyte))
      assert.strictEqual(mirrored(raw, { format: "json", maxLineBytes, pieceBytes }), jsonReference(raw, maxLineBytes))
    },
    { arbitrary: { runs: 3000 } }
  )

  it.prop(
    "finds what is to be changed anywhere in clean text, wherever in memory that begins",
    [size, Arbitrary.array(tellingByte, { maxLength: 4 }), size, size],
    ([lines, telling, at, start]) => {
      const clean = Buffer.from("plain é text\n".repeat(lines))
      const index = (at * lines) % clean.length
      const raw = Buffer.concat([clean.subarray(0, index), Buffer.from(telling), clean.subarray(index)])
      const memory = Buffer.alloc(start + raw.length)
      raw.copy(memory, start)
      const text = makeMirrorText({ logPath, format: "text" })
      const given = Buffer.concat([text.push(memory.subarray(start)), text.end()])
      assert.strictEqual(given.toString(), reference(raw, mebibyte))
    },
    { arbitrary: { runs: 3000 } }
  )

  it.prop(
    "accounts for each byte: what is given and what is pending are the bytes pushed",
    [raw, size],
    ([raw, pieceBytes]) => {
      const text = makeMirrorText({ logPath, format: "text" })
      for (let start = 0; start < raw.length; start += pieceBytes) {
        const end = Math.min(start + pieceBytes, raw.length)
        text.push(raw.subarray(start, end))
        assert.strictEqual(text.pendingBytes, end - (raw.lastIndexOf(0x0a, end - 1) + 1))
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
