/** `Idempotency-Key` on POST /run: one sequence and one answer, whatever happens to its caller and to Looper. */
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll, beforeEach } from "vitest"
import { mkdirSync, rmSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type GatedZulip, startGatedZulip } from "../../support/gatedZulip.ts"
import type { Answer } from "../../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { isAlive, killHard, until } from "../../support/processes.ts"
import { exchange } from "../../support/rawConnection.ts"
import { runOf } from "../../support/residentLooper.ts"

interface House extends AsyncDisposable {
  readonly zulip: GatedZulip
  /** The Looper that runs now. */
  readonly looper: () => LooperProcess
  /** Starts the next one on the same folders. */
  readonly next: () => Promise<void>
  /** `POST /run` with a key and, unless told otherwise, the same body each time. */
  readonly ask: (key: string, over?: Readonly<Record<string, unknown>>) => Promise<Answer>
  /** How many messages were sent and run logs made since the last look. */
  readonly effects: () => { readonly messages: number; readonly runLogs: number }
  /** Waits until so many `POST`s have come since the last look at the effects. */
  readonly posts: (count: number) => Promise<unknown>
}

const hanging = codexScript([{ hang: true }])
const body = { zulip_message: "m", codex_prompt: hanging }

const startHouse = async (): Promise<House> => {
  const zulip = await startGatedZulip()
  let looper = await startLooper({ env: zulip.env })
  const world = () => ({
    messages: zulip.messages.length,
    runLogs: looper.runLogs().length,
    posts: looper.serverLog().match(/ http\.start .*method=POST .*\n/g)?.length ?? 0
  })
  let seen = world()
  return {
    zulip,
    looper: () => looper,
    next: async () => void (looper = await startLooper({ env: zulip.env, reuse: looper })),
    ask: (key, over = {}) =>
      looper.request("POST", "/run", { body: { ...body, ...over }, headers: { "idempotency-key": key } }),
    effects: () => {
      const before = seen
      seen = world()
      return { messages: seen.messages - before.messages, runLogs: seen.runLogs - before.runLogs }
    },
    posts: (count) => until(() => world().posts - seen.posts >= count, `${count} requests have come`),
    [Symbol.asyncDispose]: async () => {
      zulip.open()
      await looper[Symbol.asyncDispose]()
      await zulip[Symbol.asyncDispose]()
    }
  }
}

const oneRun = { messages: 1, runLogs: 1 }
const nothing = { messages: 0, runLogs: 0 }

/** Waits until the sequence of a request announces, which the gate holds up. */
const untilAnnounced = ({ zulip }: House) => {
  const { length } = zulip.messages
  return until(() => zulip.messages.length > length, "the sequence announces")
}

const assertReplays = (repeat: Answer, first: Answer) => {
  assert.deepStrictEqual([repeat.status, repeat.text], [first.status, first.text])
  assert.strictEqual(repeat.headers["idempotency-replayed"], "true")
  assert.notStrictEqual(repeat.headers["x-request-id"], first.headers["x-request-id"])
}

const assertRefused = (answer: Answer, status: number, code: string) => {
  assert.deepStrictEqual([answer.status, answer.body?.code], [status, code], answer.text)
  assert.strictEqual(answer.body?.request_id, answer.headers["x-request-id"])
  assert.isUndefined(answer.headers["idempotency-replayed"])
}

