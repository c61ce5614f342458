/** What a run writes: the run log byte by byte, its header, and the mirror in the server log. */
import { assert, describe, it } from "@effect/vitest"
import { isUtf8 } from "node:buffer"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { isRecord, mirroredIn, readRunLog, textFrom } from "../support/logs.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { isAlive, killHard, sizeOf, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"
import { firstDifference, type RunWatcher, watchRuns } from "../support/watchedRun.ts"

let looper: LooperProcess
let runs: RunWatcher
beforeAll(async () => {
  looper = await startLooper()
  runs = watchRuns(looper)
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")
const mebibyte = 1_048_576
const base64 = (...parts: ReadonlyArray<string | ReadonlyArray<number>>) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))).toString(
    "base64"
  )

/** Bytes that text does not have, line by line. */
const odd: ReadonlyArray<CodexStep> = [
  { printBase64: base64([0xff, 0xfe, 0xc3, 0x28, 0xe2, 0x82, 10, 0xed, 0xa0, 0x80, 10]) },
  { print: "plain\r\ncarriage\rinside\r\ntwice\r\r\n\r\n" },
  { print: "nul \0 bell \x07 escape \x1b[31mred\x1b[0m tab \t delete \x7f next line \u0085 end\n" },
  { print: "\ufeffmark of order \u2028 line separator \u{1f600} é\n\n\n" }
]

const euros = (times: number, lines = 0): CodexStep =>
  lines === 0 ? { printTimes: { text: "€", times } } : { printTimes: { text: `${"€".repeat(times)}\n`, times: lines } }

describe("run log", () => {
  it.each<readonly [string, ReadonlyArray<CodexStep>]>([
    ["bytes that are no text", [...odd, { print: "end\n" }]],
    ["a partial last line", [{ print: "whole\n" }, { print: "partial \u00e9" }]],
    ["nothing", []],
    ["one newline", [{ print: "\n" }]],
    ["newlines at its end", [{ print: "x\n\n\n" }]],
    ["a line of 10 MB", [{ flood: { bytes: 10 * mebibyte, lineLength: 10 * mebibyte } }, { print: "after\n" }]],
    [
      "a partial line of 10 MB",
      [{ print: "before\n" }, { flood: { bytes: 10 * mebibyte - 5, lineLength: 10 * mebibyte } }]
    ],
    ["50,000 lines", [{ flood: { bytes: 5_000_000 } }]],
    [
      "lines about the mirror's limit",
      [mebibyte, mebibyte + 1, mebibyte + 2].map((n) => ({ flood: { bytes: n, lineLength: n } }))
    ],
    ["lines of wide characters", [euros(999, 40), euros(300_000), { print: "\n" }]],
    ["wide characters beside bytes that are none", [euros(240_000), { printBase64: base64([0xff, 10]) }, ...odd]],
    [
      "both streams in turn",
      Array.from(
        { length: 300 },
        (_, n): CodexStep => (n % 3 === 0 ? { printError: `err ${n}\n` } : { print: `out ${n}\n` })
      )
    ]
  ])("keeps %s byte by byte, and mirrors it line by line", async (_, steps) => {
    const copy = runs.file("copy")
    const { log, mirrored, expected, answer } = await runs.run([
      { writeFile: { path: copy, text: "" } },
      { copyTo: copy },
      ...steps
    ])
    assert.strictEqual(answer.status, 200, answer.text)
    assert.strictEqual(log.code, "0")
    assert.strictEqual(log.rest.length, 0)
    assert.strictEqual(sha256(log.body), sha256(readFileSync(copy)))
    assert.strictEqual(firstDifference(mirrored, expected), "")
  })

  it("cuts a mirrored line between characters, or where the limit is", async () => {
    const { path, mirrored, log } = await runs.run([euros(500_000), { print: "\nend\n" }])
    assert.strictEqual(log.body.length, 1_500_005)
    const [cut = "", end] = mirrored
    assert.isTrue(cut.startsWith("€".repeat(349_525)))
    assert.include(["", "\ufffd", "?"], cut.slice(349_525, cut.indexOf("…")))
    assert.isTrue(cut.endsWith(`… [1500000 bytes, see ${path}]`))
    assert.strictEqual(end, "end")
    runs.allExpected.splice(-2, 2, cut, "end")
  })

  it("has the documented name, mode and header, and the command of the answer", async () => {
    const { answer, id, path, log } = await runs.run([{ print: "x" }])
    assert.match(basename(path), /^codex-exec-20\d{6}-\d{6}-[0-9a-f]{8}\.log$/)
    assert.strictEqual(statSync(path).mode & 0o777, 0o600)
    assert.strictEqual(runOf(answer).log_path, path)
    assert.strictEqual(runOf(answer).command, log.command)
    assert.strictEqual(answer.body?.request_id, id)
    assert.deepStrictEqual([log.id, log.workspace], [id, looper.workspace])
  })

  it("names a command that a shell reads back as it was, in one line", async () => {
    const workspace = join(looper.folder, 'it\'s a "work tree" $HOME `x` é')
    mkdirSync(workspace)
    const argv = runs.file("argv")
    const prompt = `don't "quote" $HOME \`id\` \\ !x *\t\x1b[31m \x01 é \u{1f600}\n${codexScript([{ argvTo: argv }])}`
    const { log, path } = await runs.run(prompt, { workspace })
    const words = execFileSync("bash", ["-c", `printf '%s\\0' ${log.command}`])
    const [binary, ...rest] = words.toString().split("\0").slice(0, -1)
    assert.strictEqual(binary, looper.codexPath)
    assert.deepStrictEqual(rest, JSON.parse(readFileSync(argv, "utf8")))
    const options = ["--ask-for-approval", "never", "exec", "--sandbox", "workspace-write", "-C", workspace]
    assert.deepStrictEqual(rest, [...options, prompt])
    assert.strictEqual(log.workspace, workspace)
    assert.notMatch(log.command, /\p{Cc}/u)
    assert.strictEqual(readFileSync(path, "utf8").split("\n").indexOf(""), 3)
  })

  it("keeps its header in three lines whatever the workspace is called", async () => {
    const workspace = join(looper.folder, "two\nlines\x1b[31m")
    mkdirSync(workspace)
    const { log } = await runs.run([{ print: "x\n" }], { workspace })
    assert.notMatch(log.workspace, /\p{Cc}/u)
    assert.strictEqual(log.body.toString(), "x\n")
  })
})

