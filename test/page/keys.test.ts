import { assert, describe, it } from "@effect/vitest"
import { commandOf, type FocusPlace, type KeyPress } from "../../src/page/keys.ts"
import { keyGroups } from "../../src/page/view/keyList.ts"

const press = (key: string, fields: Partial<KeyPress> = {}): KeyPress => ({
  key,
  shiftKey: key !== key.toLowerCase(),
  isModified: false,
  repeat: false,
  ...fields
})
const command = (key: string, fields: Partial<KeyPress> = {}, focus: FocusPlace = "elsewhere") =>
  commandOf(press(key, fields), focus)?.command

describe("keys", () => {
  it.each([
    ["s", "start"],
    ["x", "stop"],
    ["?", "keys"],
    ["j", "olderRun"],
    ["k", "newerRun"],
    ["/", "find"],
    ["n", "nextMatch"],
    ["N", "previousMatch"],
    ["f", "follow"],
    ["g", "top"],
    ["G", "end"],
    ["e", "nextError"],
    ["E", "previousError"],
    ["[", "previousMessage"],
    ["]", "nextMessage"],
    ["w", "wrap"],
    ["y", "link"]
  ])("%s is %s", (key, expected) => {
    assert.strictEqual(command(key), expected)
  })

  it("lists every key that is a command, and no other", () => {
    const listed = keyGroups.flatMap(({ bindings }) => bindings.flatMap(({ keys }) => keys))
    const printable = Array.from({ length: 94 }, (_, index) => String.fromCodePoint(0x21 + index))
    assert.deepStrictEqual(
      printable.filter((key) => command(key) !== undefined),
      [...new Set(listed.filter((key) => key.length === 1))].toSorted()
    )
  })

  it("are text in a field", () => {
    assert.isUndefined(command("s", {}, "field"))
  })

  it("are the browser's with Ctrl, Alt or Meta", () => {
    assert.isUndefined(command("f", { isModified: true }))
  })

  it("go by the shift key where Caps Lock is on", () => {
    assert.strictEqual(command("E", { shiftKey: false }), "nextError")
    assert.strictEqual(command("e", { shiftKey: true }), "previousError")
  })

  it("held down step on, and start or stop nothing", () => {
    assert.strictEqual(command("j", { repeat: true }), "olderRun")
    assert.isUndefined(command("s", { repeat: true }))
    assert.isUndefined(command("x", { repeat: true }))
  })

  it("jump to a run by g in the list of runs, to the log's top elsewhere", () => {
    assert.strictEqual(command("g", {}, "history"), "goTo")
    assert.strictEqual(command("G", {}, "history"), "end")
  })

  it("are none by the name of something every object has", () => {
    assert.isUndefined(command("constructor"))
  })
})
