/** Followers of a run's log: every byte once and in order, whoever else follows, and whatever becomes of run and Looper. */
import { assert, describe, it } from "@effect/vitest"
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type FollowOptions, followLog, type LogFollower } from "../../support/logFollower.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { seededRandom } from "../../support/seededRandom.ts"

let looper: LooperProcess
/** Its run prints nothing; followed from the start of this file on. */
let silent: LooperProcess
let waiting: LogFollower
beforeAll(async () => {
  ;[looper, silent] = await Promise.all([startLooper(), startLooper()])
  waiting = await followLog(silent.url, (await begin(silent, [{ hang: true }])).id)
})
afterAll(async () => {
  waiting?.[Symbol.dispose]()
  await looper?.[Symbol.asyncDispose]()
  await silent?.[Symbol.asyncDispose]()
})

const begin = async (on: LooperProcess, steps: ReadonlyArray<CodexStep>) => {
  const answer = await on.run(codexScript(steps))
  assert.strictEqual(answer.status, 200, answer.text)
  const { pid, log_path: logPath } = runOf(answer)
  return { id: String(answer.body?.request_id), pid, logPath }
}

let gates = 0
/** A step that waits until `open`. */
const makeGate = () => {
  const path = join(looper.folder, `gate-${++gates}`)
  return { step: { waitForFile: path }, open: () => writeFileSync(path, "") } as const
}

const follow = (id: string, options?: FollowOptions) => followLog(looper.url, id, options)
const sha = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")
const base64 = (...bytes: ReadonlyArray<number>): CodexStep => ({ printBase64: Buffer.from(bytes).toString("base64") })

/** Asserts that the follower has these bytes and nothing else, by hash and by offset. */
const assertBytes = (follower: LogFollower, expected: Buffer) => {
  assert.deepStrictEqual(follower.faults, [])
  const bytes = follower.bytes()
  assert.strictEqual(bytes.length, expected.length)
  assert.strictEqual(sha(bytes), sha(expected))
}

/** Characters of one to four bytes, then sequences that are cut, overlong, surrogates, beyond the last, bare. */
const awkward = [...Buffer.from("aé€😀\u2028\0"), ...Buffer.from("e28241c080eda080f490808080bff09f980aff", "hex")]
const outputs: ReadonlyArray<readonly [string, ReadonlyArray<CodexStep>]> = [
  ["nothing", []],
  ["lines of text", [{ flood: { bytes: 300_000 } }, { print: "naïve 😀 Ω" }]],
  ["a progress bar of CRs alone", Array.from({ length: 40 }, (_, n) => [{ print: `\r${n} %` }, { sleep: 2 }]).flat()],
  ["5 MB in one line", [{ printTimes: { text: "0123456789", times: 524_288 } }]],
  ["binary", [{ printBase64: randomBytes(80_000).toString("base64") }]],
  ["characters and broken ones byte by byte", awkward.flatMap((byte) => [base64(byte), { sleep: 3 }])],
  [
    "what would end an event, the stream or the log",
    [
      { print: 'a\n\ndata: {"text":"x"}\n\nevent: end\nid: 0\n\n\n# codex_exec_return_code=9\n: c\r\n\r\n' },
      { sleep: 50 }
    ]
  ]
]

