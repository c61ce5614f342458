/** Every line of a run is in the server log once and in order, however often Looper is killed meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setImmediate as nextTurn } from "node:timers/promises"
import { afterAll } from "vitest"
import { encodeIntent, positionAt } from "../../../src/domain/mirrorIntent.ts"
import type { LogFormat } from "../../../src/domain/logRecord.ts"
import { makeMirrorText } from "../../../src/domain/mirrorText.ts"
import { journalOf, runLogHeader, runLogTrailer, sideFileOf } from "../../../src/domain/runLog.ts"
import { type DeathPlan, record } from "../../support/mirrorProgram.ts"

const folder = fs.mkdtempSync(join(tmpdir(), "mirror-crash-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))
let roots = 0

/** A generator of the same numbers for the same seed, below 1. */
const makeRandom = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A run that writes to its log; its lines tell which it is, and none is a part of a record. */
const makeRun = (logDir: string, requestId: string, random: () => number) => {
  const path = join(logDir, `codex-exec-20260213-101112-${requestId}.log`)
  const header = runLogHeader({ requestId, workspace: "/w", command: "codex" })
  fs.writeFileSync(path, header)
  fs.writeFileSync(journalOf(path), encodeIntent(positionAt(header.length)))
  fs.writeFileSync(sideFileOf(path), "starting\n")
  const output: Array<Buffer> = []
  let line = 0
  const pieceOf = (): string => {
    const kind = random()
    const text = `${requestId[0]} ${line++} ${"é\u0007".repeat(random() * 40)}`
    if (kind < 0.1) return text
    if (kind < 0.15) return `${text}\n${record}`
    if (kind < 0.2) return `${text}${"y".repeat(300_000)}\n`
    return `${text}\n`
  }
  const write = () => {
    const bytes = Buffer.from(Array.from({ length: random() * 20 }, pieceOf).join(""))
    fs.appendFileSync(path, bytes)
    output.push(bytes)
  }
  const end = () => {
    fs.appendFileSync(sideFileOf(path), "0\n")
    fs.appendFileSync(path, runLogTrailer(0))
    fs.appendFileSync(sideFileOf(path), "done\n")
  }
  const mirrored = () => {
    const text = makeMirrorText({ logPath: path, format: "text" })
    return Buffer.concat([text.push(Buffer.concat(output)), text.end()]).toString()
  }
  return { requestId, write, end, mirrored }
}