/** Two processes write log and copy, each in its order: which one comes first may differ between the two files. */
const linesByWriter = (bytes: Buffer, child: number) => {
  const lines = bytes.toString().split("\n")
  assert.strictEqual(lines.pop(), "")
  const isChilds = (line: string) => line.startsWith(`child ${child} `)
  return { codex: lines.filter((line) => !isChilds(line)), child: lines.filter(isChilds) }
}

describe("what outlives codex", () => {
  it("goes on into the log after the trailer, and not into the mirror", async () => {
    const [copy, pidTo] = [runs.file("copy"), runs.file("pid")]
    const child = { kind: "daemon", holdsOutput: true, printsEveryMillis: 10, ignoresTerm: true, pidTo } as const
    const { path, mirrored, expected, log } = await runs.run([
      { copyTo: copy },
      { print: "first\n" },
      { child },
      { sleep: 100 },
      { print: "last\n" },
      { exit: 5 }
    ])
    assert.strictEqual(log.code, "5")
    await until(() => readRunLog(path).rest.length > 100, "the grandchild prints after the trailer")
    const pid = Number(readFileSync(pidTo, "utf8"))
    killHard(pid)
    await until(() => !isAlive(pid), "the grandchild is gone")
    const { body, rest } = readRunLog(path)
    const written = linesByWriter(Buffer.concat([body, rest]), pid)
    const copied = linesByWriter(readFileSync(copy), pid)
    assert.deepStrictEqual(
      [written.codex, copied.codex],
      [
        ["first", "last"],
        ["first", "last"]
      ]
    )
    assert.deepStrictEqual(
      written.child,
      written.child.map((_, index) => `child ${pid} ${index + 1}`)
    )
    assert.deepStrictEqual(written.child.slice(0, copied.child.length), copied.child)
    // Killed between its log and its copy, it has printed a line more.
    assert.isAtMost(written.child.length - copied.child.length, 1)
    assert.deepStrictEqual(mirrored, expected)
  })
})

describe("mirror", () => {
  it("sets a line that begins like a record off by a space", async () => {
    const forged = "2026-02-13 10:11:12,345 INFO looper run.success request_id=00000000"
    const { mirrored } = await runs.run([{ print: `${forged}\nafter\n` }])
    assert.deepStrictEqual(mirrored, [` ${forged}`, "after"])
  })

  it("mirrors a line as it is complete, and an unfinished one at the end", async () => {
    const go = runs.file("go")
    const offset = sizeOf(looper.serverLogPath)
    const { end } = await runs.start([{ print: "one\ntwo" }, { waitForFile: go }, { print: " and more" }])
    await until(() => mirroredIn(textFrom(looper.serverLogPath, offset)).length > 0, "the first line is mirrored")
    assert.deepStrictEqual(mirroredIn(textFrom(looper.serverLogPath, offset)), ["one"])
    writeFileSync(go, "")
    assert.deepStrictEqual((await end()).mirrored, ["one", "two and more"])
  })

  it("goes to the server log alone, never to stdout, and the prompt to neither", async () => {
    const prompt = `A secret prompt.\n${codexScript([{ print: "for the server log\n" }])}`
    const { mirrored } = await runs.run(prompt)
    assert.deepStrictEqual(mirrored, ["for the server log"])
    assert.notInclude(looper.output(), "for the server log")
    for (const text of [looper.output(), looper.serverLog()]) assert.notInclude(text, "A secret prompt")
  })

  it("wrote every line of this file's runs once and in order, in valid UTF-8, and no record was split", () => {
    const bytes = readFileSync(looper.serverLogPath)
    assert.isTrue(isUtf8(bytes))
    const lines = bytes.toString("utf8").split("\n")
    const mirrored = mirroredIn(bytes.toString("utf8"))
    assert.strictEqual(firstDifference(mirrored, runs.allExpected), "")
    for (const line of lines.filter(isRecord))
      assert.match(line, / looper [a-z]+(\.[a-z_]+)+( [a-z_]+=("([^"\\]|\\.)*"|[^\s"]*))*$/)
    assert.strictEqual(statSync(looper.serverLogPath).mode & 0o777, 0o600)
  })
})
