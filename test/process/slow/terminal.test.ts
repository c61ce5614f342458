import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { commandEnvironment } from "../../support/commandLine.ts"
import { checkout, type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { hasTmux, openTerminal, type Terminal } from "../../support/terminal.ts"

const isSkipped = !hasTmux()
if (isSkipped) console.log("No terminal is tested: tmux is not installed.")

const looperLine = `'${process.execPath}' '${join(checkout, "looper.js")}'`

/** A terminal in which `looper` is the command. */
const terminalOf = async (looper: LooperProcess, env: Readonly<Record<string, string>> = {}): Promise<Terminal> => {
  const terminal = openTerminal({ ...commandEnvironment({ looper }), ...env })
  terminal.type(`looper() { ${looperLine} "$@"; }; clear; echo ready`)
  await terminal.shows(/^ready$/m)
  return terminal
}

/** Writes a prompt that is too long to be typed. */
const promptFile = (looper: LooperProcess, steps: ReadonlyArray<CodexStep>): string => {
  const file = join(looper.folder, "prompt")
  writeFileSync(file, codexScript(steps))
  return file
}

const red = "\u001b[31mred\u001b[0m"
const evil = "\u001b[2J\u001b]0;title\u0007\u001b[?1049h"

describe.skipIf(isSkipped)("run --wait on a terminal", () => {
  it("shows id, step, elapsed time and the last line in place, fitted to its width, and then the end", async () => {
    await using looper = await startLooper()
    using terminal = await terminalOf(looper)
    const [next, gate] = [join(looper.folder, "next"), join(looper.folder, "gate")]
    const line = `${"0123456789".repeat(12)}`
    const steps = [
      { print: `${evil}first\n` },
      { waitForFile: next },
      { print: `${line}\n` },
      { waitForFile: gate },
      { exit: 7 }
    ]
    terminal.type(`looper run -m m --wait --prompt-file ${promptFile(looper, steps)}; echo "rc=$?"`)
    await terminal.shows(/^[0-9a-f]{8} {2}running {2}\d+s {2}.*first$/m)
    writeFileSync(next, "")
    await terminal.shows(/^[0-9a-f]{8} {2}running {2}\d+s {2}0123456789.*…$/m)
    assert.lengthOf(terminal.screen().match(/ running /g) ?? [], 1)

    terminal.resize(40)
    const [narrow] = await terminal.shows(/^[0-9a-f]{8} {2}running {2}\d+s {2}0123456789\d{0,10}…$/m)
    assert.isBelow(narrow.length, 40)
    terminal.resize(80)
    await terminal.shows(/^[0-9a-f]{8} {2}running {2}\d+s {2}(0123456789){4}.*…$/m)

    writeFileSync(gate, "")
    await terminal.shows(/^rc=7$/m)
    await terminal.shows(/^[0-9a-f]{8} failed with code 7 after \d+s$/m)
  })

  it("ends at once on Ctrl-C with 130, with the terminal as it was, and the run goes on", async () => {
    await using looper = await startLooper()
    using terminal = await terminalOf(looper)
    const modes = await terminal.modes()
    terminal.type(`looper run -m m --wait --prompt-file ${promptFile(looper, [{ hang: true }])}; echo "rc=$?"`)
    const [, id] = await terminal.shows(/^([0-9a-f]{8}) {2}running/m)
    terminal.press("C-c")
    await terminal.shows(/^rc=130$/m)
    await terminal.shows(new RegExp(`run ${id} goes on, see 'looper logs -f ${id}'`))
    terminal.type("looper stop")
    await terminal.shows(new RegExp(`^Stopped: ${id}`, "m"))
    assert.strictEqual(await terminal.modes(), modes)
  })
})

describe.skipIf(isSkipped)("looper logs on a terminal", () => {
  it("shows colours and what else would drive it as ?, and ends on Ctrl-C as tail -f does", async () => {
    await using looper = await startLooper()
    using terminal = await terminalOf(looper)
    const modes = await terminal.modes()
    await looper.run(codexScript([{ print: `${red} ${evil} plain \u001b[32mgreen\n` }, { hang: true }]))
    terminal.type("looper logs -f -n 1")
    await terminal.shows(/^red \?\[2J\?\]0;title\?\?\[\?1049h plain green$/m)
    assert.include(terminal.screen({ hasColors: true }), "\u001b[31mred")
    terminal.press("C-c")
    terminal.type('echo "rc=$?"')
    await terminal.shows(/^rc=130$/m)
    const behindGreen = terminal.screen({ hasColors: true }).split("\u001b[32m").at(-1) ?? ""
    assert.match(behindGreen.split("rc=130")[0] ?? "", /\[(0|39)m/)
    assert.strictEqual(await terminal.modes(), modes)
  })

  it("shows no colour where NO_COLOR is set", async () => {
    await using looper = await startLooper()
    using terminal = await terminalOf(looper, { NO_COLOR: "1" })
    await looper.run(codexScript([{ print: `${red}\n` }, { hang: true }]))
    terminal.type("looper logs -n 1; looper --help | tail -n 1; looper --help")
    await terminal.shows(/^red$/m)
    await terminal.shows(/^EXAMPLES$/m)
    assert.notInclude(terminal.screen({ hasColors: true }), "\u001b[")
  })
})

describe.skipIf(isSkipped)("help", () => {
  it("is coloured on a terminal and nowhere else", async () => {
    await using looper = await startLooper()
    using terminal = await terminalOf(looper, { FORCE_COLOR: "1" })
    terminal.type("looper kill --help | cat; echo piped")
    await terminal.shows(/^piped$/m)
    assert.notInclude(terminal.screen({ hasColors: true }), "\u001b[")
    terminal.type("clear; looper kill --help; echo shown")
    await terminal.shows(/^shown$/m)
    assert.include(terminal.screen({ hasColors: true }), "\u001b[1mUSAGE")
  })
})