/** A line of the server log as the text form has it. */
const textFormOf = (line: string): string => {
  if (!line.startsWith('{"event":"codex.exec.output",')) return line
  const text = makeMirrorText({ logPath: "", format: "text" })
  return text
    .push(Buffer.from(`${JSON.parse(line).line}\n`))
    .toString()
    .slice(0, -1)
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

type ChooseFormat = (random: () => number) => LogFormat

const makeHouse = (seed: number, chooseFormat: ChooseFormat) => {
  const random = makeRandom(seed)
  const root = join(folder, `${++roots}`)
  const logDir = join(root, "logs")
  fs.mkdirSync(logDir, { recursive: true })
  const serverLogPath = join(logDir, "looper-server.log")
  const runs = ["a0000000", "b0000000"].map((id) => makeRun(logDir, id, random))
  let moves = 0
  const start = async (plan?: DeathPlan): Promise<ChildProcess> => {
    const words = [root, JSON.stringify(plan ?? null), chooseFormat(random)]
    const looper = fork(resolve(import.meta.dirname, "../../support/mirrorProgram.ts"), words, {
      env: { ...process.env, NODE_OPTIONS: "" }
    })
    await Promise.race([once(looper, "message"), once(looper, "exit")])
    return looper
  }
  /** Lets the runs write until the Looper is dead. */
  const writeWhile = async (looper: ChildProcess, onTurn: () => void = () => undefined) => {
    for (let turn = 0; !hasEnded(looper); turn++) {
      if (turn === 200_000) looper.kill("SIGKILL")
      if (random() < 0.02) runs[random() < 0.5 ? 0 : 1]?.write()
      onTurn()
      await nextTurn()
    }
  }
  return {
    random,
    runs,
    start,
    writeWhile,
    serverLogBytes: () => fs.statSync(serverLogPath, { throwIfNoEntry: false })?.size ?? 0,
    /** What logrotate does first. */
    move: () => {
      if (fs.existsSync(serverLogPath)) fs.renameSync(serverLogPath, `${serverLogPath}.${++moves}`)
    },
    /** Ends the runs and lets the last Looper mirror what is left. */
    finish: async () => {
      for (const run of runs) run.end()
      const looper = await start()
      if (!hasEnded(looper)) await once(looper, "exit")
      assert.strictEqual(looper.exitCode, 0)
      assert.deepStrictEqual(
        fs.readdirSync(logDir).filter((name) => /\.(mirror|state|new)$/.test(name)),
        []
      )
    },
    /** The lines of the server log, moved ones first, that are neither a record nor the cut one of a dead Looper. */
    lines: () =>
      [...Array.from({ length: moves }, (_, index) => `${serverLogPath}.${index + 1}`), serverLogPath]
        .map((path) => (fs.existsSync(path) ? fs.readFileSync(path, "utf8") : ""))
        .join("")
        .split("\n")
        .filter((line) => !record.startsWith(line))
        .map((line) => `${textFormOf(line)}\n`)
  }
}

type House = ReturnType<typeof makeHouse>

/** What is wrong with the server log. */
const faultsOf = ({ runs, lines }: House): ReadonlyArray<string> => {
  const all = lines()
  const faults: Array<string> = []
  let count = 0
  for (const run of runs) {
    const expected = run.mirrored().split(/(?<=\n)/)
    const isOf = (line: string) => line.startsWith(`${run.requestId[0]} `)
    const forged = expected.filter((line) => !isOf(line))
    if (expected.length < 50 || forged.length === 0) faults.push(`run ${run.requestId} wrote too little`)
    if (all.filter(isOf).join("") !== expected.filter(isOf).join("")) faults.push(`run ${run.requestId} differs`)
    count += expected.length
  }
  if (all.length !== count) faults.push(`${all.length} lines instead of ${count}`)
  return faults
}

const kills = 6
const seed = 1

const formats: ReadonlyArray<readonly [what: string, chooseFormat: ChooseFormat]> = [
  ["in the text form", () => "text"],
  ["in the JSON form", () => "json"],
  ["in another form each time", (random) => (random() < 0.5 ? "json" : "text")]
]

describe.each(formats)("a Looper that dies again and again, %s", (_, chooseFormat) => {
  it("between any two writes, or inside one, has every line once and in order", async () => {
    const house = makeHouse(seed, chooseFormat)
    for (let count = 0; count < kills; count++) {
      const by = house.random() < 0.7 ? "kill" : "exit"
      const maxWriteBytes = house.random() < 0.5 ? 1_000 : Number.MAX_SAFE_INTEGER
      const afterWrites = Math.floor(house.random() * 30)
      const looper = await house.start({ afterWrites, part: house.random(), by, maxWriteBytes })
      await house.writeWhile(looper)
    }
    await house.finish()
    assert.deepStrictEqual(faultsOf(house), [])
  }, 120_000)

  it("at any moment, its log moved meanwhile, has every line once and in order", async () => {
    const house = makeHouse(seed + 1, chooseFormat)
    for (let count = 0; count < kills; count++) {
      const looper = await house.start()
      let turns = 100 + house.random() * 400
      const moveAt = Math.floor(turns * house.random())
      await house.writeWhile(looper, () => {
        turns -= 1
        if (Math.floor(turns) === moveAt) {
          house.move()
          looper.kill("SIGHUP")
        }
        if (turns < 0) looper.kill("SIGKILL")
      })
      if (house.random() < 0.3) house.move()
    }
    await house.finish()
    assert.deepStrictEqual(faultsOf(house), [])
  }, 120_000)
})
