import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { commandOf, isError, isMessage, LineKinds } from "../../../src/page/log/lineKind.ts"

const log = `# looper_request_id=3f9c21ab header
OpenAI Codex v0.163.0 header
-------- header
workdir: /w header
-------- header
user role
# not a header of Looper's plain
codex role
I will prove it. plain
 plain
exec exec
/bin/bash -lc 'rg -n "is_convex" kernel' in /w command
 succeeded in 38ms: header
kernel/face.rs:88: output
exec exec
/bin/bash -lc 'cargo test' in /w command
 exited 101 in 21408ms: failure
error[E0308] output
codex role
Green. plain
ERROR: unexpected status 429 error
tokens used header
184,220 output`

describe("LineKinds", () => {
  it("reads what codex writes", () => {
    const kinds = new LineKinds(true)
    for (const entry of log.split("\n")) {
      const [, line = "", kind] = /^(.*) (\w+)$/.exec(entry) ?? []
      assert.strictEqual(kinds.next(line), kind, line)
    }
  })

  it("leaves what it does not know plain", () => {
    const kinds = new LineKinds(false)
    for (const line of ["something", "", "quite else", "{}"]) assert.strictEqual(kinds.next(line), "plain")
  })

  it("knows the command that has not ended, and forgets it with its result", () => {
    const kinds = new LineKinds(false)
    const commandAfter = (line: string) => {
      kinds.next(line)
      return kinds.command
    }
    assert.isUndefined(commandAfter("exec"))
    assert.strictEqual(
      commandAfter("/bin/bash -lc 'cargo verus verify -p kernel' in /w"),
      "cargo verus verify -p kernel"
    )
    assert.strictEqual(commandAfter("half of its output"), "cargo verus verify -p kernel")
    assert.isUndefined(commandAfter(" exited 1 in 3ms:"))
  })
})

const commandParts = Arbitrary.array(
  Arbitrary.schema(Schema.Literals(["/bin/bash -lc ", "'", '"', " in /w", "ls", " ", "\\"])),
  { maxLength: 8 }
)

describe("commandOf", () => {
  const cases = [
    ["/bin/bash -lc 'a b' in /w", "/bin/bash -lc '", "a b", "' in /w"],
    ["/usr/bin/zsh -c \"x 'y'\"", '/usr/bin/zsh -c "', "x 'y'", '"'],
    ["bash -lc ls in /w", "bash -lc ", "ls", " in /w"],
    ["rg x in /w", "", "rg x", " in /w"],
    ["anything", "", "anything", ""]
  ] as const
  for (const [line, before, command, after] of cases) {
    it(`finds the command of ${line}`, () => assert.deepStrictEqual(commandOf(line), { before, command, after }))
  }

  it.prop("loses nothing of the line", [commandParts], ([parts]) => {
    const { before, command, after } = commandOf(parts.join(""))
    assert.strictEqual(before + command + after, parts.join(""))
  })
})

describe("what is gone to", () => {
  it("errors are failed commands and lines that begin with ERROR, coloured or not", () => {
    for (const line of [" exited 1 in 3ms:", "ERROR: x", "\u001b[31mERROR\u001b[0m x"])
      assert.isTrue(isError(line), line)
    for (const line of [" exited 0 in 3ms:", " succeeded in 3ms:", "error: x", " ERROR", "exited 1 in 3ms:"]) {
      assert.isFalse(isError(line), line)
    }
  })

  it("messages begin at a line that is codex alone", () => {
    assert.isTrue(isMessage("codex"))
    assert.isFalse(isMessage("codex exec"))
  })
})