describe("a follower gets every byte", () => {
  it.each(outputs)("of %s, live and afterwards", async (_, steps) => {
    const gate = makeGate()
    const run = await begin(looper, [gate.step, ...steps, { exit: 3 }])
    using live = await follow(run.id)
    assert.match(String(live.headers["content-type"]), /^text\/event-stream/)
    gate.open()
    const end = await live.ended
    assert.deepInclude(end, { event: "end", data: { state: "failed", return_code: 3, cause: "exited" } })
    const log = readFileSync(run.logPath)
    assertBytes(live, log)
    assert.strictEqual(end?.id, String(log.length))
    using later = await follow(run.id)
    assert.deepStrictEqual(await later.ended, end)
    assertBytes(later, log)
    assert.strictEqual(
      sha(Buffer.from((await looper.request("GET", `/runs/${run.id}/log`)).text)),
      sha(Buffer.from(log.toString()))
    )
  })

  it("from any offset on, and from each id that came", async () => {
    const gate = makeGate()
    const noise: CodexStep = { printBase64: randomBytes(40_000).toString("base64") }
    const run = await begin(looper, [gate.step, noise, { sleep: 30 }, base64(...awkward), { sleep: 30 }, noise])
    using live = await follow(run.id)
    gate.open()
    await live.ended
    const log = readFileSync(run.logPath)
    const random = seededRandom(4)
    const offsets = Array.from({ length: 40 }, () => random.below(log.length))
    for (const after of [0, log.length - 1, log.length, ...live.events.map(({ id }) => Number(id)), ...offsets]) {
      using resumed = await follow(run.id, { after })
      assert.strictEqual((await resumed.ended)?.event, "end")
      assertBytes(resumed, log.subarray(after))
    }
    using beyond = await follow(run.id, { after: log.length + 1 })
    assert.strictEqual(beyond.status, 416)
  })

  it("behind the last lines that it asked for", async () => {
    const gate = makeGate()
    const run = await begin(looper, [{ print: "one\ntwo\nthr" }, gate.step, { print: "ee\nfour\n" }])
    await until(() => readFileSync(run.logPath, "utf8").endsWith("thr"), "it has begun its third line")
    const from = sizeOf(run.logPath) - "two\nthr".length
    using follower = await follow(run.id, { query: "&tail=2", from })
    gate.open()
    assert.strictEqual((await follower.ended)?.event, "end")
    assertBytes(follower, readFileSync(run.logPath).subarray(from))
  })

  it("over two deaths of Looper, while the run writes", async () => {
    const first = await startLooper()
    let now = first
    const loopers = [first]
    try {
      const child = { kind: "group", holdsOutput: true, printsEveryMillis: 2 } as const
      const run = await begin(first, [{ child }, { hang: true }])
      const parts: Array<Buffer> = []
      let after = 0
      for (const _ of [1, 2]) {
        using follower = await followLog(now.url, run.id, { after })
        await until(() => follower.lastId() > after + 2_000, "something came")
        now.child.kill("SIGKILL")
        assert.isUndefined(await follower.ended)
        assert.deepStrictEqual(follower.faults, [])
        parts.push(follower.bytes())
        after = follower.lastId()
        now = await startLooper({ reuse: first })
        loopers.push(now)
      }
      using last = await followLog(now.url, run.id, { after })
      await until(() => last.lastId() > after + 2_000, "something came")
      assert.strictEqual((await now.request("POST", `/runs/${run.id}/stop`)).body?.outcome, "stopped")
      assert.deepInclude(await last.ended, {
        event: "end",
        data: { state: "stopped", return_code: 143, cause: "request" }
      })
      assert.deepStrictEqual(last.faults, [])
      assert.strictEqual(sha(Buffer.concat([...parts, last.bytes()])), sha(readFileSync(run.logPath)))
    } finally {
      for (const each of loopers.toReversed()) await each[Symbol.asyncDispose]()
    }
  })
})

const descriptors = () => readdirSync(`/proc/${looper.pid}/fd`).length

describe("many followers", () => {
  it("a hundred of a run that writes 8 MB, beside four that never read", async () => {
    const gate = makeGate()
    const floods = Array.from({ length: 8 }, () => [{ flood: { bytes: 1_048_576 } }, { sleep: 20 }]).flat()
    const run = await begin(looper, [gate.step, ...floods])
    const sleepers = await Promise.all(Array.from({ length: 4 }, () => follow(run.id, { neverReads: true })))
    const readers = await Promise.all(Array.from({ length: 100 }, () => follow(run.id)))
    gate.open()
    const ends = await Promise.all(readers.map((each) => each.ended))
    const log = readFileSync(run.logPath)
    for (const reader of readers) assertBytes(reader, log)
    assert.isTrue(ends.every((end) => end?.data.state === "succeeded"))
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    for (const each of sleepers) each[Symbol.dispose]()
  })

  it("five hundred that leave, one way or the other, leave no descriptor behind", async () => {
    const child = { kind: "group", holdsOutput: true, printsEveryMillis: 5 } as const
    const run = await begin(looper, [{ flood: { bytes: 2_000_000 } }, { child }, { hang: true }])
    using stays = await follow(run.id)
    await until(() => stays.lastId() > 2_000_000, "it follows")
    const before = descriptors()
    for (let n = 0; n < 500; n += 25) {
      const all = await Promise.all(Array.from({ length: 25 }, (_, i) => follow(run.id, { neverReads: i % 2 === 0 })))
      for (const each of all) each[Symbol.dispose]()
    }
    await until(() => descriptors() <= before, `no more than ${before} descriptors are open`)
    const reached = stays.lastId()
    await until(() => stays.lastId() > reached, "the one that stays still gets bytes")
    await looper.request("POST", `/runs/${run.id}/stop`)
    assert.strictEqual((await stays.ended)?.event, "end")
    assertBytes(stays, readFileSync(run.logPath))
  })
})