describe("a key", () => {
  let house: House
  beforeAll(async () => {
    house = await startHouse()
  })
  afterAll(() => house?.[Symbol.asyncDispose]())
  beforeEach(() => {
    house.zulip.open()
    house.effects()
  })

  it("that comes again gets the first answer and starts nothing", async () => {
    const first = await house.ask("again-1")
    assert.strictEqual(first.status, 200, first.text)
    assert.isUndefined(first.headers["idempotency-replayed"])
    const { pid } = runOf(first)
    assertReplays(await house.ask("again-1"), first)
    const raw = ` {"codex_prompt": ${JSON.stringify(hanging)},\n "workspace":null, "other":1, "zulip_message":"m"}`
    const headers = { "content-type": "application/json", "idempotency-key": "again-1" }
    assertReplays(await house.looper().request("POST", "/run", { raw, headers }), first)
    assertRefused(await house.ask("again-1", { zulip_message: "n" }), 422, "idempotency_key_reused")
    assert.deepStrictEqual(house.effects(), oneRun)
    assert.isTrue(isAlive(pid))
    assert.notInclude(house.looper().serverLog(), "again-1")
    assert.match(house.looper().serverLog(), / http\.idempotency\.replayed .*key_len=7 /)

    const another = await house.ask("again-2")
    assert.deepStrictEqual(another.body?.killed_codex_exec_pids, [pid])
    assertReplays(await house.ask("again-1"), first)
    assert.isTrue(isAlive(runOf(another).pid))
  })

  it("that comes while its first request is in progress waits for that one's answer", async () => {
    const { zulip } = house
    zulip.shut()
    const announced = untilAnnounced(house)
    const asking = [house.ask("waiting")]
    await announced
    asking.push(house.ask("waiting"), house.ask("waiting"))
    await house.posts(3)
    assertRefused(await house.ask("waiting", { zulip_message: "n" }), 422, "idempotency_key_reused")
    assert.strictEqual((await house.ask("busy")).body?.code, "run_busy")
    zulip.open()
    const [first, ...repeats] = await Promise.all(asking)
    for (const repeat of repeats) assertReplays(repeat, first as Answer)
    assert.strictEqual(first?.status, 200)
    assert.deepStrictEqual(house.effects(), oneRun)
    assert.strictEqual((await house.ask("busy")).status, 200, "what was busy stored nothing")
  })

  it("gets the answer of a sequence that went on without its caller", async () => {
    const { zulip, looper } = house
    zulip.shut()
    const announced = untilAnnounced(house)
    const headers = { "content-type": "application/json", "idempotency-key": "abandoned" }
    const client = httpRequest(`${looper().url}/run`, { method: "POST", headers, agent: false })
    client.on("error", () => undefined)
    client.end(JSON.stringify(body))
    await announced
    const closed = new Promise((resolve) => client.once("close", resolve))
    client.destroy()
    await closed
    const asking = house.ask("abandoned")
    await house.posts(2)
    zulip.open()
    const repeat = await asking
    assert.strictEqual(repeat.status, 200, repeat.text)
    assert.strictEqual(repeat.headers["idempotency-replayed"], "true")
    assert.isTrue(isAlive(runOf(repeat).pid))
    assert.strictEqual((await house.ask("abandoned")).text, repeat.text)
    assert.deepStrictEqual(house.effects(), oneRun)
  })

  it("of a failure under the lock gets that failure again; what was refused before it is free", async () => {
    const exiting = { codex_prompt: codexScript([{ exit: 7 }]), codex_exec_startup_check_seconds: 5 }
    const first = await house.ask("failing", exiting)
    assert.deepStrictEqual([first.status, first.body?.code], [500, "exited_early"])
    assertReplays(await house.ask("failing", exiting), first)
    assert.deepStrictEqual(house.effects(), oneRun)

    assert.strictEqual((await house.ask("free", { dry_run: true })).body?.dry_run, true)
    assert.strictEqual((await house.ask("free", { workspace: "/nowhere/at/all" })).status, 500)
    assert.strictEqual((await house.ask("free", { codex_prompt: 5 })).status, 400)
    assert.strictEqual((await house.ask("free")).status, 200)
  })

  it("is left alone on other routes", async () => {
    const headers = { "idempotency-key": "elsewhere" }
    for (const _ of [1, 2]) {
      const answer = await house.looper().request("POST", "/notify", { body: { zulip_message: "m" }, headers })
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(house.effects(), { messages: 1, runLogs: 0 })
    }
    assert.isUndefined((await house.ask("elsewhere")).headers["idempotency-replayed"])
  })

  it("that is none is refused with 400, and nothing is done", async () => {
    const text = JSON.stringify(body)
    const send = (...fields: ReadonlyArray<string>) => {
      const head = ["POST /run HTTP/1.1", "Host: localhost", "Content-Type: application/json", ...fields]
      return exchange(house.looper().url, `${head.join("\r\n")}\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
    }
    const key = "Idempotency-Key"
    const bad: ReadonlyArray<readonly [problem: string, fields: ReadonlyArray<string>]> = [
      ["it is empty", [`${key}:`]],
      ["it is empty", [`${key}: \t `]],
      ["it has 256", [`${key}: ${"k".repeat(256)}`]],
      ["its character 2 is U+0020", [`${key}: a b`]],
      ["its character 2 is U+0009", [`${key}: a\tb`]],
      ["its character 1 is U+00E9", [`${key}: \xe9`]],
      ["its character 2 is U+0080", [`${key}: a\x80`]],
      ["it came 2 times", [`${key}: a`, `${key.toLowerCase()}: b`]],
      ["it came 2 times", [`${key}: a`, `${key}: a`]],
      ["it came 2 times", [`${key}: a`, `${key}:`]],
      ["it came 2 times", [`${key}:`, `${key}:`]],
      ["it came 3 times", [`${key}: a`, `${key.toUpperCase()}: b`, `${key}: c`]]
    ]
    for (const [problem, fields] of bad) {
      const answer = await send(...fields)
      assertRefused(answer, 400, "invalid_request")
      const allowed = "'Idempotency-Key' must come once, as 1 to 255 visible ASCII characters"
      assert.strictEqual(answer.body?.error, `${allowed}: ${problem}`)
    }
    for (const value of ["a\0b", "a\x7fb"]) assert.strictEqual((await send(`${key}: ${value}`)).status, 400)
    assert.deepStrictEqual(house.effects(), nothing)
    assert.strictEqual((await send(`${key.toUpperCase()}: \t${"~".repeat(255)} `)).status, 200)
    assertReplays(await house.ask("~".repeat(255)), await house.ask("~".repeat(255)))
    assert.deepStrictEqual(house.effects(), oneRun)
  })
})

describe("a key in the next Looper", () => {
  it("gets the stored answer", async () => {
    await using house = await startHouse()
    const first = await house.ask("k")
    assert.strictEqual((await house.looper().stop()).code, 0)
    await house.next()
    assertReplays(await house.ask("k"), first)
    killHard(house.looper().pid)
    await house.looper().exited
    await house.next()
    assertReplays(await house.ask("k"), first)
    assertRefused(await house.ask("k", { zulip_message: "n" }), 422, "idempotency_key_reused")
    assert.deepStrictEqual(house.effects(), oneRun)
  })

  it("is told that its sequence was cut by a crash, however often it asks, and nothing is done", async () => {
    await using house = await startHouse()
    house.zulip.shut()
    const announced = untilAnnounced(house)
    const asking = house.ask("k").catch((error: unknown) => error)
    await announced
    killHard(house.looper().pid)
    assert.instanceOf(await asking, Error)
    await house.looper().exited
    house.zulip.open()
    await house.next()
    for (const _ of [1, 2]) assertRefused(await house.ask("k"), 500, "interrupted")
    assertRefused(await house.ask("k", { zulip_message: "n" }), 422, "idempotency_key_reused")
    assert.lengthOf(house.zulip.messages, 1)
    assert.strictEqual((await house.ask("fresh")).status, 200)
  })

  it("is told so too where a shutdown cut it, whose own caller is told to come again", async () => {
    await using house = await startHouse()
    house.zulip.shut()
    const announced = untilAnnounced(house)
    const asking = [house.ask("k"), house.ask("k")]
    await announced
    await house.posts(2)
    house.looper().signal("SIGTERM")
    for (const answer of await Promise.all(asking)) {
      assertRefused(answer, 503, "shutting_down")
      assert.strictEqual(answer.headers["retry-after"], "10")
    }
    assert.strictEqual((await house.looper().exited).code, 0)
    house.zulip.open()
    await house.next()
    for (const _ of [1, 2]) assertRefused(await house.ask("k"), 500, "interrupted")
    assert.lengthOf(house.zulip.messages, 1)
  })
})

describe("without a database", () => {
  it("a request with a key is refused before any effect, and one without is done", async () => {
    await using first = await startLooper()
    assert.strictEqual((await first.stop()).code, 0)
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(first.logDir, `looper.db${suffix}`), { force: true })
    mkdirSync(join(first.logDir, "looper.db"))
    const zulip = await startGatedZulip()
    await using looper = await startLooper({ reuse: first, env: zulip.env })
    const headers = { "idempotency-key": "k" }
    const refused = await looper.request("POST", "/run", { body, headers })
    assertRefused(refused, 503, "idempotency_unavailable")
    assert.strictEqual(refused.headers["retry-after"], "10")
    assert.deepStrictEqual([zulip.messages, looper.runLogs()], [[], []])
    const done = await looper.request("POST", "/run", { body })
    assert.strictEqual(done.status, 200, done.text)
    rmSync(join(looper.logDir, "looper.db"), { recursive: true })
    await until(async () => (await looper.request("POST", "/run", { body, headers })).status === 200, "it is back")
    assert.lengthOf(zulip.messages, 2)
    await zulip[Symbol.asyncDispose]()
  })
})