describe("a stream ends", () => {
  it("when its run is replaced, with that cause, and the new run has a log of its own", async () => {
    const first = await begin(looper, [{ print: "first\n" }, { hang: true }])
    using follower = await follow(first.id)
    const second = await begin(looper, [{ print: "second\n" }, { hang: true }])
    const data = { state: "stopped", return_code: 143, cause: "replacement" }
    assert.deepInclude(await follower.ended, { event: "end", data })
    assertBytes(follower, readFileSync(first.logPath))
    assert.isTrue(isAlive(second.pid))
  })

  it("with its run where the log is deleted meanwhile, and nothing is lost", async () => {
    const [gate, copy] = [makeGate(), join(looper.folder, "copy")]
    const run = await begin(looper, [{ copyTo: copy }, { print: "one\n" }, gate.step, { print: "two\n" }])
    using follower = await follow(run.id)
    await until(() => follower.bytes().includes("\none\n"), "it follows")
    const header = readFileSync(run.logPath).subarray(0, -"one\n".length)
    rmSync(run.logPath)
    gate.open()
    assert.deepInclude((await follower.ended)?.data, { state: "succeeded", return_code: 0 })
    const trailer = Buffer.from("\n# codex_exec_return_code=0\n")
    assertBytes(follower, Buffer.concat([header, readFileSync(copy), trailer]))
    assert.strictEqual((await looper.request("GET", `/runs/${run.id}/log`)).status, 410)
  })

  it("when its sequence is cancelled before codex was started", async () => {
    const sequence = looper.run({ zulip_message: "m", codex_prompt: "p", codex_exec_delay_seconds: 600 })
    const id = await until(async () => {
      const { holder } = (await looper.request("GET", "/status")).body as {
        holder: { request_id: string; step: string }
      }
      return holder?.step === "delay" && holder.request_id
    }, "it waits")
    using follower = await follow(id)
    assert.strictEqual((await looper.request("POST", `/runs/${id}/stop`)).body?.outcome, "cancelled")
    assert.deepInclude((await follower.ended)?.data, { state: "stopped", return_code: null, cause: "request" })
    assert.strictEqual((await sequence).status, 409)
  })

  it("at shutdown, also where nobody reads it, and Looper exits with 0", async () => {
    await using leaving = await startLooper()
    const child = { kind: "group", holdsOutput: true, printsEveryMillis: 2 } as const
    const run = await begin(leaving, [{ flood: { bytes: 8_000_000 } }, { child }, { hang: true }])
    await until(() => sizeOf(run.logPath) > 8_000_000, "there is more than a connection takes")
    const all = await Promise.all([false, true].map((neverReads) => followLog(leaving.url, run.id, { neverReads })))
    await until(() => (all[0]?.lastId() ?? 0) > 8_000_000, "the one follows")
    leaving.child.kill("SIGTERM")
    await all[0]?.ended
    assert.deepStrictEqual(await leaving.exited, { code: 0, signal: null })
    assert.deepStrictEqual(all[0]?.faults, [])
    const got = all[0]?.bytes() ?? Buffer.alloc(0)
    assert.strictEqual(sha(got), sha(readFileSync(run.logPath).subarray(0, got.length)))
    for (const each of all) each[Symbol.dispose]()
  })
})

describe("a follower of a silent run", () => {
  it("gets comments, so that nothing between cuts the connection", async () => {
    await until(() => waiting.comments() > 0, "a comment came", 40_000)
    const ended = once(silent.child, "exit")
    await silent.stop()
    await ended
    assert.isTrue(existsSync(silent.logDir))
  })
})
